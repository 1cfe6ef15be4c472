// What the browser keeps from one visit to the next: no password, and nothing that was said.

/** @param {string} key @param {any} value */
export function keep(key, value) {
  try {
    localStorage.setItem(`callbox.${key}`, JSON.stringify(value));
  } catch {
    // Without storage each visit is the first.
  }
}

/** @param {string} key @param {any} [otherwise] */
export function kept(key, otherwise = null) {
  try {
    return JSON.parse(localStorage.getItem(`callbox.${key}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}
