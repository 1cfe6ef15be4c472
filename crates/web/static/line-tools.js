// What can be done with a line: by the tools that stand at the one that is pointed at or focused, or by its keys.

import { el, find, iconButton } from "./dom.js";
import { plain } from "./format.js";
import { summary } from "./line-view.js";
import { t } from "./words.js";

/** @param {any} app */
export function createTools(app) {
  const log = find("#log");
  const { session } = app;
  const tools = el("div", { class: "tools", role: "group", "aria-label": t("room-menu") });
  let shown;

  log.addEventListener("pointerover", ({ target, pointerType }) => pointerType !== "touch" && put(target.closest(".line")));
  log.addEventListener("pointerleave", () => !log.contains(document.activeElement) && put(null));
  log.addEventListener("click", ({ target }) => target.closest("button, a") || getSelection()?.toString() || put(target.closest(".line")));
  log.addEventListener("focusin", ({ target }) => put(target.closest(".line")));
  log.addEventListener("focusout", ({ relatedTarget }) => !log.contains(relatedTarget) && put(null));
  log.addEventListener("keydown", onKey);

  const tags = (...names) => session.caps.has("message-tags") && names.every((name) => session.isupport.allowsTag(name));
  const kept = (line) => line && line.msgid && !line.redacted && line.kind !== "event" && line.kind !== "info";
  const mayReply = (line) => kept(line) && session.online && tags("draft/reply");
  const mayReact = (line) => kept(line) && session.maySay(app.room) && tags("draft/reply", "draft/react");
  const mayEdit = (line) => kept(line) && line.own && line.kind === "said" && session.online && tags("draft/edit");
  const moderates = () => /[@%~&!]/.test(app.room.members.get(session.isupport.fold(session.me.nick))?.ranks ?? "");
  const mayRedact = (line) => kept(line) && session.online && session.caps.has("draft/message-redaction") && (line.own || moderates());

  function put(element) {
    const line = app.lines.lineOf(element);
    if (!kept(line)) {
      tools.remove();
      shown = undefined;
      return;
    }
    if (shown === line && tools.parentElement === element) return;
    shown = line;
    tools.replaceChildren(...[
      mayReact(line) && iconButton("smile", t("react"), (event) => app.menus.react(event.currentTarget, app.room, line)),
      mayReply(line) && iconButton("reply", t("reply"), () => app.composer.reply(line)),
      mayEdit(line) && iconButton("edit", t("edit"), () => app.composer.edit(line)),
      mayRedact(line) && iconButton("trash", t("delete"), () => redact(line)),
      iconButton("copy", t("copy"), () => copy(line)),
    ].filter(Boolean));
    element.append(tools);
  }

  function redact(line) {
    app.dialogs.sure(t("delete-sure"), summary(line.text), t("delete"), () => app.act(() => session.redact(app.room, line)));
  }

  function copy(line) {
    navigator.clipboard?.writeText(plain(line.text)).catch(() => {});
  }

  /** Arrows go from line to line; letters do something with the one that has the focus. */
  function onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const element = event.target.closest(".line");
    const line = app.lines.lineOf(element);
    const all = app.lines.drawn;
    const at = element ? all.indexOf(element) : all.length;
    const act = {
      ArrowUp: () => (all[at - 1] ?? all[0])?.focus(),
      ArrowDown: () => (all[at + 1] ? all[at + 1].focus() : app.composer.focus()),
      End: () => {
        app.lines.toEnd();
        app.lines.drawn.at(-1)?.focus();
      },
      Home: () => all[0]?.focus(),
      r: mayReply(line) && (() => app.composer.reply(line)),
      e: mayEdit(line) && (() => app.composer.edit(line)),
      "+": mayReact(line) && (() => app.menus.react(element, app.room, line)),
      Delete: mayRedact(line) && (() => redact(line)),
      c: kept(line) && (() => copy(line)),
    }[event.key];
    if (!act || (event.target.closest("button") && event.key.length === 1)) return;
    event.preventDefault();
    act();
  }

  return { mayEdit };
}
