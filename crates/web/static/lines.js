// What the server says, as lines that a person reads: the same for what happens now and for history.

import { mentions } from "./text.js";

/** Counts lines, so that each is told from any other by a number. */
let made = 0;

/**
 * A message as a line of a room.
 * @param {import("./wire.js").Message} message
 * @param {{now: number, isOwn: (nick: string) => boolean, nick: string, private: boolean}} context
 * @returns {import("./timeline.js").Line | null} nothing if it is none
 */
export function lineOf(message, context) {
  const { command, tags, nick, params } = message;
  const msgid = tags.get("msgid") ?? "";
  const stamp = tags.get("time");
  const time = Date.parse(stamp ?? "") || context.now;
  const own = context.isOwn(nick);
  made += 1;
  const line = {
    id: msgid || (stamp ? `${stamp} ${nick} ${command} ${params.join(" ")}` : `here-${made}`),
    msgid, time, kind: "event", nick, account: tags.get("account") ?? "", text: "", own, mention: false,
    bot: tags.has("bot"), revision: 0, seq: made,
  };
  if (command === "PRIVMSG" || command === "NOTICE") {
    const text = params.at(-1) ?? "";
    const action = /^\x01ACTION ?([^\x01]*)\x01?$/s.exec(text);
    if (!action && text.startsWith("\x01")) return null;
    line.kind = action ? "action" : command === "NOTICE" ? "notice" : "said";
    line.text = action ? action[1] : text;
    line.mention = !own && command === "PRIVMSG" && (context.private || mentions(line.text, context.nick));
    line.reply = tags.get("+reply") ?? tags.get("+draft/reply");
    line.edits = tags.get("+draft/edit");
    return line;
  }
  line.event = eventOf(message);
  return line.event ? line : null;
}

/** What happened, in parts that the view has words for. */
function eventOf({ command, params }) {
  switch (command) {
    case "JOIN": return { what: "join" };
    case "PART": return { what: "part", text: params[1] ?? "" };
    case "QUIT": return { what: "quit", text: params[0] ?? "" };
    case "NICK": return { what: "nick", to: params[0] ?? "" };
    case "KICK": return { what: "kick", who: params[1] ?? "", text: params[2] ?? "" };
    case "TOPIC": return { what: "topic", text: params[1] ?? "" };
    case "MODE": return { what: "mode", text: params.slice(1).join(" ") };
    case "RENAME": return { what: "rename", from: params[0] ?? "", to: params[1] ?? "" };
    default: return null;
  }
}

/**
 * Something that this client itself says in a room.
 * @param {string} text
 * @param {number} now
 * @param {object} [event] instead of a text
 */
export function infoLine(text, now, event) {
  made += 1;
  return {
    id: `here-${made}`, msgid: "", time: now, kind: "info", nick: "", account: "", text, own: false,
    mention: false, revision: 0, seq: made, event,
  };
}
