// Finding words in what is loaded of the room.

import { el, find, iconButton } from "./dom.js";
import { plain } from "./format.js";
import { t } from "./words.js";

/** Matches that are gone through. */
const MOST = 1_000;

/** @param {any} app */
export function createSearch(app) {
  const bar = find("#search");
  bar.setAttribute("role", "search");
  const input = el("input", { type: "search", enterkeyhint: "search", dir: "auto" });
  const output = el("output", { role: "status" });
  bar.append(input, output, iconButton("down", t("previous"), () => step(-1), { class: "quiet up" }),
    iconButton("down", t("next"), () => step(1)), iconButton("close", t("close"), close));
  let matches = [];
  let at = -1;

  input.addEventListener("input", look);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter") step(event.shiftKey ? 1 : -1);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  function look() {
    const wanted = input.value.trim().toLowerCase();
    const { lines } = app.room.timeline;
    matches = wanted ? lines.filter((line) => line.text && !line.redacted && `${line.nick} ${plain(line.text)}`.toLowerCase().includes(wanted)).slice(-MOST) : [];
    at = matches.length;
    if (matches.length) step(-1);
    else output.textContent = wanted ? t("found-none") : "";
  }

  /** The older matches come first, as in the room. */
  function step(by) {
    if (!matches.length) return;
    at = (at + by + matches.length) % matches.length;
    app.lines.show(matches[at].id, false);
    output.textContent = t("found", at + 1, matches.length);
  }

  function open(text) {
    bar.hidden = false;
    input.placeholder = t("search-in", app.room.name || t("server"));
    input.setAttribute("aria-label", input.placeholder);
    if (text) input.value = text;
    input.select();
    input.focus();
    look();
  }

  function close() {
    if (bar.hidden) return false;
    bar.hidden = true;
    matches = [];
    app.composer.focus();
    return true;
  }

  return { open, close };
}
