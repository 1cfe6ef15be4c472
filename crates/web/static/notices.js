// What asks for attention: a short note on the page, a notification of the system, a count in the title.

import { el, find, iconButton, visible } from "./dom.js";
import { summary } from "./line-view.js";
import { keep, kept } from "./store.js";
import { t } from "./words.js";

/** How long a note stays, and how many there are at a time. */
const STAY = 8_000;
const NOTES = 3;

/** @param {any} app */
export function createNotices(app) {
  const notes = find("#notes");
  const { session } = app;
  const available = "Notification" in globalThis;

  function put(text, ...actions) {
    const note = el("div", { class: "note" }, el("span", { dir: "auto" }, text), ...actions, iconButton("close", t("close"), () => note.remove()));
    notes.append(note);
    while (notes.children.length > NOTES) notes.firstChild.remove();
    setTimeout(() => note.remove(), actions.length ? STAY * 4 : STAY);
    return note;
  }

  return {
    available,
    get on() { return available && Notification.permission === "granted" && kept("notify", false); },
    /** Says something of `words.js`. */
    say: (key, ...values) => put(t(key, ...values.map((value) => visible(String(value))))),
    text: (text) => put(visible(text)),
    invited(nick, room) {
      const note = put(t("invited", visible(nick), visible(room)), el("button", { type: "button", class: "inline", on: { click: () => {
        note.remove();
        app.act(() => app.rooms.join(room));
      } } }, t("join")));
    },
    /** Asks for the right to notify; only ever called by a press of the person's. */
    async ask() {
      if (this.on) return keep("notify", false);
      const answer = await Notification.requestPermission();
      keep("notify", answer === "granted");
      return put(t(answer === "granted" ? "notify-on" : "notify-no"));
    },
    heard(room, line) {
      if (!line.mention || (document.hasFocus() && room === app.room) || !this.on) return;
      const title = room.kind === "private" ? visible(line.nick) : `${visible(line.nick)} · ${visible(room.name)}`;
      let shown;
      try {
        shown = new Notification(title, { body: summary(line.text), tag: `callbox ${room.key}`, icon: "/icon.svg" });
      } catch {
        // Chrome on Android grants the right, and then takes notifications from service workers only.
        return;
      }
      shown.onclick = () => {
        window.focus();
        app.open(room);
        shown.close();
      };
    },
    title() {
      const rooms = [...session.rooms.values()];
      const mentions = rooms.reduce((sum, room) => sum + room.mentions, 0);
      const unread = rooms.some((room) => room.unread);
      const where = visible(app.room.name || session.isupport.network || "callbox");
      const title = `${mentions ? `(${mentions}) ` : unread ? "• " : ""}${where} · ${session.isupport.network || "callbox"}`;
      if (document.title !== title) document.title = title;
    },
  };
}
