// Where lines are written: several of them, with completion, what was sent before, and care with what is pasted.

import { complete, offers } from "./complete.js";
import { COMMANDS, run } from "./commands.js";
import { el, find, iconButton, visible } from "./dom.js";
import { summary } from "./line-view.js";
import { list, t } from "./words.js";

/** Commands with a password, which is not to be called back. */
const SECRET = /^\/(login|register|raw|quote)\b/i;
/** Texts that were sent and can be called back. */
const REMEMBERED = 100;
/** From how many lines on a paste is asked about. */
const MANY_LINES = 4;

/** @param {any} app */
export function createComposer(app) {
  const form = find("#composer");
  const typing = find("#typing");
  const { session } = app;
  const text = el("textarea", { id: "text", rows: "1", "aria-autocomplete": "list", "aria-controls": "hints", autocapitalize: "sentences", enterkeyhint: "send", dir: "auto" });
  const send = iconButton("send", t("send"), () => {}, { type: "submit", class: "quiet send" });
  const about = el("div", { class: "about", hidden: true });
  const hints = el("ul", { id: "hints", class: "hints", role: "listbox", "aria-label": t("hints"), hidden: true });
  form.append(hints, el("div", { class: "box" }, el("div", { class: "column" }, about, text), send));
  /** By the key of the room: what is half written there. */
  const drafts = new Map();
  const sent = [];
  let back = -1;
  let found = null;
  let chosen = -1;
  /** What the next line answers or takes the place of. @type {{kind: "reply" | "edit", line: any} | null} */
  let purpose = null;
  let composing = false;

  text.addEventListener("compositionstart", () => (composing = true));
  text.addEventListener("compositionend", () => (composing = false));
  text.addEventListener("input", () => {
    fit();
    suggest(false);
    const writes = text.value.trim() && !/^\/(?!\/|me )/.test(text.value);
    app.act(() => session.type(app.room, Boolean(writes), Date.now()));
    send.disabled = !text.value.trim();
  });
  text.addEventListener("blur", () => setTimeout(closeHints, 150));
  text.addEventListener("keydown", onKey);
  text.addEventListener("paste", onPaste);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
    text.focus();
  });

  function onKey(event) {
    // While an input method composes, its keys are its own; 229 is what browsers say then.
    if (event.isComposing || composing || event.keyCode === 229) return;
    const plain = !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey;
    if (!hints.hidden && plain) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") return stop(event, () => choose(chosen + (event.key === "ArrowDown" ? 1 : -1)));
      if (event.key === "Tab" || (event.key === "Enter" && chosen >= 0)) return stop(event, () => take(Math.max(chosen, 0)));
      if (event.key === "Escape") return stop(event, closeHints);
    }
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) return stop(event, submit);
    if (event.key === "Tab" && plain && text.value) {
      suggest(true);
      if (!found) return undefined;
      return stop(event, () => found.list.length === 1 && take(0));
    }
    if (event.key === "Escape" && purpose) return stop(event, forgetPurpose);
    if (event.key === "ArrowUp" && plain && !text.value && !purpose) return stop(event, editLast);
    if ((event.key === "ArrowUp" || event.key === "ArrowDown") && event.ctrlKey) return stop(event, () => recall(event.key === "ArrowUp" ? 1 : -1));
    return undefined;
  }

  function stop(event, action) {
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  function onPaste(event) {
    const pasted = event.clipboardData?.getData("text/plain") ?? "";
    const lines = pasted.replace(/\s+$/, "").split(/\r\n|\r|\n/);
    if (lines.length < MANY_LINES) return;
    event.preventDefault();
    app.dialogs.paste(lines.length, pasted, () => submit(withPasted(pasted), !text.value.startsWith("/")), () => insert(pasted));
  }

  function withPasted(pasted) {
    const { value, selectionStart, selectionEnd } = text;
    return value.slice(0, selectionStart) + pasted + value.slice(selectionEnd);
  }

  function insert(what) {
    text.setRangeText(what, text.selectionStart, text.selectionEnd, "end");
    text.focus();
    text.dispatchEvent(new Event("input"));
  }

  /** What was pasted is no command, whatever it begins with. */
  function submit(value = text.value, said = false) {
    const { room } = app;
    if (!value.trim()) return;
    const command = !said && /^\/(?!\/)/.test(value);
    const how = purpose ? { reply: purpose.kind === "reply" ? purpose.line.msgid : purpose.line.reply, edits: purpose.kind === "edit" ? purpose.line.msgid : undefined } : {};
    const done = command ? run(app, room, value) : app.act(() => session.say(room, said ? value : value.replace(/^\/\//, "/"), Date.now(), how));
    if (done === false) {
      if (!command) app.notices.say(session.maySay(room) ? "too-much" : room.kind === "server" ? "only-commands" : "not-joined");
      return;
    }
    if (sent[0] !== value && !(command && SECRET.test(value))) sent.unshift(value);
    sent.length = Math.min(sent.length, REMEMBERED);
    back = -1;
    forgetPurpose();
    set("");
    closeHints();
    room.divider = 0;
    app.lines.toEnd();
  }

  function set(value) {
    text.value = value;
    text.setSelectionRange(value.length, value.length);
    send.disabled = !value.trim();
    fit();
  }

  /** As high as what is written, where the browser does not do it by itself. */
  function fit() {
    if (CSS.supports("field-sizing", "content")) return;
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight}px`;
  }

  function recall(step) {
    back = Math.min(Math.max(back + step, -1), sent.length - 1);
    set(sent[back] ?? "");
  }

  function editLast() {
    const line = app.room.timeline.lines.findLast((one) => one.own && one.kind === "said" && one.msgid && !one.redacted);
    if (line && app.tools.mayEdit(line)) edit(line);
  }

  function edit(line) {
    purpose = { kind: "edit", line };
    set(line.text);
    showPurpose();
  }

  function reply(line) {
    purpose = { kind: "reply", line };
    showPurpose();
  }

  function showPurpose() {
    const { kind, line } = purpose;
    about.replaceChildren(el("span", { dir: "auto" }, kind === "edit" ? t("editing") : `${t("replying", visible(line.nick))}: ${summary(line.text)}`),
      iconButton("close", t("cancel"), forgetPurpose));
    about.hidden = false;
    text.focus();
  }

  function forgetPurpose() {
    if (purpose?.kind === "edit") set("");
    purpose = null;
    about.hidden = true;
    about.replaceChildren();
  }

  function known() {
    const { room } = app;
    const last = new Map();
    for (const line of room.timeline.lines.slice(-300)) last.set(line.nick, line.time);
    const people = [...room.members.values()].map(({ nick }) => ({ nick, last: last.get(nick) ?? 0 })).filter(({ nick }) => !session.isMe(nick));
    if (room.kind === "private") people.push({ nick: room.name, last: 1 });
    const rooms = [...session.rooms.values()].filter(({ kind }) => kind === "room").map(({ name }) => name);
    return { commands: COMMANDS.map(({ name }) => ({ name, hint: t(`c-${name}`) })), rooms, people };
  }

  function suggest(asked) {
    const at = text.selectionStart;
    found = asked || offers(text.value, at) ? complete(text.value, at, known()) : null;
    if (!found) return closeHints();
    hints.replaceChildren(...found.list.map(({ text: what, hint }, index) => el("li", {
      id: `hint-${index}`, role: "option", "aria-selected": "false",
      on: { mousedown: (event) => event.preventDefault(), click: () => take(index) },
    }, el("bdi", {}, visible(what.trim())), hint && el("small", {}, hint))));
    hints.hidden = false;
    choose(asked ? 0 : -1);
    return undefined;
  }

  function choose(index) {
    const all = [...hints.children];
    chosen = index < -1 ? all.length - 1 : index >= all.length ? 0 : index;
    all.forEach((one, at) => one.setAttribute("aria-selected", String(at === chosen)));
    all[chosen]?.scrollIntoView({ block: "nearest" });
    if (chosen >= 0) text.setAttribute("aria-activedescendant", `hint-${chosen}`);
    else text.removeAttribute("aria-activedescendant");
  }

  function take(index) {
    const { from, to, list: all } = found;
    text.setRangeText(all[index].text, from, to, "end");
    closeHints();
    text.dispatchEvent(new Event("input"));
  }

  function closeHints() {
    hints.hidden = true;
    found = null;
    chosen = -1;
    text.removeAttribute("aria-activedescendant");
  }

  function showTyping() {
    const names = [...app.room.typing.values()].map(({ nick }) => visible(nick));
    typing.textContent = !names.length ? "" : names.length > 3 ? t("typing-many") : t(names.length === 1 ? "typing-1" : "typing-2", list(names));
  }

  return {
    reply, edit, showTyping, insert,
    focus: () => text.focus(),
    /** Whoever comes in next is somebody else, and sees nothing of what was written here. */
    forget() {
      forgetPurpose();
      drafts.clear();
      sent.length = 0;
      back = -1;
      set("");
    },
    get empty() { return !text.value; },
    /** Another room is opened: what was half written stays with the one it was meant for. */
    open(room, before) {
      if (before && before !== room) {
        forgetPurpose();
        drafts.set(before.key, text.value);
        set(drafts.get(room.key) ?? "");
      }
      closeHints();
      const words = room.kind === "server" ? t("write-server") : t("write", visible(room.name));
      text.placeholder = words;
      text.setAttribute("aria-label", words);
      if (matchMedia("(hover: hover)").matches) text.focus();
      showTyping();
    },
    update() {
      send.disabled = !text.value.trim();
    },
  };
}
