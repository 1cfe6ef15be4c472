// What the server said of itself (RPL_ISUPPORT), and how names are compared by it.

export class Isupport {
  constructor() {
    /** @type {Map<string, string>} */
    this.tokens = new Map();
  }

  /** @param {string[]} params of one RPL_ISUPPORT, without our name and the text behind */
  handle(params) {
    for (const param of params) {
      const [key, value = ""] = param.split(/=(.*)/s);
      if (key.startsWith("-")) this.tokens.delete(key.slice(1));
      else this.tokens.set(key, value.replace(/\\x([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))));
    }
  }

  /** A number, or `otherwise` where there is none. */
  number(key, otherwise) {
    const value = Number.parseInt(this.tokens.get(key) ?? "", 10);
    return Number.isFinite(value) ? value : otherwise;
  }

  get network() {
    return this.tokens.get("NETWORK") ?? "";
  }

  /** Names as keys: two are the same if these are equal. */
  fold(name) {
    if (/^[\x21-\x7e]*$/.test(name)) {
      const lower = name.toLowerCase();
      const mapping = this.tokens.get("CASEMAPPING");
      if (!mapping || mapping === "ascii") return lower;
      const more = { "[": "{", "]": "}", "\\": "|", "~": mapping === "rfc1459" ? "^" : "~" };
      return lower.replace(/[[\]\\~]/g, (char) => more[char]);
    }
    // RFC 8265: forms of another width, case, composition; joiners count for nothing.
    return name
      .replace(/[\u3000\uff01-\uffee]/g, (char) => char.normalize("NFKC"))
      .replace(/[\u200c\u200d\ufe0e\ufe0f]/g, "")
      .replace(/./gsu, (char) => char.toLowerCase())
      .normalize("NFC");
  }

  isChannel(name) {
    return name !== "" && (this.tokens.get("CHANTYPES") ?? "#&").includes(name[0]);
  }

  /** The channel of a target with a rank before it (STATUSMSG). */
  withoutRank(target) {
    const signs = this.tokens.get("STATUSMSG") ?? "";
    let at = 0;
    while (at < target.length && signs.includes(target[at])) at += 1;
    return at && this.isChannel(target.slice(at)) ? target.slice(at) : target;
  }

  /** Pairs of mode and sign, the highest rank first: `[["o", "@"], ["v", "+"]]`. */
  get ranks() {
    const [, modes, signs] = /^\((.*)\)(.*)$/.exec(this.tokens.get("PREFIX") ?? "(ov)@+") ?? [, "", ""];
    return [...modes].map((mode, index) => [mode, signs[index]]);
  }

  /** Whether a change of the mode `letter` has a parameter. */
  hasParameter(letter, adding) {
    const [lists = "", always = "", setting = ""] = (this.tokens.get("CHANMODES") ?? "beI,k,l,imnst").split(",");
    return this.ranks.some(([mode]) => mode === letter) || lists.includes(letter) || always.includes(letter)
      || (adding && setting.includes(letter));
  }

  /** Whether the server passes this client-only tag on, given without its `+`. */
  allowsTag(name) {
    const denied = (this.tokens.get("CLIENTTAGDENY") ?? "").split(",");
    return denied.includes("*") ? denied.includes(`-${name}`) : !denied.includes(name);
  }
}
