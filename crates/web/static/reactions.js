// Own reactions on their way: shown at once, sent when the connection is there, and sent again if it was lost
// before the server had them. One that comes twice counts once, so none of them is ever in doubt.

/** Reactions of one room that may wait for the server. More are refused, unless one was sent and only not confirmed. */
export const REACTING_MAX = 100;

/**
 * @typedef {object} Reacting
 * @property {string} msgid of the line
 * @property {string} emoji
 * @property {boolean} on
 * @property {string} key of our name at the time
 * @property {boolean} sent
 */

/** @typedef {import("./session.js").Session} Session @typedef {import("./room.js").Room} Room */

/**
 * Takes a reaction to a line, or what takes it back; `flushReactions` sends it.
 * @param {Session} session @param {Room} room @param {import("./timeline.js").Line} line
 * @returns {boolean} whether it was taken
 */
export function react(session, room, line, emoji, on, now) {
  const id = idOf(line.msgid, emoji);
  if (session.online && !allowed(session)) return false;
  if (room.reacting.size >= REACTING_MAX && !room.reacting.has(id)) {
    const [oldest] = [...room.reacting].find(([, { sent }]) => sent) ?? [];
    if (!oldest) return false;
    room.reacting.delete(oldest);
  }
  const one = { msgid: line.msgid, emoji, on, key: session.isupport.fold(session.me.nick), sent: false };
  room.reacting.delete(id);
  room.reacting.set(id, one);
  show(session, room, one, on, now);
  return true;
}

/** What waits goes out, now that it may. @param {Session} session @param {Room} room */
export function flushReactions(session, room, now) {
  for (const one of [...room.reacting.values()]) {
    if (one.sent) continue;
    if (!allowed(session)) {
      refuseReaction(session, room, one, now);
      continue;
    }
    one.sent = true;
    const tags = { "+draft/reply": one.msgid, [one.on ? "+draft/react" : "+draft/unreact"]: one.emoji };
    session.request("TAGMSG", [room.name], { room, reacting: one }, tags);
    if (!session.caps.has("echo-message")) room.reacting.delete(idOf(one.msgid, one.emoji));
  }
}

/** An own reaction is heard: the server has it. @param {Room} room @param {string} key of our name */
export function confirmReaction(room, msgid, emoji, key, reaction) {
  const one = room.reacting.get(idOf(msgid, emoji));
  if (!one || one.on !== reaction.on) return;
  room.reacting.delete(idOf(msgid, emoji));
  // We may have come back by another name.
  if (one.key !== key) room.timeline.react(msgid, emoji, one.key, { ...reaction, on: false });
}

/** The server does not take it, so it is shown no more. @param {Session} session @param {Room} room @param {Reacting} one */
export function refuseReaction(session, room, one, now) {
  const id = idOf(one.msgid, one.emoji);
  if (room.reacting.get(id) === one) room.reacting.delete(id);
  show(session, room, one, !one.on, now);
}

function show(session, room, { msgid, emoji, key }, on, now) {
  room.timeline.react(msgid, emoji, key, { nick: session.me.nick, own: true, on, time: now + session.skew });
  session.changed("lines", room);
}

const allowed = ({ caps, isupport }) => caps.has("message-tags") && ["draft/reply", "draft/react"].every((tag) => isupport.allowsTag(tag));

const idOf = (msgid, emoji) => `${msgid} ${emoji}`;
