// How long to wait before the next attempt: a pure function, so that it can be tested as one.

const FIRST = 250;
const LONGEST = 20_000;
const LONGEST_HIDDEN = 300_000;

/**
 * Pause before the next attempt, in milliseconds. The pause is drawn from the whole range up to its
 * bound ("full jitter"), so that a thousand pages that lost one server don't come back at once.
 * @param {number} tries failed attempts so far
 * @param {number} random from [0, 1)
 * @param {boolean} [hidden] nobody looks at the page
 */
export function backoff(tries, random, hidden = false) {
  const bound = Math.min(FIRST * 2 ** Math.min(tries, 30), hidden ? LONGEST_HIDDEN : LONGEST);
  return Math.max(FIRST, Math.round(bound * random));
}
