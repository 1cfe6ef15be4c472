// Keys of the whole page. The composer, the lines and the lists have their own.

import { find } from "./dom.js";
import { ordered } from "./rooms-view.js";

/** @param {any} app */
export function listenToKeys(app) {
  document.addEventListener("keydown", (event) => {
    if (find("#chat").hidden || document.querySelector("dialog[open]") || event.isComposing) return;
    const { key, altKey, ctrlKey, metaKey, shiftKey } = event;
    const log = find("#log");
    let run;
    if (altKey && !ctrlKey && (key === "ArrowUp" || key === "ArrowDown")) run = () => go(key === "ArrowUp" ? -1 : 1, shiftKey);
    else if ((ctrlKey || metaKey) && !shiftKey && key.toLowerCase() === "f") run = () => app.search.open();
    else if (key === "F6") run = () => (log.contains(document.activeElement) ? app.composer.focus() : (app.lines.drawn.at(-1) ?? log).focus());
    else if (key === "Escape") run = escape;
    else if ((key === "PageUp" || key === "PageDown") && !log.contains(document.activeElement)) {
      run = () => log.scrollBy({ top: (key === "PageUp" ? -.9 : .9) * log.clientHeight });
    } else if (key.length === 1 && !altKey && !ctrlKey && !metaKey && document.activeElement === document.body) run = null;
    if (run === null) app.composer.focus();
    if (!run) return;
    event.preventDefault();
    run();
  });

  function escape() {
    if (app.closeDrawers()) return app.composer.focus();
    if (app.search.close()) return undefined;
    app.room.divider = 0;
    app.act(() => app.session.markRead(app.room, Date.now()));
    app.lines.refresh();
    app.lines.toEnd();
    return app.composer.focus();
  }

  /** The next room, up or down; or the next one with something unread. */
  function go(step, unread) {
    const rooms = ordered(app.session);
    const at = rooms.indexOf(app.room);
    for (let count = 1; count <= rooms.length; count += 1) {
      const room = rooms[(at + step * count + rooms.length * count) % rooms.length];
      if (!unread || room.unread) return app.open(room);
    }
    return undefined;
  }
}
