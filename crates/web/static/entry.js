// Coming in: capabilities, a name, signing in or making an account. What the person has to decide is left in
// `session.problem`; their answer comes by `Session.answer`.

/** Bytes in one line of AUTHENTICATE (IRCv3 sasl). */
const CHUNK = 400;
/** Numerics that say that signing in failed. */
export const LOGIN_FAILED = new Set(["902", "904", "905", "906", "907"]);

/** @typedef {import("./session.js").Session} Session */

/** The connection is there. @param {Session} session */
export function begin(session) {
  const { name, serverPassword } = session.settings;
  if (serverPassword) session.send("PASS", [serverPassword]);
  session.send("CAP", ["LS", "302"]);
  session.tried = name;
  session.send("NICK", [name]);
  const user = name.toLowerCase().replace(/[^a-z0-9]/g, "").slice(0, 10) || "web";
  session.send("USER", [user, "0", "*", name]);
}

/** CAP. @param {Session} session @param {string[]} params without our name */
export function handleCap(session, [verb, ...rest]) {
  const { caps } = session;
  const list = rest.at(-1) ?? "";
  switch (verb) {
    case "LS":
      caps.offer(list);
      if (rest.length < 2) ask(session);
      return;
    case "NEW":
      caps.offer(list);
      return ask(session);
    case "DEL":
      return caps.withdraw(list);
    case "ACK":
    case "NAK":
      caps.asked -= 1;
      if (verb === "ACK") caps.grant(list);
      else refused(session, list.split(" ").filter(Boolean));
      if (caps.asked <= 0 && session.state === "entering") identify(session);
  }
}

function ask(session) {
  const requests = session.caps.requests();
  for (const request of requests) {
    session.caps.asked += 1;
    session.send("CAP", ["REQ", request]);
  }
  if (!requests.length && session.state === "entering") identify(session);
}

/** All of a request is refused for one name in it, so each is asked for alone. */
function refused(session, names) {
  for (const name of names) {
    if (names.length === 1) session.caps.offered.delete(name);
    else {
      session.caps.asked += 1;
      session.send("CAP", ["REQ", name]);
    }
  }
}

/** Capabilities are settled: who we are is next, unless the person has to decide something before. @param {Session} session */
export function identify(session) {
  const { caps, settings } = session;
  if (session.problem) return undefined;
  // Who was in before comes back first, and is asked, or told what this server no longer knows, inside.
  const returns = session.entered && !session.online;
  if (settings.password && settings.mode !== "register") {
    if (!caps.has("sasl")) return returns ? end(session) : session.fail("no-login");
    session.signing = true;
    return session.send("AUTHENTICATE", ["PLAIN"]);
  }
  if (settings.mode === "register" && !session.me.account && !returns) {
    if (!caps.has("draft/account-registration")) return session.fail("no-register");
    const early = "before-connect" in caps.value("draft/account-registration");
    if (early || session.online) return register(session);
  }
  return end(session);
}

/** Nothing more is to be said before the welcome. */
function end(session) {
  if (session.negotiated || session.online) return;
  session.negotiated = true;
  session.send("CAP", ["END"]);
}

/** Asks for an account by our name. @param {Session} session */
export function register(session) {
  const { email, password } = session.settings;
  session.registering = true;
  session.send("REGISTER", ["*", email || "*", password]);
}

/** AUTHENTICATE: the server waits for our name and password. @param {Session} session */
export function handleAuthenticate(session, said) {
  if (said !== "+" || !session.signing) return;
  const { account, name, password } = session.settings;
  const bytes = new TextEncoder().encode(`\0${account || name}\0${password}`);
  const encoded = btoa(String.fromCharCode(...bytes));
  for (let at = 0; at <= encoded.length; at += CHUNK) session.send("AUTHENTICATE", [encoded.slice(at, at + CHUNK) || "+"]);
}

/** Signing in went well. @param {Session} session */
export function handleSignedIn(session) {
  session.signing = false;
  end(session);
}

/** Signing in failed. @param {Session} session @param {string} text the server's words */
export function handleSignInFailed(session, text) {
  if (!session.signing) return;
  session.signing = false;
  const { entered, settings } = session;
  if (entered) session.settings = { ...settings, mode: "guest", password: undefined };
  session.fail("login", text);
  // Who was in before comes back without the account, and can sign in again.
  if (entered) end(session);
}

/** REGISTER and VERIFY: what became of it. @param {Session} session @param {string[]} params */
export function handleRegister(session, [verb, account = "", text = ""]) {
  if (verb === "VERIFICATION_REQUIRED") return session.fail("verify", text, account);
  session.registering = false;
  if (verb !== "SUCCESS") return;
  // From now on the account is signed in to, after a reconnect as well.
  session.settings = { ...session.settings, mode: "login", account };
  session.problem = null;
  session.emit({ kind: "registered", account });
  end(session);
  session.changed("state");
}

/** FAIL of REGISTER or VERIFY. @param {Session} session */
export function handleRegisterFailed(session, code, text) {
  session.registering = false;
  // That the name is taken was said before.
  if (code === "NEED_NICK" && session.problem) return;
  session.fail(code === "INVALID_CODE" ? "verify" : "register", text, code);
}

/** The name that we asked for is taken, or is none. @param {Session} session */
export function handleBadName(session, code, name, text) {
  if (session.state !== "entering") return session.tell(text ? `${name}: ${text}` : name);
  if (session.entered && code !== "432") {
    // Ours, held by the connection that was lost: another one for now, and ours again once it is free.
    session.tried = `${session.tried}_`;
    return session.send("NICK", [session.tried]);
  }
  session.fail(code === "432" ? "bad-name" : "taken", text, name);
}

/** Another name that is like `name`. */
export function another(name, random) {
  const number = String(Math.floor(random() * 90) + 10);
  return `${name.replace(/\d+$/, "")}${number}`;
}
