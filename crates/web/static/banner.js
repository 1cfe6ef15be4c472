// What is wrong with the connection, and what can be done about it.

import { el, find, visible } from "./dom.js";
import { t } from "./words.js";

/** @param {any} app */
export function createBanner(app) {
  const banner = find("#banner");
  let timer;
  let shown = "";

  function update() {
    clearTimeout(timer);
    const { session } = app;
    if (session.online) return set("");
    if (session.state === "connecting" || session.state === "entering") return set(t("connecting"));
    if (session.state !== "waiting") return set(t("lost-off"));
    const seconds = Math.max(0, Math.ceil((session.retryAt - Date.now()) / 1000));
    timer = setTimeout(update, 1_000);
    return set(session.lastError ? t("lost-why", seconds, visible(session.lastError)) : t("lost", seconds));
  }

  function set(text) {
    if (text === shown) return;
    shown = text;
    const waiting = app.session.state === "waiting";
    // Counting seconds is nothing to read out each time.
    banner.setAttribute("aria-live", waiting && banner.textContent ? "off" : "polite");
    banner.replaceChildren(...(text ? [el("span", {}, text)] : []),
      ...(waiting ? [el("button", { type: "button", class: "inline", on: { click: () => app.link.hurry() } }, t("try-now"))] : []));
  }

  return { update };
}
