// <embed-app app="…" ticket="…" endpoint="/live" [root="name"] [height="400px"] [debug]>: shows a live app, or
// one root of it; by its position with root-index="0", those from the third on with root-index="2-". Without a ticket it asks for one, for the app of this name and its `arguments`, as JSON.
//
// Everything stands in a shadow tree: the site's rules for `div` or `button` do not reach our messages,
// and whoever replaces the element's children (a router, a morphing library) does not take the plots
// away. BokehJS builds a shadow tree for each of its components anyway, so plots lose nothing by it.
// With the attribute `plain` the roots become children of the element instead, and parts of the page's own
// layout: for pages that were written for Bokeh's placeholders.
//
// What a site can hook into: the attribute `data-state` (one of `ShownState`); the events
// `embedsync:<state>`, `embedsync:callback-error`, `embedsync:restored` and `embedsync:rejected`, which bubble; the parts
// `roots`, `cover`, `badge` and those inside them, such as `missing` where there is no root of the name; the
// custom properties in styles.js.

import { join } from "./apps.js";
import { backoff } from "./backoff.js";
import { Badge } from "./badge.js";
import { CLOSE } from "./constants.js";
import { STILL_LOADING, UNREACHABLE, delayText, messageFor, restoredText } from "./messages.js";
import { livePart, part } from "./parts.js";
import { styleSheet } from "./styles.js";
import { TicketRefused, requestTicket } from "./ticket.js";

/** An element that is moved leaves the page and comes back at once: what leaves is only let go after this. */
const MOVING = 100;
/** After this, a visitor who sees nothing yet learns that we are still trying. */
const SLOW_AFTER = 8000;
/** How soon a visitor who waits longer learns that the reason is another one now. */
const EXPLAIN_AGAIN_AFTER = 2000;
const DEFAULT_HEIGHT = "300px";

/** @typedef {"loading" | "live" | "reconnecting" | "busy" | "stopped" | "error"} ShownState */

export class EmbedApp extends HTMLElement {
  static observedAttributes = ["ticket", "endpoint", "root", "root-index", "height"];

  /** @type {ReturnType<typeof join> | null} */
  #app = null;
  /** @type {import("./apps.js").Place | null} */
  #place = null;
  #roots = part("div", "roots");
  #cover = livePart("cover");
  #badge = new Badge();
  #wasShown = false;
  /** @type {number | undefined} */
  #leaveTimer;
  /** @type {number | undefined} */
  #slowTimer;
  #entered = false;
  /** Times that a ticket was asked for. */
  #asked = 0;
  /** @type {number | undefined} */
  #askTimer;

