// The commands that begin with a slash: one table, which /help shows and completion knows.

import { t, translated } from "./words.js";

/**
 * @typedef {object} Command
 * @property {string} name what it does is said in `words.js` under `c-NAME`
 * @property {string} args as /help shows them
 * @property {string[]} [also] other names
 * @property {number} [least] words that it needs
 * @property {(context: {app: any, session: any, room: any, rest: string, words: string[], now: number}) => any} run
 *   false if nothing was done
 */

/** @type {Command[]} */
export const COMMANDS = [
  { name: "help", args: "", run: ({ app }) => app.dialogs.help() },
  { name: "join", args: "#room [key]", also: ["j"], least: 1, run: ({ app, words }) => app.rooms.join(words[0], words[1]) },
  { name: "leave", args: "", also: ["part", "close"], run: ({ app, room }) => app.rooms.leave(room) },
  {
    name: "msg", args: "name text", also: ["m"], least: 2,
    run: ({ app, session, rest, words, now }) => {
      const channel = session.isupport.isChannel(words[0]);
      const room = channel ? session.rooms.get(session.isupport.fold(words[0])) : session.talkTo(words[0], now);
      if (!room) return false;
      session.say(room, rest.slice(words[0].length).trim(), now);
      return app.open(room);
    },
  },
  { name: "query", args: "name", also: ["q"], least: 1, run: ({ app, session, words, now }) => app.open(session.talkTo(words[0], now)) },
  { name: "me", args: "text", least: 1, run: ({ session, room, rest, now }) => session.say(room, rest, now, { kind: "action" }) },
  {
    name: "notice", args: "name text", least: 2,
    run: ({ session, words, rest, now }) => {
      const channel = session.isupport.isChannel(words[0]);
      const room = channel ? session.rooms.get(session.isupport.fold(words[0])) : session.talkTo(words[0], now);
      return room ? session.say(room, rest.slice(words[0].length).trim(), now, { kind: "notice" }) : false;
    },
  },
  { name: "nick", args: "name", least: 1, run: ({ session, words }) => session.changeName(words[0]) },
  {
    name: "topic", args: "[text]",
    run: ({ app, session, room, rest }) => (rest ? session.request("TOPIC", [room.name, rest], { room }) : app.dialogs.topic(room)),
  },
  { name: "away", args: "[text]", run: ({ session, rest }) => session.setAway(rest || t("away")) },
  { name: "back", args: "", run: ({ session }) => session.setAway("") },
  { name: "invite", args: "name", least: 1, run: ({ session, room, words }) => session.request("INVITE", [words[0], words[1] ?? room.name], { room }) },
  { name: "kick", args: "name [reason]", least: 1, run: ({ session, room, rest, words }) => session.request("KICK", [room.name, words[0], rest.slice(words[0].length).trim() || words[0]], { room }) },
  { name: "op", args: "name", least: 1, run: mode("+o") },
  { name: "deop", args: "name", least: 1, run: mode("-o") },
  { name: "ban", args: "mask", least: 1, run: mode("+b") },
  { name: "unban", args: "mask", least: 1, run: mode("-b") },
  { name: "mode", args: "[changes]", run: ({ session, room, words }) => session.request("MODE", /^[+-]/.test(words[0] ?? "+") ? [room.name, ...words] : words, { room }) },
  { name: "rename", args: "#name [reason]", least: 1, run: ({ session, room, rest, words }) => session.request("RENAME", [room.name, words[0], rest.slice(words[0].length).trim()], { room }) },
  { name: "whois", args: "name", also: ["w"], run: ({ session, room, words }) => session.request("WHOIS", [words[0] ?? (room.kind === "private" ? room.name : session.me.nick)], { room }) },
  { name: "list", args: "", run: ({ app }) => app.dialogs.join() },
  { name: "search", args: "[text]", run: ({ app, rest }) => app.search.open(rest) },
  { name: "login", args: "account password", least: 2, run: ({ session, words, rest }) => session.signIn(words[0], rest.slice(words[0].length).trim()) },
  { name: "register", args: "password [email]", least: 1, run: ({ session, words }) => session.register(words[0], words[1]) },
  { name: "raw", args: "line", also: ["quote"], least: 1, run: ({ session, rest }) => session.sendRaw(rest) },
  { name: "quit", args: "", run: ({ session }) => session.quit() },
];

function mode(change) {
  return ({ session, room, words }) => session.request("MODE", [room.name, change, words[0]], { room });
}

/** Commands that make no sense without a connection say nothing into the void. */
const OFFLINE = new Set(["help", "search", "quit", "leave", "me", "msg", "query"]);

/**
 * Does what `text`, which begins with a slash, says.
 * @returns {boolean} false if it is to stay where it was written
 */
export function run(app, room, text) {
  const [, name = "", rest = ""] = /^\/(\S*)\s*([^]*?)\s*$/.exec(text) ?? [];
  const lower = name.toLowerCase();
  const command = COMMANDS.find((one) => one.name === lower || one.also?.includes(lower));
  if (!command) {
    app.notices.say("no-command", `/${name}`);
    return false;
  }
  const words = rest.split(/\s+/).filter(Boolean);
  if (words.length < (command.least ?? 0)) {
    app.notices.say("usage", `/${command.name} ${translated(command.args)}`);
    return false;
  }
  if (!app.session.online && !OFFLINE.has(command.name)) {
    app.notices.say("lost-off");
    return false;
  }
  return app.act(() => command.run({ app, session: app.session, room, rest, words, now: Date.now() })) !== false;
}
