// Coming in: as a guest, with an account, or with a new one.

import { el, find } from "./dom.js";
import { another } from "./entry.js";
import { kept } from "./store.js";
import { t } from "./words.js";

/** @param {any} app */
export function createEntry(app) {
  const root = find("#entry");
  const { session } = app;
  const field = (id, type, label, props = {}, hint) => {
    const input = el("input", { id, name: id, type, autocapitalize: "none", spellcheck: "false", ...props });
    return { input, row: el("label", { class: "field" }, el("span", {}, label), input, hint && el("small", {}, hint)) };
  };
  const name = field("name", "text", t("your-name"), { autocomplete: "nickname", maxlength: "64", value: kept("name", ""), required: true, dir: "auto" });
  const account = field("username", "text", t("account"), { autocomplete: "username", value: kept("account", "") });
  const password = field("password", "password", t("password"), { autocomplete: "current-password" });
  const email = field("email", "email", t("email"), { autocomplete: "email" }, t("email-hint"));
  const server = field("server-password", "password", t("server-password"), { autocomplete: "off" });
  const code = field("code", "text", t("code"), { autocomplete: "one-time-code" });
  const problem = el("div", { class: "problem", role: "alert" });
  const why = el("p", { class: "why" }, t("account-why"));
  const button = el("button", { class: "primary" }, t("enter"));
  let mode = "guest";

  const tabs = el("fieldset", { class: "tabs" }, el("legend", { class: "unseen" }, t("how")),
    ...["guest", "login", "register"].map((value) => el("label", {},
      el("input", { type: "radio", name: "how", id: `how-${value}`, checked: value === mode, on: { change: () => choose(value) } }), t(value))));
  const form = el("form", { novalidate: true, on: { submit } }, tabs, problem, name.row, account.row, password.row, email.row,
    why, server.row, code.row, button, el("p", { class: "where" }, t("lobby", app.lobby)));
  root.append(el("main", { class: "entry-card" },
    el("header", {}, el("img", { src: "/icon.svg", alt: "" }), el("h1", {}, t("welcome")), el("p", {}, t("welcome-text"))), form));
  choose(kept("account") ? "login" : "guest");

  function choose(next) {
    mode = next;
    find(`#how-${mode}`).checked = true;
    account.row.hidden = mode !== "login";
    password.row.hidden = mode === "guest";
    password.input.autocomplete = mode === "register" ? "new-password" : "current-password";
    email.row.hidden = why.hidden = mode !== "register";
    if (session.problem?.code !== "password") server.row.hidden = true;
    if (session.problem?.code !== "verify") code.row.hidden = true;
  }

  function submit(event) {
    event.preventDefault();
    if (!code.row.hidden && code.input.value) return app.act(() => session.verify(code.input.value.trim()));
    const wanted = name.input.value.trim() || (mode === "login" ? account.input.value.trim() : "");
    if (!wanted) return complain(t("need-name"), name.input);
    if (mode !== "guest" && !password.input.value) return complain(t("need-password"), password.input);
    problem.replaceChildren();
    const rooms = [app.lobby, ...kept("rooms", []), ...(app.linked ? [app.linked] : [])];
    return app.act(() => session.start({
      name: wanted, mode, account: mode === "login" ? account.input.value.trim() || wanted : undefined,
      password: mode === "guest" ? undefined : password.input.value, email: email.input.value.trim(),
      serverPassword: server.input.value || undefined, join: [...new Set(rooms)],
    }, Date.now()));
  }

  function complain(text, input, more) {
    problem.replaceChildren(text, ...(more ? [el("small", { dir: "auto" }, more)] : []));
    input?.focus();
  }

  /** Shows how far it has come, and what the person has to decide. */
  function update() {
    const busy = ["connecting", "entering"].includes(session.state) && !session.problem;
    button.disabled = busy;
    button.textContent = t(busy ? "entering" : "enter");
    const { code: what, text, detail } = session.problem ?? {};
    if (!what) {
      if (session.state === "waiting") complain(t("lost", Math.max(1, Math.round((session.retryAt - Date.now()) / 1000))));
      else if (busy) problem.replaceChildren();
      return;
    }
    const inputs = { taken: name.input, "bad-name": name.input, login: password.input, register: password.input, password: server.input, verify: code.input };
    if (what === "password") server.row.hidden = false;
    if (what === "verify") code.row.hidden = false;
    if (what === "no-login" || what === "no-register") choose("guest");
    if (what === "account-required") choose("login");
    const offer = what === "taken" ? another(detail, Math.random) : "";
    if (offer) name.input.value = offer;
    complain(t(`p-${what}`, detail, offer), inputs[what], ["login", "register", "banned"].includes(what) ? text : "");
  }

  return { update, focus: () => name.input.focus() };
}
