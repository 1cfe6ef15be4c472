// Dialogs: joining a room, the topic, help, and questions before something is done.

import { COMMANDS } from "./commands.js";
import { el, iconButton, name, visible } from "./dom.js";
import { plain } from "./format.js";
import { count, full, t, translated } from "./words.js";

/** Rooms of the server that are shown at a time. */
const SHOWN = 100;

/** @param {any} app */
export function createDialogs(app) {
  const { session } = app;
  let existing;

  /** A dialog with a title and a form; it is gone when it is closed. */
  function open(title, children, { ok = t("save"), submit, danger = false, also = [], kind = "" } = {}) {
    const dialog = el("dialog", { class: kind, "aria-labelledby": "dialog-title", on: { close: () => dialog.remove() } });
    const close = () => dialog.close();
    const actions = submit && el("div", { class: "actions" }, el("button", { type: "button", class: "plain", on: { click: close } }, t("cancel")),
      ...also.map(([label, run]) => el("button", { type: "button", class: "plain", on: { click: () => { close(); run(); } } }, label)),
      el("button", { class: danger ? "primary danger" : "primary" }, ok));
    dialog.append(el("form", { novalidate: true, on: { submit: (event) => {
      event.preventDefault();
      if (submit?.() !== false) close();
    } } }, el("header", {}, el("h2", { id: "dialog-title" }, title), iconButton("close", t("close"), close)), ...children, actions || ""));
    dialog.addEventListener("click", (event) => event.target === dialog && close());
    document.body.append(dialog);
    dialog.showModal();
    (dialog.querySelector("input, .primary") ?? dialog.querySelector("button")).focus();
    return { dialog, close };
  }

  const field = (label, props) => {
    const input = el("input", { type: "text", autocapitalize: "none", spellcheck: "false", dir: "auto", ...props });
    return [input, el("label", { class: "field" }, el("span", {}, label), input)];
  };

  function join() {
    const [input, row] = field(t("room-name"), { placeholder: "#tea", maxlength: "64" });
    const [key, keyRow] = field(t("room-key"), { autocomplete: "off" });
    existing = el("ul", { class: "existing", "aria-label": t("existing") });
    const { close } = open(t("add-room"), [row, el("p", {}, el("small", {}, t("join-text"))), keyRow, el("h3", {}, t("existing")), existing], {
      ok: t("join"),
      submit: () => {
        const wanted = input.value.trim().replace(/[\s,]+/g, "-");
        if (!wanted) return false;
        return app.act(() => app.rooms.join(wanted, key.value.trim()));
      },
    });
    existing.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      close();
      app.act(() => app.rooms.join(button.dataset.name));
    });
    input.addEventListener("input", listed);
    existing.finder = input;
    session.listed = [];
    app.act(() => session.online && session.send("LIST", []));
  }

  /** The server has listed its rooms. */
  function listed() {
    if (!existing?.isConnected) return;
    const part = existing.finder.value.trim().toLowerCase().replace(/^#/, "");
    const rooms = session.listed.filter((room) => room.name.toLowerCase().includes(part)).slice(0, SHOWN);
    existing.replaceChildren(...rooms.map((room) => el("li", {}, el("button", { type: "button", data: { name: room.name } },
      el("span", { class: "label" }, name(room.name), room.topic && el("small", { dir: "auto" }, ` ${visible(plain(room.topic))}`)),
      el("small", {}, count("members", room.users))))));
    if (!rooms.length) existing.append(el("li", {}, el("small", {}, t("no-rooms"))));
  }

  function topic(room) {
    const [input, row] = field(t("topic"), { value: plain(room.topic), maxlength: String(session.isupport.number("TOPICLEN", 390)) });
    open(t("set-topic"), [row], { submit: () => app.act(() => session.request("TOPIC", [room.name, input.value.trim()], { room })) });
  }

  function rename() {
    const [input, row] = field(t("your-name"), { value: session.me.nick, maxlength: String(session.isupport.number("NICKLEN", 32)) });
    open(t("change-name"), [row], { submit: () => {
      const wanted = input.value.trim();
      return wanted ? app.act(() => session.changeName(wanted)) : false;
    } });
  }

  function account(mode, problem) {
    const [user, userRow] = field(t("account"), { value: session.me.nick, autocomplete: "username" });
    const [password, row] = field(t("password"), { type: "password", autocomplete: mode === "login" ? "current-password" : "new-password" });
    const [email, emailRow] = field(t("email"), { type: "email", autocomplete: "email" });
    const rows = mode === "login" ? [userRow, row] : [el("p", {}, el("small", {}, t("account-why"))), row, emailRow];
    open(t(mode), [el("div", { class: "problem", role: "alert" }, problem ?? ""), ...rows], { ok: t(mode), submit: () => {
      if (!password.value) return false;
      return app.act(() => (mode === "login" ? session.signIn(user.value.trim(), password.value) : session.register(password.value, email.value.trim())));
    } });
  }

  function paste(lines, text, send, keep) {
    const shown = el("p", { dir: "auto" }, el("small", {}, visible(text.slice(0, 200)), text.length > 200 ? "…" : ""));
    open(t("paste", lines), [el("p", {}, t("paste-text", lines)), shown], { ok: t("send"), submit: send, also: [[t("paste-keep"), keep]] });
  }

  function sure(title, text, ok, run) {
    open(title, text ? [el("p", { dir: "auto" }, text)] : [], { ok, submit: run, danger: true });
  }

  function verify() {
    const [input, row] = field(t("code"), { autocomplete: "one-time-code" });
    open(t("register"), [el("p", {}, t("p-verify")), row], { submit: () => app.act(() => session.verify(input.value.trim())) });
  }

  /** What the server says of somebody. */
  function person(about) {
    const { nick, realname, account, address, rooms, away, signon, idle } = about;
    const rest = [about.bot && "bot", about.operator && "rank-@", about.secure && "secure"].filter(Boolean).map((key) => t(key));
    const facts = [["realname", realname !== nick && realname], ["account", account], ["address", address], ["rooms", rooms], ["away", away],
      ["since", signon && full(signon)], ["idle", idle >= 60 && t("minutes", Math.floor(idle / 60))], ["besides", rest.join(", ")]];
    open(visible(nick), [el("dl", { class: "facts" }, ...facts.filter(([, value]) => value).flatMap(([key, value]) => [
      el("dt", {}, t(key)), el("dd", {}, name(plain(value)))]))], session.isMe(nick) ? {} : {
      ok: t("talk", visible(nick)), submit: () => app.act(() => app.open(session.talkTo(nick, Date.now()))),
    });
  }

  function help() {
    const keys = [["Enter", "send"], ["Tab", "tab"], ["↑", "up"], ["Alt+↑ Alt+↓", "rooms"], ["F6", "log"], ["↑ ↓ r + e Del", "line"],
      ["PgUp PgDn", "page"], ["Ctrl+F", "search"], ["Esc", "escape"]];
    open(t("help"), [
      el("h3", {}, t("commands")),
      el("dl", {}, ...COMMANDS.flatMap(({ name: command, args }) => [el("dt", {}, `/${command} ${translated(args)}`), el("dd", {}, t(`c-${command}`))])),
      el("h3", {}, t("keys")),
      el("dl", {}, ...keys.flatMap(([key, what]) => [el("dt", {}, key), el("dd", {}, t(`k-${what}`))])),
    ], { kind: "help" });
  }

  return { join, listed, topic, rename, account, paste, sure, verify, person, help };
}
