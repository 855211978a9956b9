// A line at the edge of an app that goes on: what it is about, or what has happened to it.

import { livePart, part } from "./parts.js";

/** A short interruption is nobody's business. */
const AFTER = 1000;
/** How long a message about something that has passed stays. */
const FOR = 8000;
/** How long a message stays that offers something, or that a person may not be there for. */
const OFFER_FOR = 30_000;

export class Badge {
  element = livePart("badge");
  /** @type {number | undefined} */
  #sayTimer;
  /** @type {number | undefined} */
  #hideTimer;
  /** Whether it shows what goes on, and not what has happened. */
  #goesOn = false;

  constructor() {
    this.element.hidden = true;
  }

  /**
   * Say what goes on, if it still does after a moment.
   * @param {string} text
   */
  say(text) {
    clearTimeout(this.#sayTimer);
    this.#sayTimer = window.setTimeout(() => {
      this.#show(text);
      this.#goesOn = true;
    }, AFTER);
  }

  /** What was said goes on no longer; what has happened meanwhile stays for its time. */
  settle() {
    clearTimeout(this.#sayTimer);
    if (this.#goesOn) this.hide();
  }

  /**
   * Say what has failed.
   * @param {string} text
   * @param {string} detail what its author wants to know; empty for everybody else
   */
  fail(text, detail) {
    if (this.element.querySelector("details[open]") !== null) return; // Somebody reads the last one.
    if (detail === "") this.#show(text);
    else this.#show(`${text} `, this.#toDismiss(), " ", this.#toOpen("Traceback", detail));
    this.#hideAfter(FOR);
  }

  /**
   * Say what has happened, long enough for somebody who was away.
   * @param {string} text
   */
  tell(text) {
    this.#show(text);
    this.#hideAfter(OFFER_FOR);
  }

  /**
   * Offer something for a while.
   * @param {string} text
   * @param {HTMLElement} button
   */
  offer(text, button) {
    this.#show(`${text} `, button);
    this.#hideAfter(OFFER_FOR);
  }

  hide() {
    this.rest();
    this.#goesOn = false;
    this.element.hidden = true;
    this.element.replaceChildren(); // Nobody reads on in what is open there.
  }

  /** Change no more by itself. */
  rest() {
    clearTimeout(this.#sayTimer);
    clearTimeout(this.#hideTimer);
  }

  /** @param {...(string | HTMLElement)} parts */
  #show(...parts) {
    this.rest();
    this.#goesOn = false;
    this.element.replaceChildren(...parts);
    this.element.hidden = false;
  }

  /** @param {number} milliseconds */
  #hideAfter(milliseconds) {
    this.rest();
    this.#hideTimer = window.setTimeout(() => this.hide(), milliseconds);
  }

  /** What is open may lie over what a person wants to press. */
  #toDismiss() {
    const button = part("button", "dismiss", "Dismiss");
    button.addEventListener("click", () => this.hide());
    return button;
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  #toOpen(name, text) {
    const details = part("details", "more");
    details.append(part("summary", "open", name), part("pre", "detail", text));
    // Whoever reads it has the time that this takes.
    details.addEventListener("toggle", () => (details.open ? this.rest() : this.#hideAfter(FOR)));
    return details;
  }
}
