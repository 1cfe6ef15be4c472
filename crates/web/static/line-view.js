// One line as elements: who, when, what, the reactions to it, and for own lines what became of them.

import { avatar, el, hue, name, visible } from "./dom.js";
import { plain, runs } from "./format.js";
import { firstCharacters } from "./text.js";
import { day, full, list, t, time } from "./words.js";

/** Lines of one person within this stand under one name. */
const TOGETHER = 5 * 60_000;
/** Names in one line of those who came and went. */
const CROWD = 8;
/** Characters of a line that is quoted. */
const QUOTED = 120;

/** @typedef {import("./timeline.js").Line} Line @typedef {import("./room.js").Room} Room */

/**
 * What a line looks like depends on the one before it, so that is a part of what it is drawn from.
 * @param {Line} line @param {Line | undefined} before
 */
export function startsGroup(line, before) {
  return !before || before.kind === "event" || before.kind === "info" || before.nick !== line.nick || line.kind === "action"
    || before.kind === "action" || line.time - before.time > TOGETHER || line.reply !== undefined
    || new Date(line.time).toDateString() !== new Date(before.time).toDateString();
}

/** @param {any} app @param {Room} room @param {Line} line @param {boolean} first whether it begins a group */
export function lineElement(app, room, line, first) {
  if (line.event) return eventElement(line);
  if (line.kind === "info") return infoElement(line);
  const classes = ["line", line.kind, first && "first", line.mention && "mention", line.redacted && "redacted",
    /^(?:\p{Extended_Pictographic}[\ufe0f\u200d\u{1f3fb}-\u{1f3ff}]*\s*){1,4}$/u.test(line.text) && "emoji"];
  const body = [];
  if (line.reply && !line.redacted) body.push(quote(app, room, line.reply));
  body.push(textElement(line));
  const reactions = line.reactions && reactionsElement(app, room, line);
  if (reactions) body.push(reactions);
  const at = el("time", { class: "at", datetime: new Date(line.time).toISOString(), title: full(line.time) }, time(line.time));
  const head = first
    ? [avatar(line.nick, firstCharacters), by(app, room, line)]
    : [at, el("span", { class: "unseen" }, visible(line.nick))];
  return el("div", { class: classes.filter(Boolean).join(" "), role: "article", tabindex: "-1", data: { id: line.id } }, ...head, ...body);
}

/** An own line that is on its way. @param {import("./outbox.js").Own} own */
export function ownElement(app, room, own, first) {
  const line = { ...own, nick: app.session.me.nick, own: true, mention: false, revision: 0 };
  const states = { waiting: "waiting", sending: "sending", doubtful: "waiting", failed: "failed" };
  const fate = el("div", { class: "fate" });
  if (own.state === "failed") {
    const reason = own.reason === "unknown" ? t("unknown") : own.reason;
    fate.append(el("strong", {}, t("failed")), reason ? el("bdi", {}, visible(reason)) : "",
      el("button", { type: "button", class: "inline", on: { click: () => app.act(() => app.session.again(room, own, Date.now())) } }, t("again")),
      el("button", { type: "button", class: "inline", on: { click: () => app.act(() => app.session.discard(room, own)) } }, t("discard")));
  } else fate.append(t(states[own.state]));
  return el("div", { class: `line pending ${own.kind} ${own.state} ${first ? "first" : ""}`, role: "article", tabindex: "-1", data: { state: own.state } },
    ...(first ? [avatar(line.nick, firstCharacters), by(app, room, line)] : []), textElement(line), fate);
}

/** @param {number} at */
export const dayElement = (at) => el("h2", { class: "day" }, day(at, Date.now()));

export const dividerElement = () => el("div", { class: "divider" }, t("new"));

function by(app, room, line) {
  const nick = el("button", { type: "button", class: "nick", tabindex: "-1", on: { click: (event) => app.personMenu(event.currentTarget, line.nick) } }, name(line.nick));
  nick.style.setProperty("--hue", hue(line.nick));
  return el("div", { class: "by" }, nick, line.bot && el("span", { class: "tag" }, t("bot")),
    line.kind === "notice" && el("span", { class: "tag" }, t("notice")),
    el("time", { datetime: new Date(line.time).toISOString(), title: full(line.time) }, time(line.time)));
}

