// What a half-written word could become: a command, a room, a name.

/** Suggestions shown at a time. */
const MOST = 8;

/**
 * @typedef {{text: string, hint?: string}} Suggestion
 * @param {string} text all that is written
 * @param {number} at the place of the cursor
 * @param {{commands: {name: string, hint: string}[], rooms: string[], people: {nick: string, last: number}[]}} known
 * @returns {{from: number, to: number, list: Suggestion[]} | null}
 */
export function complete(text, at, known) {
  const from = text.slice(0, at).search(/\S*$/);
  const word = text.slice(from, at);
  if (!word) return null;
  const lower = word.toLowerCase();
  let list;
  if (from === 0 && /^\/\w*$/.test(word)) {
    list = known.commands.filter(({ name }) => `/${name}`.startsWith(lower)).map(({ name, hint }) => ({ text: `/${name} `, hint }));
  } else if (/^[#&]/.test(word)) {
    list = known.rooms.filter((name) => name.toLowerCase().startsWith(lower)).map((name) => ({ text: `${name} ` }));
  } else {
    const wanted = lower.replace(/^@/, "");
    if (!wanted && word !== "@") return null;
    const ending = from === 0 ? ": " : " ";
    list = known.people.filter(({ nick }) => nick.toLowerCase().startsWith(wanted))
      .sort((a, b) => b.last - a.last || a.nick.localeCompare(b.nick)).map(({ nick }) => ({ text: nick + ending }));
  }
  return list.length ? { from, to: at, list: list.slice(0, MOST) } : null;
}

/** Whether suggestions come up by themselves, and not only by Tab. */
export const offers = (text, at) => /^\/\w*$/.test(text.slice(0, at)) || /(^|\s)[@#][^\s]*$/.test(text.slice(0, at));
