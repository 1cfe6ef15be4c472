// What each message of the server does: one function a command.

import * as entry from "./entry.js";
import * as history from "./history.js";
import { lineOf } from "./lines.js";
import { handleNumeric } from "./numerics.js";
import { discard, echoed, failed } from "./outbox.js";
import { refuseReaction } from "./reactions.js";

/** @typedef {import("./session.js").Session} Session @typedef {import("./wire.js").Message} Message */

/**
 * @param {Session} session
 * @param {Message} message
 * @param {any} asked what it answers, as `Session.request` was told
 * @param {number} now
 */
export function handleMessage(session, message, asked, now) {
  const handler = HANDLERS[message.command];
  if (handler) handler(session, message, asked, now);
  else if (/^\d{3}$/.test(message.command)) handleNumeric(session, message, asked, now);
}

const HANDLERS = {
  PING: (session, { params }) => session.send("PONG", [params.at(-1) ?? ""]),
  CAP: (session, { params }) => entry.handleCap(session, params.slice(1)),
  AUTHENTICATE: (session, { params }) => entry.handleAuthenticate(session, params[0]),
  REGISTER: (session, { params }) => entry.handleRegister(session, params),
  VERIFY: (session, { params }) => entry.handleRegister(session, params),
  ERROR: (session, { params }) => {
    session.lastError = params.at(-1) ?? "";
  },
  PRIVMSG: handleSaid,
  NOTICE: handleSaid,
  TAGMSG: handleTags,
  REDACT: (session, message, asked, now) => {
    const room = roomOf(session, message);
    if (!room) return;
    room.timeline.seenBefore(message.tags.get("msgid"));
    session.applyToLine(room, message, now);
    room.recount();
    session.changed("lines", room);
    session.changed("rooms");
  },
  JOIN: handleJoin,
  PART: (session, message, asked, now) => {
    const room = session.rooms.get(session.isupport.fold(message.params[0] ?? ""));
    if (!room) return;
    if (session.isMe(message.nick)) return left(session, room, message, now);
    heard(session, room, message, now);
    gone(session, room, message.nick);
  },
  KICK: (session, message, asked, now) => {
    const room = session.rooms.get(session.isupport.fold(message.params[0] ?? ""));
    if (!room) return;
    heard(session, room, message, now);
    if (session.isMe(message.params[1] ?? "")) {
      room.joined = room.wanted = false;
      room.members.clear();
      session.changed("people", room);
      session.changed("rooms");
    } else gone(session, room, message.params[1] ?? "");
  },
  QUIT: (session, message, asked, now) => {
    for (const room of roomsWith(session, message.nick)) {
      heard(session, room, message, now);
      if (room.kind === "room") gone(session, room, message.nick);
      else room.present = false;
    }
    session.changed("rooms");
  },
  NICK: handleNick,
  MODE: handleMode,
  TOPIC: (session, message, asked, now) => {
    const room = roomOf(session, message);
    if (!room) return;
    room.topic = message.params[1] ?? "";
    heard(session, room, message, now);
    session.changed("rooms");
  },
  AWAY: (session, { nick, params }) => {
    if (session.isMe(nick)) session.me.away = params.length > 0;
    for (const room of roomsWith(session, nick)) {
      const member = room.members.get(session.isupport.fold(nick));
      if (member) member.away = params.length > 0;
      if (room.kind === "private") room.away = params[0] ?? "";
      session.changed("people", room);
    }
  },
  ACCOUNT: (session, { nick, params }) => {
    const account = params[0] === "*" ? "" : params[0] ?? "";
    if (session.isMe(nick)) session.me.account = account;
    forMember(session, nick, (member) => (member.account = account));
    session.changed("state");
  },
  SETNAME: (session, { nick, params }) => forMember(session, nick, (member) => (member.realname = params[0] ?? "")),
  CHGHOST: (session, { nick, params }) => {
    if (session.isMe(nick)) Object.assign(session.me, { user: params[0], host: params[1] });
  },
  INVITE: (session, { nick, params }) => {
    if (session.isMe(params[0] ?? "")) session.emit({ kind: "invited", nick, name: params[1] ?? "" });
    else session.tell("", roomOf(session, { params: [params[1] ?? ""] }), { what: "invite", nick, who: params[0] });
  },
  MARKREAD: (session, { params: [target = "", stamp = "*"], tags }, asked, now) => {
    const room = session.rooms.get(session.isupport.fold(target));
    if (!room) return;
    // What was said in a room before one first came is nothing that one has missed.
    const time = stamp === "*" ? (room.read || room.kind !== "room" ? 0 : Date.parse(tags.get("time") ?? "") || now) : Date.parse(stamp.replace("timestamp=", "")) || 0;
    if (room.markRead(time)) session.changed("rooms");
  },
  RENAME: (session, message, asked, now) => {
    const [from = "", to = ""] = message.params;
    const room = session.rooms.get(session.isupport.fold(from));
    if (!room) return;
    session.rooms.delete(room.key);
    if (session.active === room.key) session.active = session.isupport.fold(to);
    room.key = session.isupport.fold(to);
    room.name = to;
    session.rooms.set(room.key, room);
    heard(session, room, message, now);
    session.changed("rooms");
  },
  FAIL: handleStandardReply,
  WARN: handleStandardReply,
  NOTE: handleStandardReply,
};

