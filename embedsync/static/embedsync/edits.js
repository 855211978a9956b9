// The edits of one replica that have no answer yet: some under way, the rest waiting and merging.

/**
 * @typedef {import("./document.js").LocalChange} LocalChange
 *
 * @typedef {object} Edit
 * @property {number} cseq its number; 0 until it is sent, so that what merges before leaves no gap
 * @property {number} base seq of the last op that was applied when it was made
 * @property {boolean} whole a stream or patch was made on a value that was not settled: only the whole
 *   value of the server says what came of it
 * @property {LocalChange[]} changes
 * @property {((answered: boolean) => void) | null} [barrier] somebody waits for what was made before: told when
 *   the server has answered, or never will
 */

export class Edits {
  /** How many may be under way. */
  limit = 1;
  lastSent = 0;
  /** Numbers whose answers have not come, in order; a snapshot may have settled their edits. */
  #unheard = /** @type {Set<number>} */ (new Set());
  /** @type {Edit[]} */
  #sent = [];
  /** @type {Edit[]} */
  #unsent = [];
  /** The last unsent edit still takes changes. */
  #open = false;
  /**
   * Keys that show what was given up, for nothing was written there since: a snapshot, and what pending edits
   * had written there before, say what their values are.
   */
  #givenUp = /** @type {Set<string>} */ (new Set());
  /** What is pending, computed when asked for. @type {{keys: Set<string>, models: Set<string>} | null} */
  #pending = null;

  get unsent() {
    return this.#unsent.length;
  }

