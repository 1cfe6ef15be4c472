// The session's way to the world: the WebSocket, the clock, and when to look again.

/**
 * @param {import("./session.js").Session} session
 * @param {(events: any[]) => void} show takes what the session has to say
 */
export function connect(session, show) {
  let socket;
  let timer;
  const now = () => Date.now();

  function open() {
    close();
    const url = new URL("ws", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = url.hash = "";
    socket = new WebSocket(url, ["text.ircv3.net"]);
    const mine = socket;
    const current = (run) => (event) => {
      if (mine !== socket) return;
      run(event);
      pump();
    };
    socket.onopen = current(() => session.handleOpen(now()));
    socket.onmessage = current(({ data }) => {
      for (const line of String(data).split(/\r?\n/)) if (line) session.handleLine(line, now());
    });
    socket.onclose = current(() => {
      socket = undefined;
      session.handleClose(now());
    });
  }

  function close() {
    const old = socket;
    socket = undefined;
    old?.close();
  }

  /** Does what the session asks for, until it asks for nothing. */
  function pump() {
    for (let round = 0; round < 100; round += 1) {
      const wish = session.pollWish();
      if (wish === "open") open();
      else if (wish === "reopen") {
        close();
        session.handleClose(now());
        session.hurry(now());
        continue;
      }
      const lines = session.pollSend();
      if (socket?.readyState === WebSocket.OPEN) for (const line of lines) socket.send(line);
      if (wish === "close") close();
      if (!wish && !lines.length) break;
    }
    const events = session.pollEvents();
    if (events.length) show(events);
    clearTimeout(timer);
    const wait = session.pollTimeout() - now();
    if (Number.isFinite(wait)) {
      timer = setTimeout(() => {
        session.handleTimer(now());
        pump();
      }, Math.min(Math.max(wait, 20), 60_000));
    }
  }

  const hurry = () => {
    session.hurry(now());
    pump();
  };
  addEventListener("online", hurry);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && hurry());
  return { pump, hurry };
}
