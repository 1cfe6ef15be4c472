// Making elements. Whatever a peer said gets into the page as text only, by way of this file.

/** @param {string} selector */
export const find = (selector) => /** @type {HTMLElement} */ (document.querySelector(selector));

/**
 * An element. Properties: `class`, `on` (handlers by event), `data`, and attributes; `true` sets an empty one,
 * `false`, null and undefined none.
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...(Node | string | null | undefined | false)} children
 */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key === "on") for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else if (key === "data") Object.assign(element.dataset, value);
    else if (key === "value") element.value = value;
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A name or another short text of a peer's, which keeps its direction to itself. */
export const name = (text, props = {}) => el("bdi", props, visible(text));

/** An icon drawn in strokes on a square of 24. */
export function icon(shape) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[shape]);
  svg.append(path);
  return svg;
}

/** A button with an icon, and words for it. */
export function iconButton(shape, label, run, props = {}) {
  return el("button", { type: "button", class: "quiet", "aria-label": label, title: label, on: { click: run }, ...props }, icon(shape));
}

const ICONS = {
  menu: "M4 6h16M4 12h16M4 18h16",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c.5-4 3-6 6.5-6s6 2 6.5 6M16 4.500a3.5 3.5 0 0 1 0 6M18 14.500c2 .8 3.2 2.6 3.5 5.5",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l5 5",
  plus: "M12 5v14M5 12h14",
  send: "M4 12l16-8-5 16-3.5-6.500z",
  reply: "M9 7l-5 5 5 5M4 12h10c4 0 6 2 6 6",
  smile: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.5 14c1.5 2.5 5.5 2.5 7 0M9 9.500v.1M15 9.500v.1",
  edit: "M4 20l1-4L16 5l3 3L8 19z",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  close: "M6 6l12 12M18 6L6 18",
  more: "M5.5 11.500v1h1v-1zM11.5 11.500v1h1v-1zM17.5 11.500v1h1v-1z",
  down: "M12 5v14M6 13l6 6 6-6",
  bell: "M6 17V11a6 6 0 0 1 12 0v6l1.5 1.500h-15zM10 20.500h4",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  gear: "M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.600l2.2 2.200M16.2 16.200l2.2 2.200M5.6 18.400l2.2-2.200M16.2 7.800l2.2-2.2",
};

/** A text with what cannot be seen, or would turn the text around, made visible. */
export function visible(text) {
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, (char) => String.fromCharCode(char === "\x7f" ? 0x2421 : 0x2400 + char.charCodeAt(0)))
    .replace(/[\x80-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, (char) => `⟨${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

/** A hue for a name: always the same. */
export function hue(text) {
  let hash = 7;
  for (const char of text) hash = (hash * 31 + char.codePointAt(0)) % 3600;
  return (hash % 12) * 30;
}

/** A round picture with the first character of a name. */
export function avatar(text, firstCharacters) {
  const first = firstCharacters(text.replace(/^[#&]+/, ""), 1).toUpperCase() || "?";
  const element = el("span", { class: "avatar", "aria-hidden": "true" }, visible(first));
  element.style.setProperty("--hue", hue(text));
  return element;
}
