// One line of IRC: parsed, and built so that it cannot become two.

/**
 * @typedef {object} Message
 * @property {Map<string, string>} tags unescaped
 * @property {string} source as it stands there, without its colon
 * @property {string} nick the part of the source before `!`
 * @property {string} user
 * @property {string} host
 * @property {string} command in capitals
 * @property {string[]} params
 */

/** What a line of tags may hold at most, and what the rest may, CR LF counted. */
export const TAGS_MAX = 4094;
export const BODY_MAX = 512;

const ESCAPES = { ":": ";", s: " ", "\\": "\\", r: "\r", n: "\n" };
const NEED_ESCAPE = { ";": "\\:", " ": "\\s", "\\": "\\\\", "\r": "\\r", "\n": "\\n" };

/**
 * @param {string} line without its ending
 * @returns {Message | null} nothing if there is no command in it
 */
export function parse(line) {
  let rest = line.replace(/[\r\n\0]/g, "");
  const tags = new Map();
  if (rest.startsWith("@")) {
    const [head, after] = word(rest.slice(1));
    for (const tag of head.split(";")) {
      const at = tag.indexOf("=");
      if (tag) tags.set(at < 0 ? tag : tag.slice(0, at), at < 0 ? "" : unescape(tag.slice(at + 1)));
    }
    rest = after;
  }
  let source = "";
  if (rest.startsWith(":")) [source, rest] = word(rest.slice(1));
  let command;
  [command, rest] = word(rest);
  if (!command) return null;
  const params = [];
  while (rest) {
    if (rest.startsWith(":") || params.length === 14) {
      params.push(rest.startsWith(":") ? rest.slice(1) : rest);
      break;
    }
    let param;
    [param, rest] = word(rest);
    params.push(param);
  }
  const [, nick, user = "", host = ""] = /^([^!@]*)(?:!([^@]*))?(?:@(.*))?$/s.exec(source) ?? [, source];
  return { tags, source, nick, user, host, command: command.toUpperCase(), params };
}

/**
 * Builds a line. The last parameter may hold anything but line ends; the others are words.
 * @param {string} command
 * @param {string[]} [params]
 * @param {Record<string, string | undefined>} [tags] those that are undefined are left out
 */
export function build(command, params = [], tags = {}) {
  const written = Object.entries(tags)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => (value === "" ? key : `${key}=${escape(value)}`));
  const words = params.map((param, index) => {
    const clean = param.replace(/[\r\n\0]/g, " ");
    if (index === params.length - 1) return !clean || /^:| /.test(clean) ? `:${clean}` : clean;
    return clean.replace(/ /g, "_").replace(/^:/, "_") || "*";
  });
  return (written.length ? `@${written.join(";")} ` : "") + [command, ...words].join(" ");
}

/** @param {string} value of a tag */
export const escape = (value) => value.replace(/[;\s\\]/g, (char) => NEED_ESCAPE[char] ?? char);

/** @param {string} value of a tag, as it came */
export const unescape = (value) => value.replace(/\\(.?)/gs, (_, char) => ESCAPES[char] ?? char);

/** The first word of a text, and what follows the spaces behind it. */
function word(text) {
  const at = text.indexOf(" ");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at).replace(/^ +/, "")];
}
