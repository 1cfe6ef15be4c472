// Asking for what was said before: the page above when somebody scrolls up, and after a reconnect all that
// is missing between what was known and the present.

import { lineOf } from "./lines.js";
import { joined } from "./batches.js";
import * as outbox from "./outbox.js";
import { KEPT } from "./timeline.js";

/** Lines of a page: of the first, of those above, and of those that fill a gap. */
const PAGE = { LATEST: 80, BEFORE: 100, AFTER: 400 };
/** How long an answer may take before it is asked for again. */
const PATIENCE = 30_000;

/** @typedef {import("./session.js").Session} Session @typedef {import("./room.js").Room} Room */

/**
 * The room was entered, or the connection is there again: what is missing is fetched.
 * @param {Session} session @param {Room} room
 * @param {import("./timeline.js").Line} [last] the last line that is known from before
 */
export function catchUp(session, room, last, now) {
  room.page = null;
  room.gap ??= last;
  room.caughtUp = false;
  if (!session.caps.history) return settled(session, room, now, false);
  ask(session, room, room.gap ? "AFTER" : "LATEST", room.gap, now);
}

/** Fetches the page above. @param {Session} session @param {Room} room */
export function loadOlder(session, room, now) {
  if (room.complete || room.page || !session.online || !session.caps.history || room.kind === "server") return;
  if (room.kind === "room" && !room.joined) return;
  if (room.timeline.lines.length >= KEPT) return;
  const first = room.timeline.first();
  ask(session, room, first ? "BEFORE" : "LATEST", first, now);
}

function ask(session, room, part, bound, now, byTime = false) {
  const known = (session.isupport.tokens.get("MSGREFTYPES") ?? "msgid,timestamp").includes("msgid");
  const selector = !bound ? "*" : bound.msgid && known && !byTime ? `msgid=${bound.msgid}`
    : `timestamp=${new Date(bound.time + shift(part)).toISOString()}`;
  const most = session.isupport.number("CHATHISTORY", 0) || Infinity;
  room.page = { part, bound, sent: now, byTime: !selector.startsWith("msgid") };
  session.changed("lines", room);
  session.request("CHATHISTORY", [part, room.name, selector, String(Math.min(PAGE[part], most))], { room, page: room.page });
}

/** By time the bound's own moment is asked for as well: what else was said in it may be missing. */
const shift = (part) => (part === "AFTER" ? -1 : 1);

/**
 * A page is there.
 * @param {Session} session @param {Room} room @param {import("./batches.js").Batch} batch
 */
export function handlePage(session, room, batch, now) {
  const asked = room.page;
  room.page = null;
  const messages = batch.items.map((item) => (item.items ? joined(item) : item)).filter(Boolean);
  const { fresh, last, any } = takeIn(session, room, messages, asked ?? {}, now);
  if (!asked) return;
  if (asked.part === "BEFORE" && !any) room.complete = true;
  if (asked.part === "LATEST") {
    if (!messages.length) room.complete = true;
    settled(session, room, now);
  }
  if (asked.part === "AFTER") {
    const met = last && last.epoch === session.epoch && last.live;
    const same = !last || last.id === asked.bound?.id || (asked.byTime && !any);
    room.gap = last ?? room.gap;
    if (met || same) settled(session, room, now);
    else if (room.timeline.lines.length > KEPT) startAnew(session, room, now);
    else ask(session, room, "AFTER", last, now);
  }
  if (fresh.length) session.changed("rooms");
  session.changed("lines", room);
}

/** The server refused a page. @returns {boolean} whether that is dealt with */
export function handleRefusal(session, room, code, now) {
  const asked = room.page;
  if (!asked) return false;
  room.page = null;
  session.changed("lines", room);
  if (asked.bound && !asked.byTime && code === "MESSAGE_ERROR") {
    // The line may be one that was taken back or is too old: its time still says where to begin.
    ask(session, room, asked.part, asked.bound, now, true);
  } else if (asked.part === "BEFORE") room.complete = true;
  else settled(session, room, now, false);
  return true;
}

/** Asks again where no answer came. */
export function handlePatience(session, room, now) {
  if (!room.page || now - room.page.sent < PATIENCE) return;
  const { part, bound } = room.page;
  if (part === "BEFORE") {
    room.page = null;
    session.changed("lines", room);
  } else ask(session, room, part, bound, now);
}

/** So much is missing that more would be dropped than kept: the room begins with its latest page. */
function startAnew(session, room, now) {
  room.timeline.clear();
  room.gap = undefined;
  room.complete = false;
  ask(session, room, "LATEST", undefined, now);
}

/** Nothing is missing any more, so what is in doubt may be known now, and what waits may go. */
function settled(session, room, now, known = true) {
  room.caughtUp = true;
  room.gap = undefined;
  outbox.settleDoubts(room, known && (room.kind === "room" || session.me.account !== ""));
  outbox.flush(session, room, now);
  session.changed("lines", room);
}

/** Lines, reactions and redactions of the past; nobody comes or goes by them. */
function takeIn(session, room, messages, { part, bound, byTime }, now) {
  const page = [];
  let any = false;
  for (const message of messages) {
    const msgid = message.tags.get("msgid") ?? "";
    if (message.command === "TAGMSG" || message.command === "REDACT") {
      if (room.timeline.seenBefore(msgid)) continue;
      any = true;
      session.applyToLine(room, message, now);
      continue;
    }
    const line = lineOf(message, session.lineContext(room, now, true));
    if (!line || (room.timeline.has(line.id) && !room.timeline.byId.has(line.id))) continue;
    line.epoch = session.epoch;
    page.push(line);
  }
  const where = byTime ? bound?.time + shift(part) : bound;
  const bounds = part === "BEFORE" ? { before: where } : part === "AFTER" ? { after: where } : {};
  const fresh = room.timeline.merge(page, bounds);
  for (const line of fresh) {
    if (line.own) outbox.confirm(session, room, line);
    if (line.edits) room.timeline.edit(line);
  }
  if (fresh.length) room.recount();
  const tail = messages.at(-1);
  const msgid = tail?.tags.get("msgid") ?? "";
  const time = Date.parse(tail?.tags.get("time") ?? "") || now;
  const last = tail && (room.timeline.byId.get(msgid || page.at(-1)?.id) ?? { id: msgid || String(time), msgid, time });
  return { fresh, any: any || fresh.length > 0, last };
}
