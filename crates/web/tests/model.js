// A server in memory with one room, and links to it that break: what the tests of reconnecting stand on.

import { Session } from "../static/session.js";
import { parse } from "../static/wire.js";
import { START } from "./check.js";

const CAPS = "batch draft/chathistory draft/event-playback draft/multiline=max-bytes=4096,max-lines=10 echo-message "
  + "labeled-response message-tags server-time draft/read-marker";

/** A source of numbers that gives the same ones each time. */
export function numbers(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export class Server {
  now = START;
  /** All that was ever said in the room. @type {{id: string, time: number, line: string, text: string}[]} */
  log = [];
  /** @type {Set<Link>} */
  links = new Set();

  /** Says something to everybody in the room. */
  say(nick, text, tags = "", from) {
    const id = `m${this.log.length}`;
    const line = `:${nick}!~${nick}@host PRIVMSG #tea :${text}`;
    this.log.push({ id, time: this.now, line, text });
    for (const link of this.links) {
      if (!link.joined) continue;
      const label = link === from ? tags : "";
      link.toClient.push(`@time=${new Date(this.now).toISOString()};msgid=${id}${label} ${line}`);
    }
  }

  handle(link, text) {
    const { tags, command, params } = parse(text);
    const label = tags.get("label");
    const back = (line) => link.toClient.push(line);
    if (command === "CAP" && params[0] === "LS") back(`:s CAP * LS :${CAPS}`);
    if (command === "CAP" && params[0] === "REQ") back(`:s CAP * ACK :${params[1]}`);
    if (command === "CAP" && params[0] === "END") {
      back(`:s 001 ${link.nick} :Welcome`);
      back(`:s 005 ${link.nick} CHATHISTORY=7 CHANTYPES=# CASEMAPPING=ascii :are supported`);
      back(`:s 376 ${link.nick} :End`);
    }
    if (command === "JOIN") {
      link.joined = true;
      back(`@time=${new Date(this.now).toISOString()} :${link.nick}!~a@host JOIN #tea`);
    }
    if (command === "PRIVMSG") this.say(link.nick, params[1], `;label=${label}`, link);
    if (command === "PING") back(":s PONG s callbox");
    if (command === "CHATHISTORY") this.#page(link, params, label);
  }

  #page(link, [part, target, selector, limit], label) {
    const most = Math.min(Number(limit), 7);
    const id = selector.replace("msgid=", "");
    const time = Date.parse(selector.replace("timestamp=", ""));
    const place = this.log.findIndex((event) => event.id === id);
    const [before, after] = place >= 0 ? [this.log.slice(0, place), this.log.slice(place + 1)]
      : [this.log.filter((event) => event.time < time), this.log.filter((event) => event.time > time)];
    const found = part === "LATEST" ? this.log.slice(-most) : part === "AFTER" ? after.slice(0, most) : before.slice(-most);
    link.toClient.push(`@label=${label} :s BATCH +h chathistory ${target}`);
    for (const event of found) link.toClient.push(`@batch=h;time=${new Date(event.time).toISOString()};msgid=${event.id} ${event.line}`);
    link.toClient.push(":s BATCH -h");
  }
}

/** One connection: lines on their way, which are lost when it breaks. */
export class Link {
  toClient = [];
  toServer = [];
  joined = false;

  constructor(server, nick) {
    this.server = server;
    this.nick = nick;
    server.links.add(this);
  }
}

/** A person with a session, on links that break. */
export class Person {
  link = null;

  constructor(server, nick, random) {
    this.server = server;
    this.nick = nick;
    this.session = new Session({ random });
    this.session.start({ name: nick, mode: "guest", join: ["#tea"] }, server.now);
  }

  get room() {
    return this.session.rooms.get("#tea");
  }

  /** Moves up to `most` lines each way, and does what the session wishes. */
  step(most = Infinity) {
    const { server, session } = this;
    session.handleTimer(server.now);
    const wish = session.pollWish();
    if (wish === "open") {
      this.link = new Link(server, this.nick);
      session.handleOpen(server.now);
    }
    if (!this.link) return;
    for (const line of this.link.toClient.splice(0, most)) session.handleLine(line, server.now);
    this.link.toServer.push(...session.pollSend());
    for (const line of this.link.toServer.splice(0, most)) server.handle(this.link, line);
  }

  /** The link breaks; what was on its way is gone. */
  lose() {
    if (!this.link) return;
    this.server.links.delete(this.link);
    this.link = null;
    this.session.pollSend();
    this.session.handleClose(this.server.now);
  }
}
