// A text of a peer's as runs to show: formatting codes of IRC, and links. No markup comes of it.

/**
 * @typedef {object} Run
 * @property {string} text
 * @property {string[]} styles names of classes
 * @property {string} [href] http or https only
 */

const TOGGLES = { "\x02": "bold", "\x1d": "italic", "\x1f": "underline", "\x1e": "strike", "\x11": "mono", "\x16": "marked" };
/** A link, without what a sentence puts behind it. */
const LINK = /https?:\/\/[^\s<>"`\u3000-\u303f\uff01-\uff0c\uff1a-\uff20]+/gi;
const TAIL = ".,;:!?'*_~";
const BRACKETS = { ")": "(", "]": "[", "}": "{" };

/** @param {string} text @returns {Run[]} */
export function runs(text) {
  const found = [];
  const on = new Set();
  let color = "";
  let rest = text;
  const codes = /[\x02\x0f\x11\x16\x1d\x1e\x1f]|\x03(?:(\d{1,2})(?:,(\d{1,2}))?)?|\x04(?:[0-9a-fA-F]{6}(?:,[0-9a-fA-F]{6})?)?/;
  for (;;) {
    const code = codes.exec(rest);
    const plain = code ? rest.slice(0, code.index) : rest;
    if (plain) found.push(...links(plain, color ? [...on, color] : [...on]));
    if (!code) return found;
    rest = rest.slice(code.index + code[0].length);
    const [mark, front, back] = code;
    if (mark === "\x0f") {
      on.clear();
      color = "";
    } else if (mark[0] === "\x03") {
      color = front && Number(front) < 99 ? `color-${Number(front) % 16}` : "";
      // On a ground of its own a text might not be seen at all, so that is only marked.
      if (back && Number(back) < 99) on.add("marked");
      else if (!front) on.delete("marked");
    } else if (mark[0] !== "\x04") {
      const style = TOGGLES[mark];
      if (!on.delete(style)) on.add(style);
    }
  }
}

/** The text without its codes. */
export const plain = (text) => runs(text).map((run) => run.text).join("");

function links(text, styles) {
  const found = [];
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    const link = trimmed(match[0]);
    const href = safe(link);
    if (!href) continue;
    if (match.index > at) found.push({ text: text.slice(at, match.index), styles });
    found.push({ text: link, styles, href });
    at = match.index + link.length;
  }
  if (at < text.length) found.push({ text: text.slice(at), styles });
  return found;
}

/** Without closing brackets that were not opened in it, and the sentence's own marks. In one pass: a peer may write any number. */
function trimmed(link) {
  const counts = {};
  for (const char of link) counts[char] = (counts[char] ?? 0) + 1;
  let end = link.length;
  for (; end > 0; end -= 1) {
    const last = link[end - 1];
    const isExtra = last in BRACKETS && counts[last] > (counts[BRACKETS[last]] ?? 0);
    if (!isExtra && !TAIL.includes(last)) break;
    counts[last] -= 1;
  }
  return link.slice(0, end);
}

function safe(link) {
  try {
    const url = new URL(link);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : undefined;
  } catch {
    return undefined;
  }
}
