// Which capabilities we ask for (IRCv3 capability negotiation 302), and what was granted.

/** Those that this client makes use of. */
const WANTED = [
  "account-notify", "account-tag", "away-notify", "batch", "cap-notify", "chghost",
  "draft/account-registration", "draft/channel-rename", "draft/chathistory", "draft/event-playback",
  "draft/message-redaction", "draft/multiline", "draft/read-marker", "echo-message", "extended-join",
  "extended-monitor", "invite-notify", "labeled-response", "message-tags", "multi-prefix", "sasl",
  "server-time", "setname", "standard-replies", "userhost-in-names",
];

/** Bytes of names in one CAP REQ, so that the line and its answer keep to 512. */
const ROOM = 400;

export class Capabilities {
  /** What the server offers, with its values. @type {Map<string, string>} */
  offered = new Map();
  /** What was granted. @type {Set<string>} */
  granted = new Set();
  /** Requests that wait for their answer. */
  asked = 0;

  has(...names) {
    return names.every((name) => this.granted.has(name));
  }

  /** The value of a capability: `max-bytes=4096,max-lines=24` as an object. */
  value(name) {
    const words = (this.offered.get(name) ?? "").split(",").filter(Boolean);
    return Object.fromEntries(words.map((word) => (word.includes("=") ? word.split(/=(.*)/s, 2) : [word, ""])));
  }

  /** Takes in what CAP LS or NEW lists. @param {string} list */
  offer(list) {
    for (const word of list.split(" ").filter(Boolean)) {
      const [name, value = ""] = word.split(/=(.*)/s);
      this.offered.set(name, value);
    }
  }

  withdraw(list) {
    for (const name of list.split(" ")) {
      this.offered.delete(name);
      this.granted.delete(name);
    }
  }

  /** Takes in what CAP ACK lists. */
  grant(list) {
    for (const name of list.split(" ").filter(Boolean)) {
      if (name.startsWith("-")) this.granted.delete(name.slice(1));
      else this.granted.add(name);
    }
  }

  /** What is yet to be asked for, each text for one CAP REQ. @returns {string[]} */
  requests() {
    const names = WANTED.filter((name) => this.offered.has(name) && !this.granted.has(name));
    const requests = [];
    for (const name of names) {
      const last = requests.length - 1;
      if (last < 0 || requests[last].length + name.length >= ROOM) requests.push(name);
      else requests[last] += ` ${name}`;
    }
    return requests;
  }

  /** Whether old messages can be asked for. */
  get history() {
    return this.has("draft/chathistory", "batch", "message-tags", "server-time");
  }

  get labels() {
    return this.has("labeled-response", "batch");
  }
}
