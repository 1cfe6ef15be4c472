// Texts by their bytes: how long they are in UTF-8, and where they may be cut.

const encoder = new TextEncoder();
const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** A cluster of marks longer than this is cut like ordinary text: the longest emoji have 35 bytes. */
const CLUSTER_MAX = 64;

/** @param {string} text */
export const byteLength = (text) => encoder.encode(text).length;

/**
 * Cuts `text` into pieces of at most `max` bytes, between what readers see as characters and, where
 * that costs little, behind a space. Together the pieces are the text.
 * @param {string} text
 * @param {number} max
 * @returns {string[]}
 */
export function splitText(text, max) {
  if (byteLength(text) <= max) return text ? [text] : [];
  const pieces = [];
  let piece = "";
  let size = 0;
  /** Where the last word of the piece began, in the piece and in its bytes. */
  let space = 0;
  let spaceSize = 0;
  for (const cluster of clusters(text, max)) {
    const bytes = byteLength(cluster);
    if (size + bytes > max && piece) {
      if (spaceSize > max / 2) {
        pieces.push(piece.slice(0, space));
        piece = piece.slice(space);
        size -= spaceSize;
      } else {
        pieces.push(piece);
        piece = "";
        size = 0;
      }
      space = spaceSize = 0;
      if (size + bytes > max && piece) {
        pieces.push(piece);
        piece = "";
        size = 0;
      }
    }
    piece += cluster;
    size += bytes;
    if (cluster === " ") [space, spaceSize] = [piece.length, size];
  }
  if (piece) pieces.push(piece);
  return pieces;
}

/** @param {string} text at most `count` characters of it, as readers count */
export function firstCharacters(text, count) {
  let out = "";
  for (const { segment } of segmenter.segment(text.slice(0, count * CLUSTER_MAX))) {
    if (count-- <= 0) break;
    out += segment;
  }
  return out;
}

function* clusters(text, max) {
  for (const { segment } of segmenter.segment(text)) {
    if (segment.length > 8 && byteLength(segment) > Math.min(max, CLUSTER_MAX)) yield* segment;
    else yield segment;
  }
}

/** Where line ends are, whatever system they came from. */
export const lines = (text) => text.split(/\r\n|\r|\n/);

/**
 * Whether `name` is said in `text`, as a word of its own. Beside a letter of a script without spaces
 * between words, any place is a word's edge.
 * @param {string} text
 * @param {string} name
 */
export function mentions(text, name) {
  if (!name) return false;
  const lower = text.toLowerCase();
  const wanted = name.toLowerCase();
  const dense = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}]/u;
  const joined = (a, b) => /[\p{L}\p{M}\p{N}_]/u.test(a) && /[\p{L}\p{M}\p{N}_]/u.test(b)
    && !dense.test(a) && !dense.test(b);
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, at + 1)) {
    const before = [...lower.slice(Math.max(0, at - 2), at)].pop() ?? "";
    const after = [...lower.slice(at + wanted.length, at + wanted.length + 2)][0] ?? "";
    if (!joined(before, [...wanted][0]) && !joined([...wanted].pop(), after)) return true;
  }
  return false;
}