function textElement(line) {
  const element = el("div", { class: "text", dir: "auto" });
  if (line.redacted) {
    element.append(line.redacted.nick && line.redacted.nick !== line.nick ? t("redacted-by", visible(line.redacted.nick)) : t("redacted"));
    return element;
  }
  if (line.kind === "action") element.append(name(line.nick), " ");
  element.append(...runElements(line.text));
  if (line.edited || line.edits) element.append(" ", el("span", { class: "edited" }, `(${t("edited")})`));
  return element;
}

/** @param {string} text */
export function runElements(text) {
  return runs(text).map((run) => {
    const shown = visible(run.text);
    if (run.href) {
      return el("a", { href: run.href, target: "_blank", rel: "noopener noreferrer", class: run.styles.join(" ") || null, title: run.href === run.text ? null : run.href }, shown);
    }
    return run.styles.length ? el("span", { class: run.styles.join(" ") }, shown) : document.createTextNode(shown);
  });
}

/** Some of a text, in one line. */
export const summary = (text) => firstCharacters(visible(plain(text)).replace(/\s+/g, " "), QUOTED);

function quote(app, room, msgid) {
  const target = room.timeline.byId.get(msgid);
  if (!target) return el("span", { class: "quote" }, t("reply-old"));
  const text = target.redacted ? t("redacted") : summary(target.text);
  return el("button", { type: "button", class: "quote", tabindex: "-1", on: { click: () => app.lines.show(msgid) } },
    t("reply-to", visible(target.nick), text));
}

function reactionsElement(app, room, line) {
  const buttons = [];
  for (const [emoji, people] of line.reactions) {
    const there = [...people.values()].filter(({ on }) => on);
    if (!there.length) continue;
    const own = there.some((one) => one.own);
    const names = list(there.slice(0, 12).map(({ nick }) => visible(nick)));
    buttons.push(el("button", {
      type: "button", tabindex: "-1", "aria-pressed": String(own), title: names, "aria-label": t("reaction", `${visible(emoji)} ${there.length}`, names),
      on: { click: () => app.react(room, line, emoji, !own) },
    }, `${visible(emoji)} ${there.length}`));
  }
  return buttons.length ? el("div", { class: "reactions" }, ...buttons) : null;
}

function infoElement(line) {
  return el("div", { class: "line event info", role: "article", tabindex: "-1", data: { id: line.id } }, el("div", { class: "text", dir: "auto" }, ...runElements(line.text)));
}

/** Those who came and went one after the other, in one line. @param {Line[]} lines */
export function crowdElement(lines) {
  const parts = ["join", "part", "quit"].map((what) => {
    const nicks = [...new Set(lines.filter(({ event }) => event.what === what).map(({ nick }) => visible(nick)))];
    const some = nicks.length > CROWD ? [...nicks.slice(0, CROWD), t("more-people", nicks.length - CROWD)] : nicks;
    return nicks.length && t(`e-${what}`, some.length === nicks.length ? list(some) : some.join(", "));
  });
  const text = el("div", { class: "text", dir: "auto" }, parts.filter(Boolean).join(" · "));
  return el("div", { class: "line event", role: "article", tabindex: "-1", title: full(lines[0].time), data: { id: lines[0].id } }, text);
}

/** Whether a line only says that somebody came or went. */
export const isComing = ({ event }) => ["join", "part", "quit"].includes(event?.what);

function eventElement(line) {
  const text = el("div", { class: "text", dir: "auto" }, ...eventWords(line));
  return el("div", { class: `line event ${line.event.what}`, role: "article", tabindex: "-1", title: full(line.time), data: { id: line.id } }, text);
}

/** A sentence of `words.js` with names and texts in it. */
function eventWords({ event, nick, text }) {
  const { what } = event;
  if (what === "error" || what === "note") return runElements(text);
  const who = event.nick ?? nick;
  const values = {
    nick: [who, event.to], kick: [who, event.who], topic: [who, event.text], mode: [who, event.text],
    rename: [who, event.from, event.to], invite: [who, event.who], away: [who, text],
  }[what] ?? [who];
  const key = what === "topic" && !event.text ? "e-no-topic" : `e-${what}`;
  const parts = t(key).split(/(\{\d\})/).map((part) => {
    const at = /^\{(\d)\}$/.exec(part);
    return at ? el("bdi", {}, visible(plain(values[Number(at[1])] ?? ""))) : part;
  });
  if (event.text && ["part", "quit", "kick"].includes(what)) parts.push(" (", el("bdi", {}, visible(plain(event.text))), ")");
  return parts;
}

/** What a screen reader is told of a new line. @param {Line} line */
export const spoken = (line) => t("says", visible(line.nick), summary(line.text));

