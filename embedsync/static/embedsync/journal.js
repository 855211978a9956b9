// What a person has put in, so that it can be put in again when the server's session is gone: the last
// value of each property, in the order of the last changes.

/** @typedef {import("./document.js").Input} Input */

const MOST_INPUTS = 1000;
/** Characters of JSON. */
const MOST_TEXT = 1_000_000;

export class Journal {
  /** @type {Map<string, {input: Input, size: number}>} */
  #inputs = new Map();
  #size = 0;
  /** Inputs that were too many or too large to be kept. */
  forgotten = 0;

  get isEmpty() {
    return this.#inputs.size === 0 && this.forgotten === 0;
  }

  /** @param {Input} input */
  note(input) {
    const key = keyOf(input);
    const size = key.length + JSON.stringify(input.value ?? null).length;
    this.#drop(key);
    this.#inputs.set(key, { input, size });
    this.#size += size;
    for (const oldest of this.#inputs.keys()) {
      if (this.#inputs.size <= MOST_INPUTS && this.#size <= MOST_TEXT) break;
      this.#drop(oldest);
      this.forgotten += 1;
    }
  }

  /**
   * Whether the property was changed since the journal was taken.
   * @param {Input} input
   */
  has(input) {
    return this.#inputs.has(keyOf(input));
  }

  /**
   * Take everything, and begin anew.
   * @returns {{inputs: Input[], forgotten: number}}
   */
  take() {
    const taken = { inputs: [...this.#inputs.values()].map(({ input }) => input), forgotten: this.forgotten };
    this.clear();
    return taken;
  }

  clear() {
    this.#inputs.clear();
    this.#size = this.forgotten = 0;
  }

  /** @param {string} key */
  #drop(key) {
    this.#size -= this.#inputs.get(key)?.size ?? 0;
    this.#inputs.delete(key);
  }
}

/** @param {Input} input */
function keyOf({ place, attribute }) {
  return JSON.stringify([place, attribute]);
}
