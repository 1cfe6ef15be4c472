// The chat as a state machine: it is given what the connection brings and what the person wants, with the
// time, and gives lines to send and events to show. It has no socket, no clock and no page.
//
// The shell calls `handle*`, then `pollSend`, `pollWish` and `pollEvents` until they are empty, and
// `handleTimer` at the time that `pollTimeout` says.

import { Backoff } from "./backoff.js";
import { Batches, joined } from "./batches.js";
import { Capabilities } from "./capabilities.js";
import * as entry from "./entry.js";
import { handleMessage } from "./handlers.js";
import { handleTargets } from "./numerics.js";
import * as history from "./history.js";
import { Isupport } from "./isupport.js";
import { infoLine } from "./lines.js";
import * as outbox from "./outbox.js";
import { confirmReaction, react } from "./reactions.js";
import { Room } from "./room.js";
import { byteLength } from "./text.js";
import { build, parse } from "./wire.js";

/** Silence after which the server is asked whether it is there, and how long it has to answer. */
const SILENCE = 45_000;
const ANSWER = 20_000;
/** Bytes of names in one JOIN. */
const JOIN_ROOM = 400;
/** Read markers are told at most so often. */
const MARK_PAUSE = 1_000;
/** A typing notice goes out at most so often (IRCv3 typing). */
const TYPING_PAUSE = 3_000;
/** Rooms that one session holds: a peer opens one with each name that it writes from. */
const ROOMS_MAX = 500;

export class Session {
  /** @type {"off" | "connecting" | "entering" | "online" | "waiting"} */
  state = "off";
  /** What the person has to decide. @type {null | {code: string, text: string, detail: string}} */
  problem = null;
  /** @type {Map<string, Room>} by folded name; "" is the server's own */
  rooms = new Map([["", new Room("", "", "server")]]);
  /** The room that the person looks at. */
  active = "";
  me = { nick: "", user: "", host: "", account: "", away: false };
  caps = new Capabilities();
  isupport = new Isupport();
  /** Counts connections. */
  epoch = 0;
  /** Whether the chat was entered before, so that coming back needs no questions. */
  entered = false;
  lastError = "";
  /** How far the server's clock is ahead of ours, in milliseconds. */
  skew = 0;
  retryAt = Infinity;
  /** Rooms of the answer to LIST. */
  listed = [];
  /** What the server says of somebody, until all of it is said. */
  about = {};
  #batches = new Batches();
  #sends = [];
  #wish = null;
  #events = [];
  #changes = new Map();
  #labels = new Map();
  #made = 0;
  #names = [];
  #heardAt = 0;
  #pingAt = 0;
  /** Of rooms that need one to be joined again. */
  #keys = new Map();
  #marks = new Set();
  #marksAt = Infinity;
  #typing = { key: "", at: 0 };
  #now = 0;

  /** @param {{random?: () => number}} [options] */
  constructor({ random = Math.random } = {}) {
    this.random = random;
    this.backoff = new Backoff(random);
  }

  get online() {
    return this.state === "online";
  }

  // What the shell says.

  /**
   * Enters the chat, or tries again with other settings.
   * @param {{name: string, mode: "guest" | "login" | "register", account?: string, password?: string,
   *   email?: string, serverPassword?: string, join: string[]}} settings
   */
  start(settings, now) {
    this.#now = now;
    const before = this.settings;
    this.settings = settings;
    const { problem } = this;
    this.problem = null;
    if (this.state === "entering" && problem && before?.serverPassword === settings.serverPassword) {
      if (settings.name !== this.tried || problem.code === "taken") {
        this.tried = settings.name;
        this.send("NICK", [settings.name]);
      }
      if (!this.negotiated) entry.identify(this);
    } else if (this.state === "entering") this.#wish = "reopen";
    else if (this.state !== "online" && this.state !== "connecting") this.#open();
    this.changed("state");
  }

  /** The code by which a new account is confirmed. */
  verify(code) {
    this.send("VERIFY", [this.problem?.detail || this.settings.name, code]);
    this.problem = null;
    this.changed("state");
  }

  handleOpen(now) {
    this.#now = this.#heardAt = now;
    this.#pingAt = 0;
    this.epoch += 1;
    this.state = "entering";
    this.caps = new Capabilities();
    this.isupport = new Isupport();
    this.#batches.clear();
    this.#labels.clear();
    this.me = { ...this.me, account: "" };
    this.negotiated = false;
    entry.begin(this);
    this.changed("state");
  }

