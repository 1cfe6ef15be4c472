// Lines that the server sends as one (IRCv3 batch), gathered until they are whole.

/** Batches open at a time, and lines in all of them: what has more is no honest server's. */
const OPEN_MAX = 64;
const LINES_MAX = 20_000;

/**
 * @typedef {object} Batch
 * @property {string} type
 * @property {string[]} params
 * @property {import("./wire.js").Message} opened the line that began it, with its tags
 * @property {(import("./wire.js").Message | Batch)[]} items
 */

export class Batches {
  #open = new Map();
  #lines = 0;

  clear() {
    this.#open.clear();
    this.#lines = 0;
  }

  /**
   * Takes a message in. What comes back is to be handled now: the message itself, a batch that is whole
   * with it, or nothing.
   * @param {import("./wire.js").Message} message
   * @returns {import("./wire.js").Message | Batch | null}
   */
  take(message) {
    const parent = this.#open.get(message.tags.get("batch"));
    if (message.command === "BATCH") {
      const [reference = "", type = "", ...params] = message.params;
      const name = reference.slice(1);
      if (reference.startsWith("+") && this.#open.size < OPEN_MAX) {
        this.#open.set(name, { type, params, opened: message, items: [], parent });
        return null;
      }
      const batch = this.#open.get(name);
      if (!reference.startsWith("-") || !batch) return null;
      this.#open.delete(name);
      if (this.#open.size === 0) this.#lines = 0;
      if (!batch.parent) return batch;
      batch.parent.items.push(batch);
      return null;
    }
    if (!parent || this.#lines >= LINES_MAX) return message;
    this.#lines += 1;
    parent.items.push(message);
    return null;
  }
}

/**
 * A message of several lines as one message, with line ends in its text (draft/multiline).
 * @param {Batch} batch
 * @returns {import("./wire.js").Message | null}
 */
export function joined(batch) {
  const pieces = batch.items.filter((item) => item.command);
  if (!pieces.length) return null;
  let text = "";
  pieces.forEach((piece, index) => {
    if (index && !piece.tags.has("draft/multiline-concat")) text += "\n";
    text += piece.params.at(-1) ?? "";
  });
  const { tags, source, nick, user, host } = batch.opened;
  const from = source ? { source, nick, user, host } : pieces[0];
  return { ...pieces[0], ...from, tags, params: [batch.params[0] ?? pieces[0].params[0], text] };
}