  /** All answers up to this number have come. */
  get answered() {
    for (const cseq of this.#unheard) return cseq - 1;
    return this.lastSent;
  }

  /** Edits that were sent and not answered, in order. */
  get unanswered() {
    return [...this.#sent];
  }

  /**
   * @param {LocalChange[]} changes
   * @param {number} base
   * @param {(key: string) => boolean} [unsettled] says of a key that its value may still be another
   */
  add(changes, base, unsettled = () => false) {
    if (!this.#open) {
      this.#unsent.push({ cseq: 0, base, whole: false, changes: [] });
      this.#open = true;
    }
    const edit = this.#unsent[this.#unsent.length - 1];
    edit.base = Math.min(edit.base, base);
    edit.whole ||= changes.some(
      ({ key, kind }) => key !== null && kind !== "write" && (this.pendingOn(key) || unsettled(key)),
    );
    for (const change of changes) {
      if (mergeable(change) && edit.changes.every(mergeable)) {
        edit.changes = edit.changes.filter((earlier) => earlier.key !== change.key);
      }
      edit.changes.push(change);
      if (change.key !== null && change.kind === "write") this.#givenUp.delete(change.key);
    }
    this.#pending = null;
  }

  /**
   * Learn when everything up to here is answered, and what came of it has arrived: an edit without changes
   * is answered after the callbacks of those before it.
   * @returns {Promise<boolean>} false if it will not be
   */
  barrier() {
    this.seal();
    return new Promise((resolve) => {
      this.#unsent.push({ cseq: 0, base: 0, whole: false, changes: [], barrier: resolve });
    });
  }

  /** The last edit is complete. Drops those before it that it makes superfluous (rule 8). */
  seal() {
    if (!this.#open) return;
    this.#open = false;
    const last = /** @type {Edit} */ (this.#unsent.pop());
    if (last.changes.every(mergeable)) {
      const keys = keysOf([last]);
      let start = this.#unsent.length;
      while (start > 0 && isMergeable(this.#unsent[start - 1])) start -= 1;
      const between = this.#unsent.splice(start);
      const kept = between.filter((edit) => ![...keysOf([edit])].every((key) => keys.has(key)));
      this.#unsent.push(...kept);
    }
    this.#unsent.push(last);
    this.#pending = null;
  }

  /**
   * The next edit that may be sent, as it would be numbered; `null` if there is none.
   * @returns {Edit | null}
   */
  next() {
    const sealed = this.#unsent.length - (this.#open ? 1 : 0);
    if (sealed === 0 || this.#sent.length >= this.limit) return null;
    return { ...this.#unsent[0], cseq: this.lastSent + 1 };
  }

  /** @param {Edit} edit what `next` gave is on its way */
  sent(edit) {
    this.#unsent.shift();
    this.#sent.push(edit);
    this.#unheard.add(edit.cseq);
    this.lastSent = edit.cseq;
  }

  /** Give up what `next` gave; it never gets a number. */
  drop() {
    this.#giveUp(this.#unsent.splice(0, 1));
  }

  /**
   * Give up everything that was not sent.
   * @returns {number} how many edits
   */
  dropUnsent() {
    this.#open = false;
    const edits = this.#unsent.splice(0);
    this.#giveUp(edits);
    return lost(edits);
  }

  /** @param {string | null} key something was changed there that cannot even be made an edit */
  giveUpOn(key) {
    if (key !== null) this.#givenUp.add(key);
  }

  /** @param {Edit[]} edits those that wait to be sent are later */
  #giveUp(edits) {
    for (const key of keysOf(edits)) this.#givenUp.add(key);
    for (const { key, kind } of this.#unsent.flatMap(({ changes }) => changes)) {
      if (key !== null && kind === "write") this.#givenUp.delete(key);
    }
    this.#pending = null;
  }

  /**
   * Give up everything, and count on from a number.
   * @param {number} cseq
   * @param {boolean} [restored] inputs among them will be put in again
   * @returns {number} how many edits are lost by it
   */
  forget(cseq, restored = false) {
    this.lastSent = cseq;
    this.#unheard.clear();
    this.#open = false;
    const edits = [...this.#sent.splice(0), ...this.#unsent.splice(0)];
    this.#giveUp(edits);
    return lost(edits, restored);
  }

  /** Another document is shown, with nothing in it of what was given up. */
  replaced() {
    this.#givenUp.clear();
  }

  /**
   * The answer to some edits has come.
   * @param {number[]} numbers
   * @returns {number} how many of them had none yet
   */
  hear(numbers) {
    return numbers.filter((cseq) => this.#unheard.delete(cseq)).length;
  }

  /**
   * Whether the answer to an edit has not come. It is no edit of this replica if its number is 0.
   * @param {number} cseq
   */
  lacksAnswer(cseq) {
    return this.#unheard.has(cseq);
  }

  /**
   * A snapshot has come that accounts for all edits up to a number.
   * @param {number} cseq
   * @returns {Edit[]} the edits that are settled by it
   */
  settleUpTo(cseq) {
    return this.#settle((edit) => edit.cseq <= cseq);
  }

  /**
   * The answer to some edits has come.
   * @param {number[]} numbers
   * @returns {Edit[]} the edits that are settled by it; none if they were settled before
   */
  settle(numbers) {
    return this.#settle(({ cseq }) => numbers.includes(cseq));
  }

  /** @param {(edit: Edit) => boolean} isSettled */
  #settle(isSettled) {
    const settled = this.#sent.filter(isSettled);
    this.#sent = this.#sent.filter((edit) => !isSettled(edit));
    this.#pending = null;
    for (const { barrier } of settled) barrier?.(true);
    return settled;
  }

  /** @param {string} key */
  pendingOn(key) {
    return this.#whatIsPending().keys.has(key);
  }

  /** @param {string} id */
  pendingOnModel(id) {
    return this.#whatIsPending().models.has(id);
  }

  /** All pending changes that write something, in order. */
  get pendingWrites() {
    return [...this.#sent, ...this.#unsent].flatMap((edit) => edit.changes.filter(({ key }) => key !== null));
  }

  /**
   * What a snapshot that is reconciled in place must know; asked once for each.
   * @param {Edit[]} settled edits that the snapshot has settled
   * @returns {import("./document.js").Reconciliation & {made: Set<string>, givenUp: Set<string>}} with the models
   *   that pending edits bring, and the keys that show what was given up
   */
  reconciliation(settled) {
    const pending = this.pendingWrites;
    const shown = keysOf([...this.#sent, ...this.#unsent]);
    const stale = new Set([...keysOf(settled), ...this.#givenUp]);
    for (const key of this.#givenUp) shown.delete(key);
    const givenUp = this.#givenUp;
    this.#givenUp = new Set();
    const made = new Set(pending.flatMap(({ defines }) => defines));
    for (const { key, kind, model } of pending) {
      // The outcome of a delta depends on the value that it meets, so that it has to be done again on the
      // snapshot's. A model that was made here is in no snapshot, and stays as it is.
      if (key === null || kind === "write" || (model !== null && made.has(model))) continue;
      shown.delete(key);
      stale.add(key);
    }
    const kept = new Set([...made, ...pending.flatMap(({ model }) => (model === null ? [] : [model]))]);
    return { shown, stale, kept, made, givenUp };
  }

  #whatIsPending() {
    if (this.#pending === null) {
      const models = this.pendingWrites.flatMap(({ model }) => (model === null ? [] : [model]));
      this.#pending = { keys: keysOf([...this.#sent, ...this.#unsent]), models: new Set(models) };
    }
    return this.#pending;
  }
}

/**
 * The keys that edits write.
 * @param {Edit[]} edits
 */
export function keysOf(edits) {
  /** @type {Set<string>} */
  const keys = new Set();
  for (const { changes } of edits) for (const { key } of changes) if (key !== null) keys.add(key);
  return keys;
}

/** @param {Edit} edit */
function isMergeable({ changes, barrier }) {
  return barrier == null && changes.every(mergeable);
}

/**
 * How many of some edits that are given up somebody will miss.
 * @param {Edit[]} edits
 * @param {boolean} [restored] inputs are put in again
 */
function lost(edits, restored = false) {
  for (const { barrier } of edits) barrier?.(false);
  return edits.filter(({ changes }) => changes.some(({ input }) => !restored || input == null)).length;
}

/**
 * Only a whole value may be dropped for a later one, and only if nothing later refers to a model that
 * it brings.
 * @param {LocalChange} change
 */
function mergeable(change) {
  return change.kind === "write" && change.defines.length === 0;
}
