// The lines of the room that is open. They stand in chunks; only those near what is seen are filled, the others
// keep their height, so a room of any length scrolls alike.

import { avatar, el, find, icon } from "./dom.js";
import { crowdElement, dayElement, dividerElement, isComing, lineElement, ownElement, startsGroup } from "./line-view.js";
import { firstCharacters } from "./text.js";
import { KEPT } from "./timeline.js";
import { t } from "./words.js";

/** Lines of one chunk. */
const CHUNK = 40;
/** How far beyond what is seen chunks are filled, and from where on the page above is fetched, in pixels. */
const BEYOND = 1_200;
const NEAR_TOP = 900;
/** The height of a line that was never seen. */
const GUESS = 30;

/** @param {any} app */
export function createLines(app) {
  const log = find("#log");
  const latest = find("#latest");
  const top = el("div", { class: "top" });
  const blank = el("div", { class: "blank" });
  const pending = el("div", { class: "pendings" });
  log.append(top, blank, pending);
  /** @type {{start: string, lines: any[], before: any, el: HTMLElement, filled: Map<string, any> | null, hash: number}[]} */
  let chunks = [];
  let room;
  let stuck = true;
  /** Lines that came while the end was not seen. */
  let missed = 0;

  latest.addEventListener("click", () => toEnd());
  let asked = false;
  log.addEventListener("scroll", () => {
    stuck = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
    if (!asked) requestAnimationFrame(look);
    asked = true;
  }, { passive: true });
  new ResizeObserver(() => (stuck ? toEnd() : look())).observe(log);

  function look() {
    asked = false;
    fill();
    wantOlder();
    if (stuck) {
      missed = 0;
      app.seen();
    }
    showLatest();
  }

  function wantOlder() {
    if (room && log.scrollTop < NEAR_TOP) app.act(() => app.session.loadOlder(room, Date.now()));
  }

  function showLatest() {
    latest.hidden = stuck;
    if (!stuck) latest.replaceChildren(icon("down"), missed ? t("latest-new", missed) : t("latest"));
  }

  function toEnd() {
    stuck = true;
    missed = 0;
    fill();
    log.scrollTop = log.scrollHeight;
    fill();
    log.scrollTop = log.scrollHeight;
    showLatest();
    app.seen();
  }

  /** Changes what stands in the log, and leaves what is seen where it is. */
  function keeping(change) {
    if (stuck) {
      change();
      log.scrollTop = log.scrollHeight;
      return;
    }
    const [mark, place] = firstSeen();
    change();
    if (mark?.isConnected) {
      const moved = mark.getBoundingClientRect().top - place;
      if (Math.abs(moved) > .5) log.scrollTop += moved;
    }
  }

  function firstSeen() {
    const edge = log.getBoundingClientRect().top;
    const at = chunkAt(log.scrollTop);
    for (const { el: element, filled } of chunks.slice(at, at + 3)) {
      if (!filled) continue;
      for (const child of element.children) {
        const box = child.getBoundingClientRect();
        if (box.bottom > edge && child.dataset.id) return [child, box.top];
      }
    }
    const element = chunks[at]?.el;
    return [element, element?.getBoundingClientRect().top ?? 0];
  }

  /** The chunk in which the place `y` is. */
  function chunkAt(y) {
    let from = 0;
    let to = chunks.length - 1;
    while (from < to) {
      const middle = (from + to) >> 1;
      const { el: element } = chunks[middle];
      if (element.offsetTop + element.offsetHeight < y) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** Fills the chunks near what is seen, and empties the others. */
  function fill() {
    if (!chunks.length) return;
    const height = log.clientHeight;
    const from = chunkAt(log.scrollTop - BEYOND);
    const to = chunkAt(log.scrollTop + height + BEYOND);
    const wrong = chunks.filter((chunk, at) => (at >= from && at <= to) !== Boolean(chunk.filled));
    if (!wrong.length) return;
    keeping(() => {
      for (const chunk of wrong) {
        if (chunk.filled) empty(chunk);
        else draw(chunk);
      }
    });
  }

  function empty(chunk) {
    if (chunk.el.contains(document.activeElement) || chunk.el.querySelector(".tools")) return;
    chunk.el.style.height = `${chunk.el.offsetHeight}px`;
    chunk.el.replaceChildren();
    chunk.filled = null;
  }

  /** Draws a chunk, with the elements of lines that have not changed. */
  function draw(chunk) {
    const old = chunk.filled ?? new Map();
    const now = new Map();
    const children = [];
    let before = chunk.before;
    let crowd = [];
    for (const line of chunk.lines) {
      const marks = [];
      if (!before || new Date(before.time).toDateString() !== new Date(line.time).toDateString()) marks.push(dayElement(line.time));
      if (room.divider && line.time > room.divider && (!before || before.time <= room.divider)) marks.push(dividerElement());
      children.push(...marks);
      if (marks.length || !isComing(line)) crowd = [];
      if (isComing(line)) {
        if (crowd.length) children.pop();
        crowd.push(line);
        before = line;
        if (crowd.length > 1) {
          const look = `${crowd.length} ${line.id}`;
          const known = old.get(crowd[0].id);
          const element = known?.look === look ? known.element : crowdElement(crowd);
          for (const one of crowd) now.set(one.id, { look, element });
          children.push(element);
          continue;
        }
      }
      const first = startsGroup(line, before);
      const quoted = line.reply ? room.timeline.byId.get(line.reply) : undefined;
      const look = `${line.revision} ${first} ${quoted?.revision}`;
      const known = old.get(line.id);
      const element = known?.look === look ? known.element : lineElement(app, room, line, first);
      if (known && known.element !== element && known.element.contains(document.activeElement)) queueMicrotask(() => element.focus());
      now.set(line.id, { look, element });
      children.push(element);
      before = line;
    }
    chunk.filled = now;
    chunk.el.style.height = "";
    const same = chunk.el.children.length === children.length && children.every((child, at) => chunk.el.children[at] === child);
    if (!same) place(chunk.el, children);
  }

  /** Sorts the lines into chunks. What was in one stays together as far as it can. */
  function divide() {
    const { lines } = room.timeline;
    // Day marks say "today", which is another day tomorrow.
    const today = new Date().getDate();
    const known = new Map(chunks.map((chunk) => [chunk.start, chunk]));
    const next = [];
    let chunk;
    lines.forEach((line, at) => {
      if (!chunk || known.has(line.id) || chunk.lines.length >= CHUNK * 1.5 || (chunk.lines.length >= CHUNK && !chunk.old)) {
        chunk = { start: line.id, lines: [], before: lines[at - 1], hash: (lines[at - 1]?.seq ?? 0) + room.divider + today, old: known.get(line.id) };
        next.push(chunk);
      }
      chunk.lines.push(line);
      chunk.hash = (chunk.hash * 31 + line.seq + line.revision * 7919) | 0;
    });
    for (const one of next) {
      const { old } = one;
      one.el = old?.el ?? el("div", { class: "chunk" });
      one.filled = old?.filled ?? null;
      if (!one.filled && (!old || old.lines.length !== one.lines.length)) one.el.style.height = `${one.lines.length * GUESS}px`;
      one.changed = !old || old.hash !== one.hash;
      one.old = undefined;
    }
    return next;
  }

  function refresh() {
    if (!room) return;
    const next = divide();
    keeping(() => {
      const kept = new Set(next.map((chunk) => chunk.el));
      for (const chunk of chunks) if (!kept.has(chunk.el)) chunk.el.remove();
      let anchor = blank;
      for (const chunk of next) {
        if (anchor.nextSibling !== chunk.el) anchor.after(chunk.el);
        anchor = chunk.el;
      }
      chunks = next;
      for (const chunk of chunks) if (chunk.filled && chunk.changed) draw(chunk);
      let before = room.timeline.lines.at(-1);
      place(pending, room.pending.map((own, at) => {
        const line = { ...own, nick: app.session.me.nick };
        const first = startsGroup(line, at ? { ...room.pending[at - 1], nick: line.nick } : before);
        before = line;
        return ownElement(app, room, own, first);
      }));
      drawTop();
    });
    look();
  }

  function drawTop() {
    const { timeline, kind } = room;
    const none = !timeline.lines.length && !room.pending.length;
    blank.hidden = !none;
    const settled = room.complete || kind === "server" || (none && room.caughtUp) || !app.session.caps.history;
    const beginning = kind === "private" ? t("talk-beginning", room.name) : t("beginning", room.name);
    if (none && settled) {
      const words = kind === "server" ? t("server-empty") : t("empty");
      blank.replaceChildren(avatar(room.name || "callbox", firstCharacters), el("strong", {}, el("bdi", {}, room.name || t("server"))), el("span", {}, words));
    } else blank.replaceChildren();
    const words = none || kind === "server" ? "" : timeline.lines.length >= KEPT ? t("no-more")
      : room.page?.part === "BEFORE" ? t("older") : room.complete ? beginning : "";
    if (top.textContent !== words) top.textContent = words;
    if (none && !settled) top.textContent = t("older");
  }

  /** Opens a room. */
  function open(next) {
    room = next;
    for (const chunk of chunks) chunk.el.remove();
    chunks = [];
    stuck = true;
    missed = 0;
    log.setAttribute("aria-label", t("lines", room.name || t("server")));
    refresh();
    toEnd();
    const divider = log.querySelector(".divider");
    if (divider && divider.offsetTop < log.scrollTop) {
      stuck = false;
      log.scrollTop = Math.max(0, divider.getBoundingClientRect().top - log.getBoundingClientRect().top + log.scrollTop - 80);
    }
  }

  /** Shows a line, if it is loaded. @param {string} id @returns {HTMLElement | undefined} */
  function show(id, focus = true) {
    const chunk = chunks.find(({ lines }) => lines.some((line) => line.id === id));
    if (!chunk) return undefined;
    stuck = false;
    if (!chunk.filled) draw(chunk);
    const element = chunk.filled.get(id).element;
    element.scrollIntoView({ block: "center" });
    fill();
    element.scrollIntoView({ block: "center" });
    element.classList.remove("target");
    void element.offsetWidth;
    element.classList.add("target");
    if (focus) element.focus({ preventScroll: true });
    return element;
  }

  return {
    open, refresh, show, toEnd, log,
    get atEnd() { return stuck; },
    get room() { return room; },
    came() { if (!stuck) missed += 1; },
    /** The line that an element of the log belongs to. */
    lineOf: (element) => room?.timeline.byId.get(element?.closest?.(".line")?.dataset.id),
    /** The elements of lines that are drawn. */
    get drawn() { return [...log.querySelectorAll(".line")]; },
  };
}

/** Puts `children` into `parent`, moving as few as can be. */
function place(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  let at = parent.firstChild;
  for (const child of children) {
    if (child === at) at = at.nextSibling;
    else parent.insertBefore(child, at);
  }
}

