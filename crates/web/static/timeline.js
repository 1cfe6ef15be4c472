// The lines of one room: each once, in the server's order, and no more than are kept.

/**
 * @typedef {object} Line
 * @property {string} id its msgid, or one made here
 * @property {string} msgid empty if the server gave none
 * @property {number} time milliseconds
 * @property {"said" | "action" | "notice" | "event" | "info"} kind
 * @property {string} nick
 * @property {string} account empty for a guest, and where it is not known
 * @property {string} text
 * @property {boolean} own
 * @property {boolean} mention
 * @property {string} [reply] msgid of what it answers
 * @property {string} [edits] msgid of what it takes the place of
 * @property {{what: string, [key: string]: any}} [event] for `event`
 * @property {boolean} [edited]
 * @property {{nick: string, reason: string}} [redacted]
 * @property {Map<string, Map<string, Reaction>>} [reactions] by emoji, by whoever reacted
 * @property {number} revision changes with every change
 */

/** @typedef {{nick: string, own: boolean, on: boolean, time: number}} Reaction taken back if it is not `on` */

/** Lines kept of one room; when a tenth more are there, the oldest are dropped, and can be fetched again. */
export const KEPT = 20_000;
/** Kinds of reactions that one line shows, and their length: a peer may send any number. */
const REACTIONS = 24;
const REACTION_LENGTH = 32;
const REACTING = 500;
/**
 * Changes to lines that are not here yet, reactions for example, that are remembered: a peer may send any number, also
 * for lines that never were. Beyond that the oldest is forgotten, since a page's changes come right before its lines.
 */
export const LOOSE = 2_000;
/** Ids of what was heard that is no line. */
const SEEN = 20_000;

export class Timeline {
  /** @type {Line[]} */
  lines = [];
  /** @type {Map<string, Line>} */
  byId = new Map();
  /** Changes with every change of any line. */
  version = 0;
  #seen = new Set();
  /** What concerns lines that are not here: by their msgid. @type {Map<string, ((line: Line) => void)[]>} */
  #loose = new Map();
  #looseCount = 0;

  /** Whether what is no line, a reaction for example, was taken in already; if not, it is from now on. */
  seenBefore(id) {
    if (!id) return false;
    const seen = this.#seen.has(id);
    this.#see(id);
    return seen;
  }

  /** Whether this line is here, or took the place of another's text. */
  has(id) {
    return this.byId.has(id) || this.#seen.has(id);
  }

  /** The oldest and the newest that the server has, by which more can be asked for. */
  first() {
    return this.lines.find((line) => line.kind !== "info");
  }

  last() {
    return this.lines.findLast((line) => line.kind !== "info");
  }

  /** A line that is heard now. @param {Line} line @returns {boolean} whether it is new */
  add(line) {
    if (this.byId.has(line.id)) return false;
    this.#insert(line, this.#behind(line.time, 0, this.lines.length));
    if (this.lines.length > KEPT * 1.1) this.#forget(this.lines.length - KEPT);
    return true;
  }