  /** @param {string} text a line as it came */
  handleLine(text, now) {
    this.#now = this.#heardAt = now;
    this.#pingAt = 0;
    const message = parse(text);
    const time = message && !message.tags.has("batch") && Date.parse(message.tags.get("time") ?? "");
    if (time) this.skew = time - now;
    const whole = message && this.#batches.take(message);
    if (whole) this.#handle(whole, undefined);
  }

  handleClose(now) {
    this.#now = now;
    if (this.online) this.backoff.reset();
    const asked = this.problem && this.problem.code !== "password";
    for (const room of this.rooms.values()) {
      room.joined = false;
      room.page = null;
      room.typing.clear();
      room.present = undefined;
      outbox.doubt(room);
      this.changed("lines", room);
    }
    this.signing = this.registering = false;
    if (this.state === "off" || asked || this.problem) this.state = "off";
    else {
      this.state = "waiting";
      this.retryAt = now + this.backoff.next();
    }
    this.changed("state");
    this.changed("rooms");
  }

  /** Something was to happen about now. */
  handleTimer(now) {
    this.#now = now;
    if (this.state === "waiting" && now >= this.retryAt) this.#open();
    if (this.state === "online" || this.state === "entering") {
      if (this.#pingAt && now - this.#pingAt >= ANSWER) {
        this.#pingAt = 0;
        this.#wish = "reopen";
      } else if (this.online && !this.#pingAt && now - this.#heardAt >= SILENCE) {
        this.#pingAt = now;
        this.send("PING", ["callbox"]);
      }
    }
    for (const room of this.rooms.values()) {
      if (room.stopTyping(now)) this.changed("typing", room);
      if (room.page) history.handlePatience(this, room, now);
    }
    if (now >= this.#marksAt) this.#tellMarks();
  }

  /** The machine woke up, or the person asks: the next try is now. */
  hurry(now) {
    this.#now = now;
    if (this.state === "waiting") this.#open();
    else if (this.online && !this.#pingAt && now - this.#heardAt > 5_000) {
      this.#pingAt = now;
      this.send("PING", ["callbox"]);
    }
  }

  // What the shell asks.

  /** Lines to send, without their endings. @returns {string[]} */
  pollSend() {
    return this.#sends.splice(0);
  }

  /** What is to be done with the connection. @returns {null | "open" | "close" | "reopen"} */
  pollWish() {
    const wish = this.#wish;
    this.#wish = null;
    return wish;
  }

  /** When `handleTimer` is to be called. */
  pollTimeout() {
    let at = Math.min(this.state === "waiting" ? this.retryAt : Infinity, this.#marksAt);
    if (this.#pingAt) at = Math.min(at, this.#pingAt + ANSWER);
    else if (this.online) at = Math.min(at, this.#heardAt + SILENCE);
    for (const room of this.rooms.values()) {
      for (const { until } of room.typing.values()) at = Math.min(at, until);
      if (room.page) at = Math.min(at, room.page.sent + 30_000);
    }
    return at;
  }

  /** What changed (`{kind: "changed", what, room}`), and what happened once. */
  pollEvents() {
    const events = [...this.#changes.values(), ...this.#events.splice(0)];
    this.#changes.clear();
    return events;
  }

  // What the person does.

  /** Whether what is said in `room` goes out, now or once the connection is there. @param {Room} room */
  maySay(room) {
    return room.kind === "private" || (room.kind === "room" && (room.joined || room.wanted));
  }

  /** @returns {boolean} whether it was taken */
  say(room, text, now, how = {}) {
    this.#now = now;
    if (!this.maySay(room)) return false;
    const taken = outbox.say(this, room, text, how, now);
    if (taken) this.#typing.at = 0;
    return taken;
  }

  /** Sends again what failed. */
  again(room, own, now) {
    outbox.again(this, room, own, now);
  }

  /** Gives up what failed. */
  discard(room, own) {
    outbox.discard(this, room, own);
  }

  /** The person writes, or has emptied what they wrote. */
  type(room, active, now) {
    const same = this.#typing.key === room.key;
    if (!this.online || !this.caps.has("message-tags") || !this.isupport.allowsTag("typing")) return;
    if (room.kind === "server" || (room.kind === "room" && !room.joined) || room.present === false) return;
    if (active ? same && now - this.#typing.at < TYPING_PAUSE : !same || !this.#typing.at) return;
    this.#typing = { key: room.key, at: active ? now : 0 };
    this.send("TAGMSG", [room.name], { "+typing": active ? "active" : "done" });
  }

  /** @returns {boolean} whether it was taken */
  react(room, line, emoji, on, now) {
    this.#now = now;
    const taken = this.maySay(room) && react(this, room, line, emoji, on, now);
    if (taken) outbox.flush(this, room, now);
    return taken;
  }

  redact(room, line, reason = "") {
    this.request("REDACT", reason ? [room.name, line.msgid, reason] : [room.name, line.msgid], { room });
  }

  /** All that is in `room` was read. */
  markRead(room, now) {
    this.#now = now;
    const last = room.timeline.last();
    if (!last || !room.markRead(last.time)) return;
    this.changed("rooms");
    if (!this.caps.has("draft/read-marker") || room.kind === "server") return;
    this.#marks.add(room);
    if (this.#marksAt === Infinity) this.#marksAt = now + MARK_PAUSE;
  }

  /** @param {string} name @param {string} [key] */
  join(name, key) {
    if (key) this.#keys.set(this.isupport.fold(name), key);
    this.request("JOIN", key ? [name, key] : [name], { joins: name });
  }

  /** Joins several rooms, those that need a key by the one that they had. @param {string[]} names */
  joinAll(names) {
    const open = names.filter((name) => !this.#keys.has(this.isupport.fold(name)));
    for (const name of names) if (!open.includes(name)) this.send("JOIN", [name, this.#keys.get(this.isupport.fold(name))]);
    while (open.length) {
      const some = [open.shift()];
      while (open.length && byteLength(`${some.join()},${open[0]}`) < JOIN_ROOM) some.push(open.shift());
      this.send("JOIN", [some.join()]);
    }
  }

  /** Leaves a room, or closes a conversation. */
  leave(room) {
    if (room.kind === "server") return;
    room.wanted = false;
    if (room.kind === "room" && room.joined) this.send("PART", [room.name]);
    else {
      if (room.kind === "private" && this.online && this.isupport.tokens.has("MONITOR")) this.send("MONITOR", ["-", room.name]);
      this.rooms.delete(room.key);
      this.changed("rooms");
    }
  }

  /** Opens a conversation with one person. @returns {Room} */
  talkTo(nick, now) {
    const key = this.isupport.fold(nick);
    const known = this.rooms.get(key);
    if (known) return known;
    const room = this.open(nick, "private");
    if (this.online) this.greet(room, now);
    return room;
  }

  loadOlder(room, now) {
    history.loadOlder(this, room, now);
  }

  changeName(name) {
    if (this.settings) this.settings = { ...this.settings, name };
    this.send("NICK", [name]);
  }

  /** @param {string} text empty for being back */
  setAway(text) {
    this.awayText = text;
    this.send("AWAY", text ? [text] : []);
  }

  /** Signs in to an account while one is in the chat. */
  signIn(account, password) {
    this.settings = { ...this.settings, mode: "login", account, password };
    entry.identify(this);
  }

  register(password, email) {
    this.settings = { ...this.settings, mode: "register", account: undefined, password, email };
    entry.register(this);
  }

  /** A line of IRC as the person typed it. */
  sendRaw(line) {
    const message = parse(line);
    if (message) this.request(message.command, message.params, {}, Object.fromEntries(message.tags));
  }

  quit() {
    if (this.online) this.send("QUIT", []);
    this.state = "off";
    this.entered = false;
    this.#wish = "close";
    // Who comes next may be somebody else.
    this.rooms = new Map([["", new Room("", "", "server")]]);
    this.active = "";
    this.me = { nick: "", user: "", host: "", account: "", away: false };
    this.#names = [];
    this.#keys.clear();
    this.#marks.clear();
    this.changed("state");
  }

  // For the parts of the machine.

  send(command, params, tags) {
    this.#sends.push(build(command, params, tags));
  }

  /** Sends a command whose answer is known again by its label. */
  request(command, params, about, tags = {}) {
    let label;
    if (this.caps.labels) {
      label = (this.#made += 1).toString(36);
      this.#labels.set(label, about);
    }
    this.send(command, params, { label, ...tags });
    return label;
  }

  /** @param {Room} room */
  lineContext(room, now, past = false) {
    const { fold } = this.isupport;
    const isOwn = (nick) => this.isMe(nick) || (past && this.#names.includes(fold.call(this.isupport, nick)));
    return { now, isOwn, nick: this.me.nick, private: room.kind === "private" };
  }

  isMe(nick) {
    return this.isupport.fold(nick) === this.isupport.fold(this.me.nick);
  }

  rename(nick) {
    this.me.nick = nick;
    const key = this.isupport.fold(nick);
    if (!this.#names.includes(key)) this.#names = [...this.#names, key].slice(-20);
    this.changed("state");
  }

  /** A reaction, a redaction or a typing notice. */
  applyToLine(room, message, now) {
    const { tags, nick, params } = message;
    const time = Date.parse(tags.get("time") ?? "") || now;
    if (message.command === "REDACT") return room.timeline.redact(params[1] ?? "", nick, params[2] ?? "");
    const reply = tags.get("+draft/reply") ?? tags.get("+reply");
    if (!reply) return;
    for (const [tag, on] of [["+draft/react", true], ["+draft/unreact", false]]) {
      if (!tags.has(tag)) continue;
      const key = this.isupport.fold(nick);
      const reaction = { nick, own: this.isMe(nick), on, time };
      room.timeline.react(reply, tags.get(tag), key, reaction);
      if (reaction.own) confirmReaction(room, reply, tags.get(tag), key, reaction);
    }
  }

  /** The room of this name, opened if there is none. @returns {Room} */
  open(name, kind = this.isupport.isChannel(name) ? "room" : "private") {
    const key = this.isupport.fold(name);
    let room = this.rooms.get(key);
    if (!room) {
      if (this.rooms.size >= ROOMS_MAX) return this.rooms.get("");
      room = new Room(key, name, kind);
      this.rooms.set(key, room);
      this.changed("rooms");
    }
    return room;
  }

  /** A conversation with one person begins, or goes on after a reconnect. */
  greet(room, now) {
    if (room.kind !== "private") return;
    if (this.isupport.tokens.has("MONITOR")) this.send("MONITOR", ["+", room.name]);
    if (this.caps.has("draft/read-marker")) this.send("MARKREAD", [room.name]);
    history.catchUp(this, room, room.timeline.last(), now);
  }

  /** Says something of this client's own where the person looks, or in `room`. */
  tell(text, room = this.rooms.get(this.active) ?? this.rooms.get(""), event) {
    room.timeline.add(infoLine(text, Math.max(this.#now, room.timeline.lines.at(-1)?.time ?? 0), event));
    this.changed("lines", room);
  }

  /** The person has to decide something before it goes on. */
  fail(code, text = "", detail = "") {
    this.problem = { code, text, detail };
    this.changed("state");
  }

  changed(what, room) {
    this.#changes.set(`${what} ${room?.key ?? ""}`, { kind: "changed", what, room });
  }

  emit(event) {
    this.#events.push(event);
  }

  #open() {
    this.state = "connecting";
    this.retryAt = Infinity;
    this.#wish = "open";
    this.changed("state");
  }

  /** A message, or a batch, under the label of what encloses it. */
  #handle(item, outer) {
    const tags = item.opened ? item.opened.tags : item.tags;
    const label = tags.get("label");
    const asked = (label !== undefined && this.#labels.get(label)) || outer;
    if (label !== undefined) this.#labels.delete(label);
    if (!item.opened) handleMessage(this, item, asked, this.#now);
    else if (item.type === "chathistory") {
      const room = asked?.room ?? this.rooms.get(this.isupport.fold(item.params[0] ?? ""));
      if (room) history.handlePage(this, room, item, this.#now);
    } else if (item.type === "draft/multiline") {
      const message = joined(item);
      if (message) handleMessage(this, message, asked, this.#now);
    } else if (item.type === "draft/chathistory-targets") handleTargets(this, item.items, this.#now);
    else for (const inner of item.items) this.#handle(inner, asked);
  }

  #tellMarks() {
    for (const room of this.#marks) {
      if (this.online) this.send("MARKREAD", [room.name, `timestamp=${new Date(room.read).toISOString()}`]);
    }
    this.#marks.clear();
    this.#marksAt = Infinity;
  }
}
