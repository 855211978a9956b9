// The live apps of this page: one socket for each endpoint, one session for each ticket, however many
// elements show it.

import { BokehAdapter } from "./documents/bokeh.js";
import { browserEnvironment } from "./environment.js";
import { load, preload, remember } from "./loader.js";
import { explainBlockedEval } from "./policy.js";
import { reloadOnce } from "./reload.js";
import { Session } from "./session.js";
import { Socket } from "./socket.js";
import { refreshTicket } from "./ticket.js";

/**
 * What a page says about an app that it wants to show.
 * @typedef {object} Source
 * @property {string} app its name
 * @property {string} endpoint URL under which the site mounts embedsync
 * @property {string} ticket
 *
 * One element that shows an app, and how it is told about it.
 * @typedef {object} Place
 * @property {HTMLElement} element
 * @property {string | null} root name of the one root to show; `null` for all
 * @property {string | null} rootIndex position of the one root to show, or, with a `-`, of the first of several
 * @property {import("./session.js").SessionEvents} events
 */

/** @type {Map<string, Socket>} */
const sockets = new Map();
/** @type {Map<string, LiveApp>} */
const apps = new Map();

/** The sessions of this page. */
export function sessions() {
  return [...apps.values()].map(({ session }) => session);
}

/**
 * Show an app in one more place. The first place opens its session.
 * @param {Source} source
 * @param {Place} place
 * @returns {LiveApp}
 */
export function join(source, place) {
  const endpoint = new URL(source.endpoint, location.href).href.replace(/\/+$/, "");
  const key = `${endpoint} ${source.ticket}`;
  const present = apps.get(key);
  if (present !== undefined) {
    present.add(place);
    return present;
  }
  const app = new LiveApp(key, { ...source, endpoint });
  apps.set(key, app);
  app.add(place);
  app.session.open();
  return app;
}

class LiveApp {
  /** What takes each place out of the document again, once there is one. @type {Map<Place, () => void>} */
  #places = new Map();
  /** @type {BokehAdapter | null} */
  #adapter = null;
  #state = /** @type {import("./session.js").State} */ ("opening");
  /** Epoch of the document that was cut off; empty while there is none. */
  #lostIn = "";
  #scripts = /** @type {Set<string>} */ (new Set());
  /** Why it stopped, for places that come later. @type {Parameters<import("./session.js").SessionEvents["ended"]>[0] | null} */
  end = null;

  /**
   * @param {string} key
   * @param {Source} source `endpoint` is absolute
   */
  constructor(key, { app, endpoint, ticket }) {
    const environment = browserEnvironment();
    const name = `${endpoint} ${app}`;
    preload(name);
    explainBlockedEval();
    this.key = key;
    this.session = new Session({
      socket: socketOf(endpoint, environment),
      ticket,
      build: build(),
      environment,
      events: {
        state: (state) => {
          this.end = null;
          this.#tell((events) => events.state(state));
          this.#connectionChanged(state);
        },
        shown: () => void this.drawn.then(() => this.#tell((events) => events.shown())),
        delayed: (code) => this.#tell((events) => events.delayed(code)),
        ended: (end) => {
          this.end = end;
          this.#tell((events) => events.ended(end));
        },
        notice: (notice) => this.#tell((events) => events.notice(notice)),
        // Not before it is shown: that takes other messages away.
        restored: (restored) => void this.drawn.then(() => this.#tell((events) => events.restored(restored))),
        rejected: (rejected) => this.#tell((events) => events.rejected(rejected)),
      },
      page: {
        document: async (kind) => {
          if (kind !== "bokeh") throw new Error(`this runtime cannot show documents of kind ${kind}`);
          this.#adapter = new BokehAdapter((error) => environment.report(error));
          for (const place of this.#places.keys()) this.#mount(place);
          return this.#adapter;
        },
        load: async (urls) => {
          const absolute = urls.map((url) => new URL(url, `${endpoint}/`).href);
          for (const url of absolute) this.#scripts.add(url);
          await load(absolute);
          remember(name, [...this.#scripts]);
        },
        refresh: (old) => refreshTicket(endpoint, old, environment.fetch),
        reload: () => reloadOnce(build(), environment),
      },
    });
  }

  /** Settled when all that there is to show is shown. */
  get drawn() {
    return this.#adapter?.drawn ?? Promise.resolve();
  }

  /** @param {Place} place */
  add(place) {
    this.#places.set(place, () => {});
    this.#mount(place);
  }

  /**
   * With the last place, the session is left.
   * @param {Place} place
   */
  remove(place) {
    this.#places.get(place)?.();
    this.#places.delete(place);
    if (this.#places.size > 0) return;
    apps.delete(this.key);
    this.session.close();
  }

  /** Whether the app draws its page itself. */
  get drawsPage() {
    return this.#adapter?.drawsPage === true;
  }

  /** Whether a visitor is to be told that the connection is lost. */
  get notifies() {
    return this.#adapter?.config.notifies !== false;
  }

  /** @param {import("./session.js").State} state */
  #connectionChanged(state) {
    const before = this.#state;
    this.#state = state;
    if (this.#adapter === null) return;
    if (state === "waiting" && before === "live") {
      this.#lostIn = this.session.epoch;
      this.#adapter.connectionLost();
      if (!this.#adapter.config.reconnects) this.session.giveUp();
    } else if (state === "live" && this.#lostIn !== "") {
      const isSame = this.#lostIn === this.session.epoch;
      this.#lostIn = "";
      if (isSame) this.#adapter.reconnected();
    }
  }

  /** @param {Place} place */
  #mount(place) {
    if (this.#adapter !== null) this.#places.set(place, this.#adapter.mount(place.element, place.root, place.rootIndex));
  }

  /** @param {(events: import("./session.js").SessionEvents) => void} tell */
  #tell(tell) {
    for (const { events } of [...this.#places.keys()]) tell(events);
  }
}

/**
 * @param {string} endpoint
 * @param {import("./environment.js").Environment} environment
 */
function socketOf(endpoint, environment) {
  const present = sockets.get(endpoint);
  if (present !== undefined) return present;
  const socket = new Socket(`${endpoint.replace(/^http/, "ws")}/socket`, environment);
  sockets.set(endpoint, socket);
  return socket;
}

/** Which version of this runtime the page has loaded: the folder of its modules is named by their hash. */
function build() {
  return new URL(import.meta.url).pathname.split("/").at(-2) ?? "";
}