/** The room that a message with its target first is for. */
export function roomOf(session, { params, nick, source }) {
  const target = session.isupport.withoutRank(params[0] ?? "");
  const key = session.isupport.fold(target);
  if (session.isupport.isChannel(target)) return session.rooms.get(key);
  // To me from somebody, or from me to somebody.
  if (nick && !session.isMe(nick) && source?.includes("!")) return session.rooms.get(session.isupport.fold(nick));
  return session.rooms.get(key);
}

function roomsWith(session, nick) {
  const key = session.isupport.fold(nick);
  return [...session.rooms.values()].filter((room) => room.members.has(key) || (room.kind === "private" && room.key === key));
}

function forMember(session, nick, change) {
  for (const room of roomsWith(session, nick)) {
    const member = room.members.get(session.isupport.fold(nick));
    if (!member) continue;
    change(member);
    session.changed("people", room);
  }
}

/** A line of now goes into its room. */
export function heard(session, room, message, now) {
  const line = lineOf(message, session.lineContext(room, now));
  if (!line) return null;
  line.live = true;
  line.epoch = session.epoch;
  const known = room.timeline.has(line.id);
  if (known || !room.timeline.add(line)) return null;
  if (line.edits) room.timeline.edit(line);
  session.changed("lines", room);
  // An edit that took its place in another line is none of its own.
  if (!room.timeline.byId.has(line.id)) return null;
  room.count(line);
  return line;
}

function handleSaid(session, message, asked, now) {
  const { nick, source, params, command } = message;
  const target = session.isupport.withoutRank(params[0] ?? "");
  const own = session.isMe(nick);
  let room = session.rooms.get(session.isupport.fold(target));
  if (!session.isupport.isChannel(target)) {
    const server = !source.includes("!") || session.state !== "online";
    const other = own ? target : nick;
    room = session.rooms.get(session.isupport.fold(other));
    if (!room && (server || (command === "NOTICE" && !own))) room = session.rooms.get("");
    if (!room) {
      if (/^\x01(?!ACTION)/.test(params[1] ?? "")) return;
      room = session.open(other, "private");
      session.greet(room, now);
    }
  }
  if (!room) return;
  if (asked?.own) discard(session, asked.room, asked.own);
  else if (own && !session.caps.labels) {
    const line = lineOf(message, session.lineContext(room, now));
    const mine = line && echoed(room.pending, line);
    if (mine) discard(session, room, mine);
  }
  if (room.typing.delete(session.isupport.fold(nick))) session.changed("typing", room);
  const line = heard(session, room, message, now);
  session.changed("rooms");
  if (line && !line.own) session.emit({ kind: "heard", room, line });
}

function handleTags(session, message, asked, now) {
  const room = roomOf(session, message);
  if (!room) return;
  const { tags, nick } = message;
  const state = tags.get("+typing") ?? tags.get("+draft/typing");
  if (state !== undefined && !session.isMe(nick)) {
    room.types(session.isupport.fold(nick), nick, state, now);
    session.changed("typing", room);
  }
  if (!tags.has("+draft/reply") && !tags.has("+reply")) return;
  room.timeline.seenBefore(tags.get("msgid"));
  session.applyToLine(room, message, now);
  session.changed("lines", room);
}

