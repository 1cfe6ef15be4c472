// Own lines on their way: each goes out once and in order, and is confirmed by its echo.
//
// waiting → sending → received. A line that was being sent when the connection was lost is in doubt: it is
// looked for in the history, and sent again only if it is not there.

import { byteLength, lines, splitText } from "./text.js";
import { BODY_MAX } from "./wire.js";

/**
 * @typedef {object} Own
 * @property {string} id
 * @property {string} text
 * @property {"said" | "action" | "notice"} kind
 * @property {"waiting" | "sending" | "doubtful" | "failed"} state
 * @property {string} [reason] why it failed
 * @property {string} [reply]
 * @property {string} [edits]
 * @property {number} time
 * @property {string} [label]
 */

let made = 0;

/** Lines of one room that may wait to be sent. More are refused, so that a pasted book is no flood. */
export const WAITING_MAX = 500;

/**
 * A text as the messages that carry it.
 * @param {string} text
 * @param {{kind?: Own["kind"], reply?: string, edits?: string, now: number}} how
 * @param {{room: number, multiline: null | {bytes: number, lines: number}}} limits bytes of text in one line,
 *   and of a message of several lines where the server knows them
 * @returns {Own[]}
 */
export function compose(text, { kind = "said", reply, edits, now }, limits) {
  const whole = lines(text).map((line) => line.replace(/\0/g, "")).join("\n").replace(/^\n+|\s+$/g, "");
  if (!whole) return [];
  const make = (piece, index) => ({
    id: `own-${(made += 1)}`, text: piece, kind, state: "waiting", reply: index ? undefined : reply,
    edits: index ? undefined : edits, time: now,
  });
  const short = !whole.includes("\n") && byteLength(whole) <= limits.room;
  if (short || kind !== "said" || !limits.multiline) return pieces(whole, limits.room).map(make);
  const messages = [];
  let size = 0;
  let count = 0;
  for (const line of whole.split("\n")) {
    for (const [index, piece] of (line ? splitText(line, limits.room) : [""]).entries()) {
      const bytes = byteLength(piece) + 1;
      const fits = messages.length && size + bytes <= limits.multiline.bytes && count < limits.multiline.lines;
      if (fits) messages[messages.length - 1] += (index ? "" : "\n") + piece;
      else messages.push(piece);
      size = fits ? size + bytes : bytes;
      count = fits ? count + 1 : 1;
    }
  }
  return messages.filter((message) => message.trim()).map(make);
}

/** Each line cut to what one message holds; empty lines say nothing. */
const pieces = (text, room) => text.split("\n").filter((line) => line.trim()).flatMap((line) => splitText(line, room));

/**
 * How many bytes of text fit into one line to `target`, as everybody gets it: with our whole prefix.
 * @param {{nick: string, user: string, host: string}} me what is not known yet counts with its greatest length
 * @param {import("./isupport.js").Isupport} isupport
 */
export function textRoom(me, isupport, target, kind = "said") {
  const user = me.user ? byteLength(me.user) : isupport.number("USERLEN", 18) + 1;
  const host = me.host ? byteLength(me.host) : isupport.number("HOSTLEN", 64);
  const prefix = 1 + byteLength(me.nick) + 1 + user + 1 + host;
  const command = kind === "notice" ? "NOTICE" : "PRIVMSG";
  const action = kind === "action" ? 9 : 0;
  const most = isupport.number("LINELEN", BODY_MAX);
  return Math.max(64, most - 2 - prefix - 1 - command.length - 1 - byteLength(target) - 2 - action);
}

/**
 * The first own line of `pending` that this line of the server may be the echo of, found without a label.
 * @param {Own[]} pending
 * @param {import("./timeline.js").Line} line
 */
export function echoed(pending, line) {
  return pending.find((own) => (own.state === "sending" || own.state === "doubtful")
    && own.kind === line.kind && own.text.replace(/\s+$/, "") === line.text.replace(/\s+$/, ""));
}

/** An own line was refused. */
export function failed(session, room, own, reason) {
  own.state = "failed";
  own.reason = reason;
  session.changed("lines", room);
}
