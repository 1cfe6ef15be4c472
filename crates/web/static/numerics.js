// The server's numbered replies.

import * as entry from "./entry.js";
import { failed } from "./outbox.js";
import { refuseReaction } from "./reactions.js";

/** Rooms of one answer to LIST that are kept. */
const LISTED_MAX = 2_000;
/** Replies that join no room: why a JOIN was refused. */
const NOT_JOINED = new Set(["403", "405", "437", "471", "473", "474", "475", "476", "477", "479", "480"]);
/** Replies that only frame others, or repeat what is known. */
const SILENT = new Set(["003", "004", "221", "251", "252", "253", "254", "255", "265", "266", "312", "320", "321", "338", "378", "379", "329", "333",
  "369", "328", "396", "901"]);
/** Members of a room for whom it is asked who is away. */
const WHO_MAX = 1_000;
/** How far back conversations with people are looked for, and how many are opened. */
const BACK = 30 * 86_400_000;
const TALKS = 8;

/** @typedef {import("./session.js").Session} Session */

/** @param {Session} session @param {import("./wire.js").Message} message */
export function handleNumeric(session, message, asked, now) {
  const { command, params } = message;
  const handler = NUMERICS[command];
  if (handler) return handler(session, params, asked, now);
  if (entry.LOGIN_FAILED.has(command)) return entry.handleSignInFailed(session, params.at(-1));
  if (NOT_JOINED.has(command) && (asked?.joins || !asked)) return notJoined(session, params, now);
  if (command >= "400") return refused(session, params, asked, now);
  if (SILENT.has(command)) return undefined;
  return session.tell(params.slice(1).join(" "), command === "002" ? session.rooms.get("") : roomFor(session, asked, command));
}

const NUMERICS = {
  "001": welcome,
  "005": (session, params) => session.isupport.handle(params.slice(1, -1)),
  376: arrived,
  422: arrived,
  301: (session, [, nick = "", text = ""]) => {
    if (session.about.nick === nick) {
      session.about.away = text;
      return undefined;
    }
    const room = session.rooms.get(session.isupport.fold(nick));
    if (!room) return session.tell(`${nick}: ${text}`);
    if (room.away === text) return undefined;
    room.away = text;
    return session.tell(text, room, { what: "away", nick });
  },
  311: (session, [, nick = "", user = "", host = "", , realname = ""]) => (session.about = { nick, address: `${user}@${host}`, realname }),
  313: about("operator"),
  317: (session, [, nick = "", idle = "", signon = ""]) => Object.assign(session.about, { idle: Number(idle) || 0, signon: (Number(signon) || 0) * 1000 }),
  318: (session) => {
    if (session.about.nick) session.emit({ kind: "whois", about: session.about });
    session.about = {};
  },
  319: (session, [, , rooms = ""]) => (session.about.rooms = `${session.about.rooms ?? ""} ${rooms}`.trim()),
  330: (session, [, , account = ""]) => (session.about.account = account),
  335: about("bot"),
  671: about("secure"),
  305: (session) => away(session, false),
  306: (session) => away(session, true),
  322: (session, [, name = "", users = "", topic = ""]) => {
    if (session.listed.length < LISTED_MAX) session.listed.push({ name, users: Number(users) || 0, topic });
  },
  323: (session) => {
    session.listed.sort((a, b) => b.users - a.users || a.name.localeCompare(b.name));
    session.emit({ kind: "listed" });
  },
  324: (session, [, name = "", modes = ""]) => {
    const room = session.rooms.get(session.isupport.fold(name));
    if (room) room.modes = modes.replace("+", "");
  },
  331: (session, [, name = ""]) => topic(session, name, ""),
  332: (session, [, name = "", text = ""]) => topic(session, name, text),
  352: (session, [, name = "", , , , nick = "", flags = "", text = ""]) => {
    const member = memberOf(session, name, nick);
    if (member) Object.assign(member, { away: flags.startsWith("G"), realname: text.replace(/^\d+ /, "") });
  },
  353: names,
  354: (session, [, token, name = "", nick = "", flags = "", account = "0", realname = ""]) => {
    const member = token === "7" && memberOf(session, name, nick);
    if (member) Object.assign(member, { away: flags.startsWith("G"), account: account === "0" ? "" : account, realname });
  },
  366: (session, [, name = ""]) => {
    const room = session.rooms.get(session.isupport.fold(name));
    if (!room) return;
    session.changed("people", room);
    if (room.members.size > WHO_MAX) return;
    session.send("WHO", session.isupport.tokens.has("WHOX") ? [room.name, "%tcnfar,7"] : [room.name]);
  },
  315: (session, [, name = ""]) => session.changed("people", session.rooms.get(session.isupport.fold(name))),
  401: (session, params, asked, now) => {
    const room = session.rooms.get(session.isupport.fold(params[1] ?? ""));
    if (room?.kind === "private") {
      room.present = false;
      session.changed("rooms");
      if (!asked?.own && !asked?.reacting) return undefined;
    }
    return refused(session, params, asked, now);
  },
  432: (session, params) => entry.handleBadName(session, "432", params[1] ?? "", params.at(-1)),
  433: (session, params) => entry.handleBadName(session, "433", params[1] ?? "", params.at(-1)),
  436: (session, params) => entry.handleBadName(session, "433", params[1] ?? "", params.at(-1)),
  451: () => {},
  464: (session, params) => (session.online ? session.tell(params.at(-1)) : session.fail("password", params.at(-1))),
  465: (session, params) => session.fail("banned", params.at(-1)),
  730: (session, params) => watch(session, params.at(-1), true),
  731: (session, params) => watch(session, params.at(-1), false),
  900: (session, params) => {
    session.me.account = params[2] ?? "";
    session.changed("state");
  },
  903: (session) => entry.handleSignedIn(session),
  908: () => {},
};