function handleJoin(session, message, asked, now) {
  const { nick, params: [name = "", account = "*", realname = ""], user, host } = message;
  const key = session.isupport.fold(nick);
  if (!session.isMe(nick)) {
    const room = session.rooms.get(session.isupport.fold(name));
    if (!room) return;
    Object.assign(room.meet(key, nick), { nick, account: account === "*" ? "" : account, realname });
    heard(session, room, message, now);
    session.changed("people", room);
    const talk = session.rooms.get(key);
    if (talk) talk.present = true;
    return;
  }
  Object.assign(session.me, user ? { user, host } : {});
  const room = session.open(name, "room");
  const last = room.timeline.last();
  room.joined = room.wanted = true;
  room.members.clear();
  room.meet(key, nick);
  heard(session, room, message, now);
  if (!session.caps.has("draft/read-marker") && !room.read) room.read = now + session.skew;
  history.catchUp(session, room, last, now);
  session.emit({ kind: "joined", room });
  session.changed("people", room);
  session.changed("rooms");
}

/** We left: the room goes from the list. */
function left(session, room, message, now) {
  heard(session, room, message, now);
  if (!room.wanted) session.rooms.delete(room.key);
  room.joined = room.wanted = false;
  room.members.clear();
  session.changed("rooms");
  session.changed("people", room);
}

function gone(session, room, nick) {
  const key = session.isupport.fold(nick);
  room.members.delete(key);
  room.typing.delete(key);
  session.changed("people", room);
  session.changed("typing", room);
}

function handleNick(session, message, asked, now) {
  const to = message.params[0] ?? "";
  const [before, after] = [session.isupport.fold(message.nick), session.isupport.fold(to)];
  const own = session.isMe(message.nick);
  for (const room of roomsWith(session, message.nick)) {
    const member = room.members.get(before);
    if (member) {
      room.members.delete(before);
      room.members.set(after, { ...member, nick: to });
    }
    room.typing.delete(before);
    heard(session, room, message, now);
    if (room.kind === "private" && (before === after || !session.rooms.has(after))) {
      session.rooms.delete(room.key);
      if (session.active === room.key) session.active = after;
      room.key = after;
      room.name = to;
      session.rooms.set(after, room);
    }
    session.changed("people", room);
    session.changed("rooms");
  }
  if (own) {
    session.rename(to);
    for (const room of session.rooms.values()) session.changed("lines", room);
  }
}

function handleMode(session, message, asked, now) {
  const [target = "", changes = "", ...params] = message.params;
  const room = session.rooms.get(session.isupport.fold(target));
  if (!room || room.kind !== "room") return;
  let adding = true;
  for (const letter of changes) {
    if (letter === "+" || letter === "-") {
      adding = letter === "+";
      continue;
    }
    const param = session.isupport.hasParameter(letter, adding) ? params.shift() ?? "" : "";
    const rank = session.isupport.ranks.find(([mode]) => mode === letter);
    const member = rank && room.members.get(session.isupport.fold(param));
    if (member) {
      const held = session.isupport.ranks.filter(([, sign]) => (sign === rank[1] ? adding : member.ranks.includes(sign)));
      member.ranks = held.map(([, sign]) => sign).join("");
    } else if (!rank && !param) {
      room.modes = adding ? room.modes.replace(letter, "") + letter : room.modes.replace(letter, "");
    }
  }
  heard(session, room, message, now);
  session.changed("people", room);
}

/** FAIL, WARN and NOTE (IRCv3 standard-replies). */
function handleStandardReply(session, { command, params }, asked, now) {
  const [about = "*", code = "", ...rest] = params;
  const text = rest.at(-1) ?? code;
  if (command === "FAIL") {
    if (asked?.own) return failed(session, asked.room, asked.own, text);
    if (asked?.reacting) refuseReaction(session, asked.room, asked.reacting, now);
    if (about === "CHATHISTORY") {
      const room = asked?.room ?? rest.slice(0, -1).map((word) => session.rooms.get(session.isupport.fold(word))).find(Boolean);
      if (asked?.targets) return;
      if (room && history.handleRefusal(session, room, code, now)) return;
    }
    if (about === "REGISTER" || about === "VERIFY") return entry.handleRegisterFailed(session, code, text);
    if (code === "ACCOUNT_REQUIRED") return session.fail("account-required", text);
    if (about === "MARKREAD") return;
  }
  session.tell(text, asked?.room, { what: command === "FAIL" ? "error" : "note" });
}
