// Changes of the server that wait until the edits on their keys are answered, so that what a person
// moves does not jump back under the hand.

/**
 * @typedef {import("./document.js").Change} Change
 *
 * A change, and the seq of the op or result that brought it.
 * @typedef {{seq: number, change: Change}} HeldChange
 */

export class Held {
  /** By key, in the order of their seq. @type {Map<string, HeldChange[]>} */
  #held = new Map();

  /**
   * @param {string} key
   * @param {number} seq
   * @param {Change} change
   */
  add(key, seq, change) {
    const held = this.#held.get(key) ?? [];
    // A whole value makes what was held before superfluous, so that what is held stays small.
    this.#held.set(key, change.kind === "write" ? [{ seq, change }] : [...held, { seq, change }]);
  }

  /**
   * What an answered edit has overwritten, or an answer includes, is not needed any more.
   * @param {string} key
   * @param {number} seq
   */
  dropUpTo(key, seq) {
    const later = this.#held.get(key)?.filter((each) => each.seq > seq);
    if (later === undefined) return;
    if (later.length > 0) this.#held.set(key, later);
    else this.#held.delete(key);
  }

  /**
   * The true value at `seq` stands in place of everything up to there.
   * @param {string} key
   * @param {number} seq
   * @param {Change} change
   */
  replaceUpTo(key, seq, change) {
    this.dropUpTo(key, seq);
    this.#held.set(key, [{ seq, change }, ...(this.#held.get(key) ?? [])]);
  }

  /**
   * Take what was held of some keys, in the order in which it came.
   * @param {string[]} keys
   * @returns {HeldChange[]}
   */
  release(keys) {
    const released = keys.flatMap((key) => this.#held.get(key) ?? []);
    for (const key of keys) this.#held.delete(key);
    return released.sort((one, other) => one.seq - other.seq);
  }

  clear() {
    this.#held.clear();
  }
}
