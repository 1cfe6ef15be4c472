// The page: one session, its views, and what goes between them.

import { linked, listenToAddress, showAddress } from "./address.js";
import { createBanner } from "./banner.js";
import { createComposer } from "./composer.js";
import { createDialogs } from "./dialogs.js";
import { el, find } from "./dom.js";
import { createEntry } from "./entry-view.js";
import { createHead } from "./head.js";
import { listenToKeys } from "./keys.js";
import { spoken } from "./line-view.js";
import { createTools } from "./line-tools.js";
import { createLines } from "./lines-view.js";
import { connect } from "./link.js";
import { createMenus } from "./menus.js";
import { createNotices } from "./notices.js";
import { createPeople } from "./people-view.js";
import { createRooms, ordered } from "./rooms-view.js";
import { createSearch } from "./search.js";
import { Session } from "./session.js";
import * as store from "./store.js";
import { language, t } from "./words.js";

document.documentElement.lang = language;

const session = new Session();
const lobby = document.querySelector('meta[name="callbox-lobby"]')?.content || "#lobby";
/** Lines that a screen reader is told of at a time; it would not keep up with more. */
const SPOKEN = 5;

const app = {
  session,
  lobby,
  linked: linked(),
  /** Does something, and then what follows from it. */
  act(run) {
    const result = run?.();
    link.pump();
    return result;
  },
  /** Whether somebody is in the chat, though perhaps without a connection for now. */
  get inside() {
    return session.entered && session.state !== "off";
  },
  get room() {
    return session.rooms.get(session.active) ?? session.rooms.get("");
  },
  /** @param {import("./room.js").Room} room */
  open(room) {
    const before = app.room;
    if (before !== room) before.divider = 0;
    if (!room.divider && room.unread) room.divider = room.read;
    session.active = room.key;
    store.keep("room", room.name);
    showAddress(room);
    closeDrawers();
    app.composer.open(room, before);
    app.lines.open(room);
    app.search.close();
    drawAll();
  },
  /** The end of the room is seen: if anybody looks, it is read. */
  seen() {
    if (document.visibilityState !== "visible" || !document.hasFocus() || !session.online) return;
    if (app.room.unread || app.room.timeline.last()?.time > app.room.read) app.act(() => session.markRead(app.room, Date.now()));
  },
  react(room, line, emoji, on) {
    if (!app.act(() => session.react(room, line, emoji, on, Date.now()))) app.notices.say("no-react");
  },
  drawer(which) {
    const open = find("#chat").classList.toggle(`show-${which}`);
    find("#shade").hidden = !open;
    find("#main").inert = open;
    if (open) find(`#${which} button`)?.focus();
  },
  closeDrawers,
};

function closeDrawers() {
  const had = document.querySelector(".show-rooms, .show-people");
  find("#chat").classList.remove("show-rooms", "show-people");
  find("#shade").hidden = true;
  find("#main").inert = false;
  return Boolean(had);
}

// What changed is drawn once a frame.
const dirty = new Set();
let frame = 0;

function draw(what) {
  dirty.add(what);
  // A page that nobody sees gets no frames; it has to be up to date all the same.
  frame ||= document.visibilityState === "visible" ? requestAnimationFrame(drawNow) : setTimeout(drawNow, 200);
}

function drawAll() {
  for (const what of ["state", "rooms", "people", "typing"]) draw(what);
}

function drawNow() {
  frame = 0;
  const what = new Set(dirty);
  dirty.clear();
  const { inside } = app;
  const comes = inside && find("#chat").hidden;
  find("#entry").hidden = inside;
  find("#chat").hidden = !inside;
  // A room that was opened before this could not take the focus.
  if (comes) app.composer.open(app.room);
  if (what.has("state")) {
    if (!inside) {
      app.entry.update();
      app.composer.forget();
      news.length = 0;
      find("#heard").replaceChildren();
    }
    app.banner.update();
    app.composer.update();
    if (inside && session.problem) decide();
  }
  if (!inside) return;
  if (!session.rooms.has(session.active)) app.open(ordered(session)[0]);
  if (app.lines.room !== app.room) {
    app.lines.open(app.room);
    app.composer.open(app.room);
  }
  else if (what.has("lines")) app.lines.refresh();
  if (what.has("rooms") || what.has("state")) {
    app.rooms.update();
    app.head.update();
    app.notices.title();
  }
  if (what.has("people")) app.people.update();
  if (what.has("typing")) app.composer.showTyping();
  if (what.has("news")) speakNow();
}

