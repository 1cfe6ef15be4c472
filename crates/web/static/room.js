// A room, or a conversation with one person: who is there, what was said, and how much of it was read.

import { Timeline } from "./timeline.js";

/** How long a typing notice holds (IRCv3 typing). */
const TYPING = { active: 6_000, paused: 30_000 };
/** Names shown as typing; more are only a crowd. */
const TYPING_MAX = 20;

/**
 * @typedef {object} Member
 * @property {string} nick
 * @property {string} ranks signs, the highest first
 * @property {boolean} away
 * @property {string} account
 * @property {string} realname
 */

export class Room {
  /** Own lines that the server has not confirmed. @type {import("./outbox.js").Own[]} */
  pending = [];
  /** Own reactions that the server has not confirmed. @type {Map<string, import("./reactions.js").Reacting>} */
  reacting = new Map();
  timeline = new Timeline();
  /** @type {Map<string, Member>} */
  members = new Map();
  /** By key of the nickname: when it ends. @type {Map<string, {nick: string, until: number}>} */
  typing = new Map();
  topic = "";
  modes = "";
  joined = false;
  /** Whether it is joined again after a reconnect. */
  wanted = false;
  /** Whether nothing is missing between what was known and the present. */
  caughtUp = false;
  /** Whether the beginning of its history is here. */
  complete = false;
  /** A page that was asked for. @type {null | {part: string, bound?: import("./timeline.js").Line, sent: number}} */
  page = null;
  /** Behind which line something is missing. @type {import("./timeline.js").Line | undefined} */
  gap = undefined;
  /** Up to when it was read; 0 if that is not known. */
  read = 0;
  /** Where reading stopped when the room was opened: the view's line. */
  divider = 0;
  unread = 0;
  mentions = 0;
  /** Whether the other of a private conversation is here, as far as known. @type {boolean | undefined} */
  present = undefined;
  away = "";

  /**
   * @param {string} key the folded name
   * @param {string} name
   * @param {"room" | "private" | "server"} kind
   */
  constructor(key, name, kind) {
    this.key = key;
    this.name = name;
    this.kind = kind;
  }

  /** @param {string} key @param {string} nick @returns {Member} */
  meet(key, nick) {
    let member = this.members.get(key);
    if (!member) this.members.set(key, (member = { nick, ranks: "", away: false, account: "", realname: "" }));
    return member;
  }

  /** Counts anew what was not read. */
  recount() {
    this.unread = this.mentions = 0;
    const { lines } = this.timeline;
    for (let at = lines.length - 1; at >= 0 && lines[at].time > this.read; at -= 1) this.count(lines[at]);
  }

  /** Counts one more line. */
  count(line) {
    if (line.own || line.redacted || line.time <= this.read) return;
    if (line.kind !== "said" && line.kind !== "action" && !(line.kind === "notice" && this.kind === "private")) return;
    this.unread += 1;
    if (line.mention) this.mentions += 1;
  }

  /** All up to `time` was read. @returns {boolean} whether that is news */
  markRead(time) {
    if (time <= this.read) return false;
    this.read = time;
    this.recount();
    return true;
  }

  /** @param {string} key @param {string} nick @param {string} state `active`, `paused` or `done` */
  types(key, nick, state, now) {
    if (TYPING[state] && (this.typing.size < TYPING_MAX || this.typing.has(key))) {
      this.typing.set(key, { nick, until: now + TYPING[state] });
    } else this.typing.delete(key);
  }

  /** Ends the notices that have held long enough. @returns {boolean} whether there were any */
  stopTyping(now) {
    const before = this.typing.size;
    for (const [key, { until }] of this.typing) if (until <= now) this.typing.delete(key);
    return this.typing.size !== before;
  }
}
