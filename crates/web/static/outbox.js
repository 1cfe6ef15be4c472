// Own lines on their way: each goes out once and in order, and is confirmed by its echo.
//
// waiting → sending → received. A line that was being sent when the connection was lost is in doubt: it is
// looked for in the history, and sent again only if it is not there.

import { lineOf } from "./lines.js";
import { flushReactions } from "./reactions.js";
import { byteLength, lines, splitText } from "./text.js";
import { BODY_MAX, build, parse } from "./wire.js";

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

/** @typedef {import("./session.js").Session} Session @typedef {import("./room.js").Room} Room */

let made = 0;

/** How much two clocks may differ beyond what is known of it. */
const CLOCKS = 60_000;
/** Lines of one room that may wait to be sent. More are refused, so that a pasted book is no flood. */
const WAITING_MAX = 500;

/**
 * Takes a text, and sends it if the connection is there.
 * @param {Session} session @param {Room} room @param {string} text
 * @param {{kind?: Own["kind"], reply?: string, edits?: string}} how
 * @returns {boolean} whether it was taken
 */
export function say(session, room, text, { kind, reply, edits }, now) {
  const { caps, isupport, me } = session;
  const may = (tag, value) => (caps.has("message-tags") && isupport.allowsTag(tag) ? value : undefined);
  const values = caps.has("draft/multiline", "batch") ? caps.value("draft/multiline") : null;
  const multiline = values && { bytes: Number(values["max-bytes"]) || 4096, lines: Number(values["max-lines"]) || 24 };
  const owns = compose(text, { kind, reply: may("draft/reply", reply), edits: may("draft/edit", edits), now },
    { room: textRoom(me, isupport, room.name, kind), multiline });
  if (!owns.length || room.pending.length + owns.length > WAITING_MAX) return false;
  room.pending.push(...owns);
  flush(session, room, now);
  session.changed("lines", room);
  return true;
}

/** Sends again what failed. @param {Session} session @param {Room} room @param {Own} own */
export function again(session, room, own, now) {
  if (own.state !== "failed") return;
  room.pending = room.pending.filter((other) => other !== own);
  room.pending.push({ ...own, state: "waiting", reason: undefined, time: now });
  flush(session, room, now);
  session.changed("lines", room);
}

/** An own line is confirmed, or given up. @param {Session} session @param {Room} room @param {Own} own */
export function discard(session, room, own) {
  room.pending = room.pending.filter((other) => other !== own);
  session.changed("lines", room);
}

/** Own lines that wait go out, in their order, and own reactions after them. @param {Session} session @param {Room} room */
export function flush(session, room, now) {
  if (!session.online || !room.caughtUp || (room.kind === "room" && !room.joined)) return;
  for (const own of [...room.pending]) if (own.state === "waiting") send(session, room, own, now);
  flushReactions(session, room, now);
}

/** The connection is lost: of what was being sent nobody knows whether it arrived; a reaction may go twice. @param {Room} room */
export function doubt(room) {
  for (const own of room.pending) if (own.state === "sending") own.state = "doubtful";
  for (const one of room.reacting.values()) one.sent = false;
}

/** What was in doubt and is not in the history is sent again, or if that cannot be known left to the person. */
export function settleDoubts(room, known) {
  for (const own of room.pending) {
    if (own.state !== "doubtful") continue;
    own.state = known ? "waiting" : "failed";
    own.reason = known ? undefined : "unknown";
  }
}

/** An own line is in the history: was it in doubt, it was sent. @param {Session} session @param {Room} room */
export function confirm(session, room, line) {
  const own = room.pending.length && echoed(room.pending, line);
  if (own && line.time >= own.time + session.skew - CLOCKS) discard(session, room, own);
}

/**
 * A text as the messages that carry it.
 * @param {string} text
 * @param {{kind?: Own["kind"], reply?: string, edits?: string, now: number}} how
 * @param {{room: number, multiline: null | {bytes: number, lines: number}}} limits bytes of text in one line,
 *   and of a message of several lines where the server knows them
 * @returns {Own[]}
 */
function compose(text, { kind = "said", reply, edits, now }, limits) {
  const whole = lines(text).map((line) => line.replace(/\0/g, "")).join("\n").replace(/^\n+|\s+$/g, "");
  if (!whole) return [];
  const make = (piece, index) => ({
    id: `m${(made += 1)}`, text: piece, kind, state: "waiting", reply: index ? undefined : reply,
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
function textRoom(me, isupport, target, kind = "said") {
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

function send(session, room, own, now) {
  const { caps, isupport, me } = session;
  const text = own.kind === "action" ? `\x01ACTION ${own.text}\x01` : own.text;
  const command = own.kind === "notice" ? "NOTICE" : "PRIVMSG";
  const tags = { "+draft/reply": own.reply, "+draft/edit": own.edits };
  const space = textRoom(me, isupport, room.name, own.kind);
  own.state = "sending";
  own.time = now;
  if (own.kind === "said" && (text.includes("\n") || byteLength(text) > space) && caps.has("draft/multiline")) {
    const batch = own.id;
    own.label = session.request("BATCH", [`+${batch}`, "draft/multiline", room.name], { room, own }, tags);
    for (const line of text.split("\n")) {
      for (const [index, piece] of (line ? splitText(line, space) : [""]).entries()) {
        session.send("PRIVMSG", [room.name, piece], { batch, "draft/multiline-concat": index ? "" : undefined });
      }
    }
    session.send("BATCH", [`-${batch}`]);
  } else own.label = session.request(command, [room.name, text], { room, own }, tags);
  if (caps.has("echo-message")) return;
  // Nothing will come back: what is sent counts as said.
  const message = parse(build(command, [room.name, text], tags));
  const line = lineOf({ ...message, nick: me.nick }, session.lineContext(room, now));
  discard(session, room, own);
  if (line && room.timeline.add(line) && line.edits) room.timeline.edit(line);
}