/** A fact of somebody that only is or is not. */
function about(fact) {
  return (session) => (session.about[fact] = true);
}

/** We are in. */
function welcome(session, [nick = ""]) {
  session.state = "online";
  // What somebody who was in before has to be told is told inside.
  if (!session.entered) session.problem = null;
  session.entered = true;
  session.lastError = "";
  session.rename(nick);
  session.backoff.reset();
}

/** All that the server says by itself was said: the rooms are next. */
function arrived(session, params, asked, now) {
  if (session.settled === session.epoch) return;
  session.settled = session.epoch;
  const { settings, isupport } = session;
  const wanted = [...session.rooms.values()].filter((room) => room.wanted).map((room) => room.name);
  const names = wanted.length ? wanted : settings.join;
  session.joinAll([...new Set(names)]);
  for (const room of session.rooms.values()) if (room.kind === "private") session.greet(room, now);
  if (settings.password && !session.me.account) entry.identify(session);
  if (session.me.nick !== settings.name && isupport.tokens.has("MONITOR")) session.send("MONITOR", ["+", settings.name]);
  if (session.me.away) session.send("AWAY", [session.awayText ?? "away"]);
  if (session.caps.history && session.me.account) {
    const time = (at) => `timestamp=${new Date(at).toISOString()}`;
    session.request("CHATHISTORY", ["TARGETS", time(now + session.skew + 60_000), time(now - BACK), String(TALKS * 4)], { targets: true });
  }
  session.emit({ kind: "arrived" });
  session.changed("state");
}

/** Conversations with people that there were before. */
export function handleTargets(session, messages, now) {
  const names = messages.map(({ params }) => params[1] ?? "").filter((name) => name && !session.isupport.isChannel(name));
  for (const name of names.slice(-TALKS)) {
    const known = session.rooms.has(session.isupport.fold(name));
    const room = session.open(name, "private");
    if (!known) session.greet(room, now);
  }
}

function away(session, is) {
  session.me.away = is;
  session.changed("state");
  session.tell("", undefined, { what: is ? "now-away" : "now-back" });
}

function topic(session, name, text) {
  const room = session.rooms.get(session.isupport.fold(name));
  if (!room) return;
  room.topic = text;
  session.changed("rooms");
}

function memberOf(session, name, nick) {
  return session.rooms.get(session.isupport.fold(name))?.members.get(session.isupport.fold(nick));
}

/** RPL_NAMREPLY: `@alice +bob`, perhaps with user and host. */
function names(session, params) {
  const room = session.rooms.get(session.isupport.fold(params[2] ?? ""));
  if (!room) return;
  const signs = session.isupport.ranks.map(([, sign]) => sign);
  for (const word of (params[3] ?? "").split(" ").filter(Boolean)) {
    let at = 0;
    while (signs.includes(word[at])) at += 1;
    const nick = word.slice(at).split("!")[0];
    Object.assign(room.meet(session.isupport.fold(nick), nick), { nick, ranks: word.slice(0, at) });
  }
}

/** RPL_MONONLINE, RPL_MONOFFLINE: people with whom we talk, and the name that we would like back. */
function watch(session, list = "", here) {
  for (const who of list.split(",")) {
    const nick = who.split("!")[0];
    const key = session.isupport.fold(nick);
    const room = session.rooms.get(key);
    if (room) room.present = here;
    const wanted = session.settings.name;
    if (!here && key === session.isupport.fold(wanted) && session.me.nick !== wanted) session.send("NICK", [wanted]);
  }
  session.changed("rooms");
}

function notJoined(session, params, now) {
  const name = params[1] ?? "";
  const room = session.rooms.get(session.isupport.fold(name));
  const text = params.at(-1) ?? "";
  if (room && !room.joined) {
    room.wanted = false;
    for (const own of room.pending) if (own.state !== "failed") failed(session, room, own, text);
    for (const one of [...room.reacting.values()]) refuseReaction(session, room, one, now);
    session.changed("rooms");
  }
  session.tell(`${name}: ${text}`, undefined, { what: "error" });
  session.emit({ kind: "not-joined", name, text });
}

function refused(session, params, asked, now) {
  const text = params.at(-1) ?? "";
  if (asked?.own) return failed(session, asked.room, asked.own, text);
  if (asked?.reacting) refuseReaction(session, asked.room, asked.reacting, now);
  const about = params.slice(1, -1);
  const room = about.map((word) => session.rooms.get(session.isupport.fold(word))).find(Boolean);
  // Without labels a refusal belongs to the line that has waited longest.
  const own = !session.caps.labels && room?.pending.find(({ state }) => state === "sending");
  if (own) return failed(session, room, own, text);
  return session.tell([...about, text].join(" "), room ?? asked?.room, { what: "error" });
}

/** Where a reply is shown: where it was asked for, or where the person looks. */
function roomFor(session, asked, command) {
  if (asked?.room) return asked.room;
  return ["372", "375"].includes(command) ? session.rooms.get("") : undefined;
}
