// The list of rooms and of conversations, and oneself below it.

import { avatar, el, find, iconButton, name } from "./dom.js";
import { walkByArrows } from "./list-keys.js";
import { firstCharacters } from "./text.js";
import { t } from "./words.js";

/** @param {any} app */
export function createRooms(app) {
  const root = find("#rooms");
  const { session } = app;
  root.setAttribute("aria-label", t("rooms"));
  const title = el("span", {});
  const lists = el("div", { class: "room-list" });
  const me = el("div", { class: "me" });
  root.append(el("div", { class: "side-head" }, el("h2", {}, el("img", { src: "/icon.svg", alt: "" }), title),
    iconButton("plus", t("add-room"), () => app.dialogs.join())), lists, me);
  /** Buttons by the key of their room, so that focus stays where it is. */
  const buttons = new Map();

  walkByArrows(lists);

  let shown = "";
  function update() {
    const all = ordered(session);
    const state = JSON.stringify([session.isupport.network, session.active, all.map((room) => [room.key, room.name, room.unread, room.mentions, room.present, room.away])]);
    if (state === shown) return drawMe();
    shown = state;
    title.textContent = session.isupport.network || "callbox";
    const sections = [
      [t("rooms"), all.filter(({ kind }) => kind === "room")],
      [t("talks"), all.filter(({ kind }) => kind === "private")],
      [null, all.filter(({ kind }) => kind === "server")],
    ];
    const focused = document.activeElement?.dataset?.room;
    lists.replaceChildren(...sections.filter(([, rooms]) => rooms.length).flatMap(([heading, rooms]) => [
      heading && el("h3", {}, heading),
      el("ul", heading ? {} : { class: "last" }, ...rooms.map((room) => el("li", {}, button(room)))),
    ]).filter(Boolean));
    for (const key of buttons.keys()) if (!session.rooms.has(key)) buttons.delete(key);
    if (focused !== undefined) buttons.get(focused)?.focus();
    return drawMe();
  }

  function button(room) {
    let element = buttons.get(room.key);
    if (!element) {
      element = el("button", { type: "button", data: { room: room.key }, on: {
        click: () => app.open(session.rooms.get(element.dataset.room)),
        contextmenu: (event) => {
          event.preventDefault();
          app.menus.room(element, session.rooms.get(element.dataset.room));
        },
      } });
      buttons.set(room.key, element);
    }
    const current = room.key === session.active;
    const shown = room.kind === "room" ? room.name.replace(/^#/, "") : room.name || t("server");
    const sign = room.kind === "private" ? avatar(room.name, firstCharacters) : el("span", { class: "sign", "aria-hidden": "true" }, room.kind === "room" ? "#" : "·");
    if (room.kind === "private") Object.assign(sign.style, { width: "22px", height: "22px", fontSize: ".6875rem" });
    const number = room.mentions || room.unread;
    const words = [room.unread && t("unread", room.unread), room.mentions && t("mentioned", room.mentions)].filter(Boolean).join(", ");
    element.className = `room${room.unread ? " unread" : ""}${room.present === false || room.away ? " away" : ""}`;
    element.toggleAttribute("aria-current", current);
    if (current) element.setAttribute("aria-current", "page");
    element.tabIndex = current || !session.rooms.has(session.active) ? 0 : -1;
    element.title = room.name;
    element.replaceChildren(sign, name(shown, { class: "label" }), ...(number ? [
      el("span", { class: `badge${room.mentions ? " mentions" : ""}`, "aria-hidden": "true" }, number > 999 ? "999+" : String(number)),
      el("span", { class: "unseen" }, words)] : []));
    return element;
  }

  let drawn = "";
  function drawMe() {
    const { nick, account, away } = session.me;
    const state = `${nick} ${account} ${away}`;
    if (state === drawn) return;
    drawn = state;
    const words = [account ? t("signed-in", account) : t("as-guest"), away && t("away")].filter(Boolean).join(" · ");
    me.replaceChildren(avatar(nick, firstCharacters), el("div", { class: "who" }, name(nick), el("small", {}, words)),
      iconButton("gear", t("my-menu"), (event) => app.menus.mine(event.currentTarget), { "aria-haspopup": "menu" }));
  }

  return {
    update,
    /** Joins a room and opens it. */
    join(wanted, key) {
      const channel = session.isupport.isChannel(wanted) ? wanted : `#${wanted}`;
      const known = session.rooms.get(session.isupport.fold(channel));
      if (known?.joined) return app.open(known);
      app.joining = session.isupport.fold(channel);
      return session.join(channel, key || undefined);
    },
    leave(room) {
      session.leave(room);
      app.remember();
    },
  };
}

/** Rooms by name, conversations by what was said last, the server's own at the end. */
export function ordered(session) {
  const kinds = ["room", "private", "server"];
  const last = (room) => room.timeline.last()?.time ?? 0;
  return [...session.rooms.values()].sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind)
    || (a.kind === "private" ? last(b) - last(a) : 0) || a.name.localeCompare(b.name));
}

