// What the tests of the page's core stand on: comparing, and a session that is talked to by lines.

import { Session } from "../static/session.js";

/** Fails unless the two are the same, all the way down. */
export function same(found, wanted, about = "") {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${about}\nfound  ${a}\nwanted ${b}`);
}

export function that(truth, about = "it does not hold") {
  if (!truth) throw new Error(about);
}

/** When the tests begin: 2026-01-01T00:00:00Z. */
export const START = 1_767_225_600_000;

/** What the server of the tests knows. */
export const CAPS = "batch draft/chathistory draft/event-playback draft/message-redaction draft/multiline=max-bytes=4096,max-lines=10 "
  + "draft/read-marker echo-message extended-join labeled-response message-tags multi-prefix server-time "
  + "draft/account-registration=before-connect sasl=PLAIN standard-replies";

/** A session whose server is the test: what it sends is looked at, what it hears is given. */
export class Wire {
  now = START;

  constructor({ caps = CAPS, settings = {} } = {}) {
    this.caps = caps;
    this.session = new Session({ random: () => 0.5 });
    this.settings = { name: "alice", mode: "guest", join: ["#tea"], ...settings };
    this.session.start(this.settings, this.now);
    same(this.session.pollWish(), "open");
    this.open();
  }

  open() {
    this.session.handleOpen(this.now);
  }

  /** Lines from the server; those to one who is in have the time in front. @returns {string[]} what is said back */
  hear(...lines) {
    for (const line of lines) this.session.handleLine(line, this.now);
    return this.sent();
  }

  /** What was sent since the last look. */
  sent() {
    return this.session.pollSend();
  }

  pass(milliseconds) {
    this.now += milliseconds;
    this.session.handleTimer(this.now);
    return this.sent();
  }

  /** Answers what comes before the welcome, and says it. */
  enter(nick = "alice") {
    this.negotiate();
    this.welcome(nick);
    return this;
  }

  /** Grants what is asked for. @returns {string[]} what is said to that */
  negotiate() {
    this.sent();
    const asked = this.hear(`:irc.test CAP * LS :${this.caps}`).filter((line) => line.startsWith("CAP REQ"));
    return asked.flatMap((line) => this.hear(`:irc.test CAP * ACK :${line.slice(line.indexOf(":") + 1)}`));
  }

  welcome(nick = "alice") {
    return this.hear(`:irc.test 001 ${nick} :Welcome`,
      `:irc.test 005 ${nick} CASEMAPPING=ascii CHANTYPES=# PREFIX=(ohv)@%+ CHANMODES=Ibe,k,l,imnst NETWORK=test CHATHISTORY=100 STATUSMSG=@%+ :are supported`,
      `:irc.test 376 ${nick} :End of MOTD`);
  }

  /** Comes into a room of which this is the last page. */
  enterRoom(page = [], name = "#tea", nick = "alice") {
    const asked = this.hear(`@time=${this.stamp()};msgid=join-${name}-${this.now} :${nick}!~a@host JOIN ${name} * :A`, `:irc.test 366 ${nick} ${name} :End`);
    this.page(asked.find((line) => line.includes("CHATHISTORY")), page);
    return this.session.rooms.get(name);
  }

  /** Answers a request for history with a page of lines. */
  page(request, lines) {
    const [, label] = /@label=(\S+)/.exec(request) ?? [];
    const target = request.split(" ")[3];
    return this.hear(`@label=${label} :irc.test BATCH +page chathistory ${target}`,
      ...lines.map((line) => line.replace(/^@/, "@batch=page;")), ":irc.test BATCH -page");
  }

  stamp(time = this.now) {
    return new Date(time).toISOString();
  }

  /** A line as the server writes it. */
  said(nick, id, text, target = "#tea", time = this.now, tags = "") {
    return `@time=${this.stamp(time)};msgid=${id}${tags} :${nick}!~u@host PRIVMSG ${target} :${text}`;
  }

  lose() {
    this.session.handleClose(this.now);
  }
}

/** What was said in a room, in the order in which it stands. */
export const texts = (room) => room.timeline.lines.filter(({ kind }) => kind !== "event" && kind !== "info").map(({ text }) => text);
