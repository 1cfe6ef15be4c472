// Menus that open at a button: of a person, of a room, of oneself; and the little picker of reactions.

import { el, icon, visible } from "./dom.js";
import { t } from "./words.js";

/** Reactions that are one press away; any other can be typed. */
const REACTIONS = ["👍", "❤️", "😂", "🎉", "😮", "😢", "👀", "✅", "🙏", "🔥", "🤔", "👎"];

/** @param {any} app */
export function createMenus(app) {
  const { session } = app;

  /** Opens a menu at `anchor`. It is a dialog, so that Escape and a press beside it close it. */
  function open(anchor, children, { kind = "", role = "menu" } = {}) {
    const menu = el("dialog", { class: `menu ${kind}`, on: { close: () => menu.remove() } }, el("div", { role, class: kind }, ...children));
    if (kind) menu.className = "menu";
    menu.addEventListener("click", (event) => event.target === menu && menu.close());
    menu.addEventListener("keydown", (event) => {
      if (event.target.matches("input")) return;
      const all = [...menu.querySelectorAll("button")];
      const at = all.indexOf(document.activeElement);
      const columns = kind === "picker" ? 6 : 1;
      const to = { ArrowDown: at + columns, ArrowUp: at - columns, ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
      if (event.key === "Tab" && kind !== "picker") return menu.close();
      if (to === undefined) return;
      event.preventDefault();
      all[(to + all.length) % all.length].focus();
    });
    const box = anchor.getBoundingClientRect();
    document.body.append(menu);
    menu.showModal();
    const { offsetWidth: width, offsetHeight: height } = menu;
    menu.style.left = `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`;
    menu.style.top = `${Math.max(8, box.bottom + height + 8 > innerHeight ? box.top - height - 4 : box.bottom + 4)}px`;
    menu.querySelector("button")?.focus();
    return menu;
  }

  const item = (label, shape, run, danger = false) => el("button", {
    type: "button", role: "menuitem", class: danger ? "danger" : null, on: { click: (event) => {
      event.currentTarget.closest("dialog").close();
      app.act(run);
    } },
  }, shape && icon(shape), label);

  function person(anchor, nick) {
    const { room } = app;
    const mine = room.members.get(session.isupport.fold(session.me.nick));
    const moderates = room.kind === "room" && /[@%~&!]/.test(mine?.ranks ?? "");
    const other = !session.isMe(nick);
    open(anchor, [
      other && item(t("talk", visible(nick)), "edit", () => app.open(session.talkTo(nick, Date.now()))),
      item(t("details"), "search", () => session.request("WHOIS", [nick], { room })),
      moderates && other && item(t("make-operator"), "plus", () => session.send("MODE", [room.name, "+o", nick])),
      moderates && other && item(t("put-out"), "close", () => session.request("KICK", [room.name, nick, nick], { room }), true),
    ].filter(Boolean));
  }

  function room(anchor, of) {
    open(anchor, [
      of.kind === "room" && of.joined && item(t("set-topic"), "edit", () => app.dialogs.topic(of)),
      item(t("search"), "search", () => app.search.open()),
      of.kind === "room" && !of.joined && item(t("join"), "plus", () => app.rooms.join(of.name)),
      item(t("help"), "smile", () => app.dialogs.help()),
      of.kind !== "server" && item(t(of.kind === "room" ? "leave" : "close-talk"), "close", () => app.rooms.leave(of), true),
    ].filter(Boolean));
  }

  function mine(anchor) {
    const { account, away } = session.me;
    open(anchor, [
      item(t("change-name"), "edit", () => app.dialogs.rename()),
      away ? item(t("set-back"), "smile", () => session.setAway("")) : item(t("set-away"), "smile", () => session.setAway(t("away"))),
      !account && session.caps.has("sasl") && item(t("login"), "people", () => app.dialogs.account("login")),
      !account && session.caps.has("draft/account-registration") && item(t("register"), "plus", () => app.dialogs.account("register")),
      app.notices.available && item(t(app.notices.on ? "notify-on" : "notify"), "bell", () => app.notices.ask()),
      item(t("help"), "search", () => app.dialogs.help()),
      item(t("quit"), "close", () => session.quit(), true),
    ].filter(Boolean));
  }

  function react(anchor, of, line) {
    const choose = (emoji) => {
      menu.close();
      if (!emoji) return;
      const own = line.reactions?.get(emoji)?.get(session.isupport.fold(session.me.nick))?.on;
      app.react(of, line, emoji, !own);
    };
    const input = el("input", { type: "text", maxlength: "16", "aria-label": t("react"), placeholder: "🙂", dir: "auto" });
    const menu = open(anchor, [
      ...REACTIONS.map((emoji) => el("button", { type: "button", on: { click: () => choose(emoji) } }, emoji)),
      el("form", { on: { submit: (event) => {
        event.preventDefault();
        choose(input.value.trim());
      } } }, input),
    ], { kind: "picker", role: "group" });
  }

  return { person, room, mine, react };
}
