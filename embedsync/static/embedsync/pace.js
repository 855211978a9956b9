// How fast edits are sent: as many a second as the server takes from one socket, and as many at once.

export class Pace {
  /** Edits a second. */
  #rate = Infinity;
  #left = Infinity;
  #since = 0;

  /**
   * What the server takes. A new socket starts afresh, there as here.
   * @param {number} rate edits a second; as many as there are, if 0 or not said
   * @param {number} now in milliseconds; so is the other one
   */
  begin(rate, now) {
    const limit = rate > 0 ? rate : Infinity;
    if (limit === this.#rate) return;
    this.#rate = this.#left = limit;
    this.#since = now;
  }

  /**
   * One more edit wants to be sent.
   * @param {number} now
   * @returns {number} milliseconds after which to ask again; 0 if it may go now
   */
  take(now) {
    if (this.#rate === Infinity) return 0;
    // Should the clock have been set back, no time has passed.
    this.#left = Math.min(this.#rate, this.#left + (Math.max(0, now - this.#since) / 1000) * this.#rate);
    this.#since = now;
    if (this.#left < 1) return Math.max(1, Math.round(((1 - this.#left) / this.#rate) * 1000));
    this.#left -= 1;
    return 0;
  }
}
