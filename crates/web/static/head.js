// The head of the room that is open: its name, its topic, and what can be done with it.

import { el, find, iconButton, name } from "./dom.js";
import { plain } from "./format.js";
import { visible } from "./dom.js";
import { count, t } from "./words.js";

/** @param {any} app */
export function createHead(app) {
  const head = find("#head");
  const title = el("h1", {});
  const about = el("div", {});
  const people = iconButton("people", t("show-people"), () => app.drawer("people"), { class: "quiet drawer for-people" });
  head.append(
    iconButton("menu", t("menu"), () => app.drawer("rooms"), { class: "quiet drawer" }),
    el("div", { class: "titles" }, title, about),
    iconButton("search", t("search"), () => app.search.open()),
    people,
    iconButton("more", t("room-menu"), (event) => app.menus.room(event.currentTarget, app.room), { "aria-haspopup": "menu" }),
  );
  let drawn = "";

  function update() {
    const { room, session } = app;
    find("#chat").classList.toggle("alone", room.kind !== "room");
    people.hidden = room.kind !== "room";
    const state = JSON.stringify([room.name, room.kind, room.topic, room.joined || !session.online, room.members.size, room.present, room.away, session.me.account]);
    if (state === drawn) return;
    drawn = state;
    title.replaceChildren(room.kind === "server" ? t("server") : name(room.name));
    about.replaceChildren();
    if (room.kind === "room" && !room.joined && session.online) about.append(el("span", { class: "topic" }, t("not-joined")));
    else if (room.kind === "room") {
      const text = room.topic ? visible(plain(room.topic)) : `${count("members", room.members.size)} · ${t("no-topic")}`;
      about.append(el("button", { type: "button", class: "topic", dir: "auto", title: text, on: { click: () => app.dialogs.topic(room) } }, text));
    } else if (room.kind === "private") {
      const words = [room.present === false ? t("offline") : room.away && `${t("away")}: ${visible(room.away)}`, !session.me.account && t("guest-talk")];
      about.append(el("span", { class: "topic" }, words.filter(Boolean).join(" · ")));
    }
  }

  return { update };
}