  /**
   * A page of history: lines in their order, without a gap between them nor to the line, or the time, by which they
   * were asked for. So those go directly behind or before it: many lines may be of one moment.
   * @param {Line[]} page
   * @param {{after?: Line | number, before?: Line | number}} [bounds]
   * @returns {Line[]} those that are new
   */
  merge(page, { after, before } = {}) {
    const start = this.#bound(after);
    const stop = this.#bound(before);
    /** The next known line at or behind each place of the page. */
    const next = [];
    let known = this.lines[stop];
    for (let index = page.length - 1; index >= 0; index -= 1) {
      next[index] = known;
      known = this.byId.get(page[index].id) ?? known;
    }
    let at = start < 0 ? 0 : start + (typeof after === "number" ? 0 : 1);
    const toEnd = stop >= 0;
    return page.filter((line, index) => {
      const same = this.byId.get(line.id);
      if (same) {
        at = Math.max(at, this.#place(same) + 1);
        return false;
      }
      const limit = next[index] ? this.#place(next[index]) : -1;
      const end = limit >= at ? limit : this.lines.length;
      const place = start >= 0 ? at : toEnd ? end : this.#behind(line.time, at, end);
      this.#insert(line, place);
      at = place + 1;
      return true;
    });
  }

  /**
   * Somebody reacts to a line, or takes that back. Pages of the past come after the present, so the time decides.
   * @param {string} msgid of the line
   * @param {string} emoji
   * @param {string} key of whoever reacts
   * @param {Reaction} reaction
   */
  react(msgid, emoji, key, reaction) {
    if (!emoji || emoji.length > REACTION_LENGTH) return;
    this.#whenHere(msgid, (line) => {
      line.reactions ??= new Map();
      const people = line.reactions.get(emoji) ?? new Map();
      if (!people.size && line.reactions.size >= REACTIONS) return;
      if (!people.has(key) && people.size >= REACTING) return;
      if ((people.get(key)?.time ?? 0) > reaction.time) return;
      people.set(key, reaction);
      line.reactions.set(emoji, people);
    });
  }

  redact(msgid, nick, reason) {
    this.#whenHere(msgid, (line) => {
      line.redacted = { nick, reason };
      line.text = "";
      line.reactions = undefined;
    });
  }

  /**
   * `line` takes the place of the text of the line that it edits, if whoever said the one said the other.
   * Until that is here it stands for itself.
   * @param {Line} line with `edits`
   */
  edit(line) {
    this.#whenHere(line.edits, (target) => {
      const same = line.account || target.account ? line.account === target.account : line.nick === target.nick;
      if (!same || target === line || (target.editTime ?? 0) > line.time || target.redacted) return;
      target.text = line.text;
      target.mention = line.mention;
      target.edited = true;
      target.editTime = line.time;
      this.remove(line);
      this.#see(line.id);
    });
  }

  /** Says that something of `line` changed. */
  touch(line) {
    line.revision += 1;
    this.version += 1;
  }

  remove(line) {
    if (!this.byId.delete(line.id)) return;
    const at = this.lines.indexOf(line);
    if (at >= 0) this.lines.splice(at, 1);
    this.version += 1;
  }

  clear() {
    this.#forget(this.lines.length);
  }

  #insert(line, place) {
    this.lines.splice(place, 0, line);
    this.byId.set(line.id, line);
    this.version += 1;
    const loose = line.msgid && this.#loose.get(line.msgid);
    if (!loose) return;
    this.#loose.delete(line.msgid);
    this.#looseCount -= loose.length;
    for (const change of loose) change(line);
  }

  #whenHere(msgid, change) {
    const line = this.byId.get(msgid);
    if (line) {
      change(line);
      this.touch(line);
      return;
    }
    if (this.#looseCount >= LOOSE) this.#forgetLoose();
    this.#looseCount += 1;
    if (!this.#loose.has(msgid)) this.#loose.set(msgid, []);
    this.#loose.get(msgid).push(change);
  }

  /** Forgets the oldest change of the line that is waited for longest. */
  #forgetLoose() {
    const [[msgid, changes]] = this.#loose;
    changes.shift();
    this.#looseCount -= 1;
    if (!changes.length) this.#loose.delete(msgid);
  }

  /** What is forgotten may come again, with all that belongs to it. */
  #forget(count) {
    for (const line of this.lines.splice(0, count)) this.byId.delete(line.id);
    this.#seen.clear();
    this.version += 1;
  }

  #see(id) {
    if (this.#seen.size >= SEEN) this.#seen = new Set([...this.#seen].slice(SEEN / 2));
    this.#seen.add(id);
  }

  /** The first place from `from` to `to` behind all that is not later than `time`. */
  #behind(time, from, to) {
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.lines[middle].time <= time) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** Where a line is, or the first behind a time; -1 if there is none. */
  #bound(of) {
    if (typeof of === "number") return this.#behind(of, 0, this.lines.length);
    const line = of && this.byId.get(of.id);
    return line ? this.#place(line) : -1;
  }

  #place(line) {
    let at = this.#behind(line.time, 0, this.lines.length) - 1;
    while (at >= 0 && this.lines[at] !== line && this.lines[at].time === line.time) at -= 1;
    return this.lines[at] === line ? at : this.lines.indexOf(line);
  }
}
