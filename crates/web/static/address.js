// The room in the address, behind its #: a link leads to it, and Back and Forward go through the rooms that were open.

/** The room that the address names. */
export function linked() {
  try {
    const name = decodeURIComponent(location.hash.slice(1));
    return !name || /^[#&]/.test(name) ? name : `#${name}`;
  } catch {
    return "";
  }
}

/** Names the room that is open. Each has an entry of its own in the browser's history. @param {import("./room.js").Room} room */
export function showAddress(room) {
  const before = history.state?.room;
  // What stands there without a room was typed, or is what the page was opened by.
  put(room, before === undefined || before === room.key ? "replaceState" : "pushState");
}

function put({ kind, key, name }, how) {
  const hash = kind === "room" ? `#${encodeURIComponent(name.replace(/^#/, ""))}` : "";
  history[how]({ room: key }, "", location.pathname + hash);
}

/** @param {any} app */
export function listenToAddress(app) {
  addEventListener("popstate", ({ state }) => {
    const { session } = app;
    app.linked = linked();
    if (!app.inside) return;
    const known = session.rooms.get(state?.room);
    if (known) app.open(known);
    // A room that was left is not joined again by going back.
    else if (state?.room !== undefined) put(app.room, "replaceState");
    else if (app.linked) app.act(() => app.rooms.join(app.linked));
  });
}