/** The person is in the chat and has something to decide. */
function decide() {
  const { code, text } = session.problem;
  session.problem = null;
  if (code === "verify") app.dialogs.verify();
  else if (code === "login" || code === "register") app.dialogs.account(code, text || t(`p-${code}`));
  else app.notices.say(code === "no-login" ? code : `p-${code}`);
}

function show(events) {
  for (const event of events) {
    if (event.kind === "changed") {
      if (event.what === "lines" && event.room !== app.room) continue;
      draw(event.what);
    } else HAPPENED[event.kind]?.(event);
  }
}

const HAPPENED = {
  heard({ room, line }) {
    if (room === app.room) {
      app.lines.came();
      speak(line);
      if (!document.hasFocus() && !room.divider && room.unread) {
        room.divider = room.read;
        draw("lines");
      }
    }
    app.notices.heard(room, line);
  },
  arrived() {
    // Of the rooms that are entered now, the one that is linked to is shown, or the one that was open last.
    if (session.active === "") {
      const { join } = session.settings;
      const first = [app.linked, store.kept("room"), app.lobby].find((name) => name && join.includes(name));
      app.joining = session.isupport.fold(first ?? join[0]);
    }
    store.keep("name", session.settings.name);
    if (session.settings.account) store.keep("account", session.settings.account);
  },
  joined({ room }) {
    remember();
    if (app.joining !== room.key) return;
    app.joining = null;
    app.open(room);
  },
  registered: ({ account }) => app.notices.say("registered", account),
  invited: ({ nick, name }) => app.notices.invited(nick, name),
  listed: () => app.dialogs.listed(),
  whois: ({ about }) => app.dialogs.person(about),
  "not-joined": ({ name, text }) => {
    app.notices.text(`${name}: ${text}`);
    if (app.joining !== session.isupport.fold(name)) return;
    app.joining = null;
    const room = ordered(session).find(({ joined }) => joined);
    if (session.active === "" && room) app.open(room);
  },
};

/** The rooms that are joined again by the next visit. */
function remember() {
  store.keep("rooms", [...session.rooms.values()].filter((room) => room.wanted).map((room) => room.name));
}
app.remember = remember;

/** New lines for who hears the page. What was there before is not read out. */
const news = [];
function speak(line) {
  news.push(line);
  if (news.length > SPOKEN) news.shift();
  draw("news");
}

function speakNow() {
  const heard = find("#heard");
  heard.append(...news.splice(0).map((line) => el("p", {}, spoken(line))));
  while (heard.children.length > SPOKEN * 2) heard.firstChild.remove();
}

const link = connect(session, show);
app.link = link;
app.dialogs = createDialogs(app);
app.menus = createMenus(app);
app.personMenu = app.menus.person;
app.notices = createNotices(app);
app.entry = createEntry(app);
app.banner = createBanner(app);
app.rooms = createRooms(app);
app.head = createHead(app);
app.lines = createLines(app);
app.tools = createTools(app);
app.people = createPeople(app);
app.composer = createComposer(app);
app.search = createSearch(app);
listenToKeys(app);
listenToAddress(app);

find("#shade").addEventListener("click", closeDrawers);
// A phone that is turned may have room for what was a drawer, and the rest would stay out of reach.
for (const width of [700, 1000]) matchMedia(`(max-width: ${width}px)`).addEventListener("change", closeDrawers);
addEventListener("focus", () => app.lines.atEnd && app.seen());
drawNow();
app.entry.update();
if (matchMedia("(hover: hover)").matches) app.entry.focus();
document.documentElement.dataset.ready = "";
performance.mark("callbox-ready");