  constructor() {
    super();
    const shadow = this.attachShadow({ mode: "open" });
    shadow.adoptedStyleSheets = [styleSheet()];
    shadow.append(this.#roots, this.#cover, this.#badge.element);
  }

  connectedCallback() {
    clearTimeout(this.#leaveTimer);
    if (!this.#entered) this.#enter();
  }

  disconnectedCallback() {
    this.#leaveTimer = window.setTimeout(() => this.#leave(), MOVING);
  }

  /**
   * @param {string} name
   * @param {string | null} before
   * @param {string | null} now
   */
  attributeChangedCallback(name, before, now) {
    if (before === now || !this.#entered) return;
    if (name === "height") return this.#reserve();
    // Another app, or another part of it: begin anew.
    this.#leave();
    if (this.isConnected) this.#enter();
  }

  /** The session that this element shows; `null` while it is not on the page. */
  get session() {
    return this.#app?.session ?? null;
  }

  /** Whether the app draws the page itself that shows nothing else; known when it is live. */
  get drawsPage() {
    return this.#app?.drawsPage === true;
  }

  /** Open the app again after it has stopped. */
  retry() {
    if (this.#entered && this.session === null) this.#enter();
    else if (this.session?.state === "stopped") this.session.open();
  }

  get #isPlain() {
    return this.hasAttribute("plain");
  }

  /** What the roots stand in. @returns {HTMLElement} */
  get #around() {
    return this.#isPlain ? this : this.#roots;
  }

  #enter() {
    this.#entered = true;
    if (this.#isPlain) this.shadowRoot?.replaceChildren(document.createElement("slot"), this.#cover, this.#badge.element);
    this.#reserve();
    this.#showLoading();
    const ticket = this.getAttribute("ticket");
    if (ticket === null) void this.#ask();
    else this.#join(ticket);
  }

  /** @param {string} ticket */
  #join(ticket) {
    const endpoint = this.getAttribute("endpoint") ?? "";
    const place = {
      element: this.#around,
      root: this.getAttribute("root"),
      rootIndex: this.getAttribute("root-index"),
      events: {
        state: (/** @type {import("./session.js").State} */ state) => this.#stateChanged(state),
        shown: () => this.#shown(),
        delayed: (/** @type {number} */ code) => this.#delayed(code),
        ended: (/** @type {{code: number, error: string, detail: string}} */ end) => this.#ended(end),
        notice: (/** @type {import("./session.js").Notice} */ notice) => this.#noticed(notice),
        restored: (/** @type {{inputs: number, missing: number}} */ restored) => this.#restored(restored),
        rejected: (/** @type {object} */ rejected) => this.#emit("rejected", rejected),
      },
    };
    this.#place = place;
    this.#app = join({ app: this.getAttribute("app") ?? "", endpoint, ticket }, place);
    // Another element may have opened the session already.
    const { session, drawn, end } = this.#app;
    if (session.epoch !== "") void drawn.then(() => this.#place === place && this.#shown());
    this.#stateChanged(session.state);
    if (end !== null) this.#ended(end);
  }

  /** Get the ticket that no template has put here. */
  async #ask() {
    const endpoint = new URL(this.getAttribute("endpoint") ?? "", location.href).href.replace(/\/+$/, "");
    const app = this.getAttribute("app") ?? "";
    const asked = ++this.#asked;
    let ticket;
    try {
      const given = JSON.parse(this.getAttribute("arguments") ?? "{}");
      ticket = await requestTicket(endpoint, app, given, (input, init) => fetch(input, init));
    } catch (error) {
      if (asked === this.#asked) this.#askedInVain(endpoint, app, error);
      return;
    }
    if (asked === this.#asked) this.#join(ticket);
  }

  /**
   * @param {string} endpoint
   * @param {string} app
   * @param {unknown} error
   */
  #askedInVain(endpoint, app, error) {
    if (!(error instanceof TicketRefused || error instanceof SyntaxError)) {
      console.error(`embedsync: ${endpoint} cannot be asked for a ticket; it is tried again.`, error);
      this.#askTimer = window.setTimeout(() => void this.#ask(), backoff(this.#asked, Math.random(), document.hidden));
      return;
    }
    const code = error instanceof TicketRefused ? error.code : CLOSE.BAD_MESSAGE;
    console.error(
      `embedsync: ${endpoint} gives this page no ticket for the app "${app}" (${code}). An app that pages show by a ` +
        "script tag is added with script_tag=True, and names the arguments that they may give in script_arguments; " +
        "its permission, if it has one, must let this visitor in. The server's log says which of these is missing.",
      error,
    );
    this.#ended({ code, error: "", detail: "" });
  }

  #leave() {
    this.#entered = false;
    this.#asked += 1;
    clearTimeout(this.#askTimer);
    clearTimeout(this.#leaveTimer);
    clearTimeout(this.#slowTimer);
    this.#badge.rest();
    if (this.#place !== null) this.#app?.remove(this.#place);
    this.#app = this.#place = null;
    this.#around.replaceChildren();
    this.#wasShown = false;
  }

  /** Keep room for the app, so that the page does not jump when it comes. */
  #reserve() {
    if (this.#isPlain) return;
    const height = this.getAttribute("height");
    const reserved = height === null || height === "" ? "" : /^\d+$/.test(height) ? `${height}px` : height;
    this.style.minHeight = reserved || (this.#wasShown ? "" : DEFAULT_HEIGHT);
  }

  /** @param {import("./session.js").State} state */
  #stateChanged(state) {
    this.#around.inert = state === "stopped";
    if (state === "live" && this.#wasShown) {
      this.#badge.settle();
      this.#setState("live");
    } else if (state === "waiting") {
      this.#cover.hidden = this.#wasShown || this.#isPlain;
      this.#setState("reconnecting");
      if (this.#app?.notifies !== false) this.#badge.say("Reconnecting…");
    } else if (state === "opening") {
      this.#showLoading();
    }
  }

  /** The document is drawn; until now the cover kept its place. */
  #shown() {
    clearTimeout(this.#slowTimer);
    this.#wasShown = true;
    this.#cover.hidden = true;
    this.#reserve();
    this.#stateChanged(this.session?.state ?? "stopped");
  }

  /**
   * Something else than the network keeps a visitor waiting, who is told so.
   * @param {number} code
   */
  #delayed(code) {
    const text = this.#cover.querySelector(".text");
    const words = delayText(code);
    if (this.#wasShown || words === null || text === null) return;
    clearTimeout(this.#slowTimer);
    text.textContent = words;
  }

  /** @param {{code: number, error: string, detail: string}} end */
  #ended({ code, error, detail }) {
    clearTimeout(this.#slowTimer);
    this.#badge.hide();
    const { text, again } = messageFor(code);
    /** @type {HTMLElement[]} */
    const parts = [part("div", "text", text)];
    if (error !== "") parts.push(part("div", "error", `Error id: ${error}`));
    if (detail !== "") parts.push(part("pre", "detail", detail));
    if (again !== null) {
      const button = part("button", "again", again === "reload" ? "Load the page again" : "Try again");
      button.addEventListener("click", () => (again === "reload" ? location.reload() : this.retry()));
      parts.push(button);
    }
    this.#cover.replaceChildren(...parts);
    this.#cover.hidden = false;
    this.#setState(code === 1000 || code === 4305 ? "stopped" : "error", { code, error, detail });
  }

  /** @param {import("./session.js").Notice} notice */
  #noticed({ kind, error, detail, busy }) {
    if (kind === "busy") {
      if (busy) this.#badge.say("Working…");
      else this.#badge.settle();
      if (this.session?.state === "live") this.#setState(busy ? "busy" : "live");
    } else if (kind === "error") {
      this.#badge.fail(`Something went wrong here (error ${error}).`, detail);
      this.#emit("callback-error", { error, detail });
    }
  }

  /** @param {{inputs: number, missing: number}} restored */
  #restored({ inputs, missing }) {
    this.#emit("restored", { inputs, missing });
    if (missing === inputs) return this.#badge.tell(restoredText(inputs, missing));
    const again = part("button", "afresh", "Start afresh");
    again.addEventListener("click", () => {
      this.#badge.hide();
      this.session?.startAfresh();
    });
    this.#badge.offer(restoredText(inputs, missing), again);
  }

  #showLoading() {
    const text = part("div", "text", "Loading…");
    const pulse = part("div", "pulse");
    this.#cover.replaceChildren(pulse, text);
    // The page has its own idea of how it looks until the roots are there.
    this.#cover.hidden = this.#isPlain;
    this.#badge.hide();
    clearTimeout(this.#slowTimer);
    this.#slowTimer = window.setTimeout(() => this.#explain(text), SLOW_AFTER);
    this.#setState("loading");
  }

  /**
   * The server is there, but the app takes its time; or it is not, which may change while the visitor waits.
   * @param {HTMLElement} text
   */
  #explain(text) {
    const words = this.session?.socket.state === "open" ? STILL_LOADING : UNREACHABLE;
    // What is said again would be read out again.
    if (text.textContent !== words) text.textContent = words;
    this.#slowTimer = window.setTimeout(() => this.#explain(text), EXPLAIN_AGAIN_AFTER);
  }

  /**
   * @param {ShownState} state
   * @param {object} [detail]
   */
  #setState(state, detail = {}) {
    if (this.dataset.state === state) return;
    this.dataset.state = state;
    this.setAttribute("aria-busy", String(state === "loading"));
    this.#emit(state, detail);
  }

  /**
   * @param {string} name
   * @param {object} detail
   */
  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(`embedsync:${name}`, { bubbles: true, composed: true, detail }));
  }
}
