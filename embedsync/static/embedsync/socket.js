// One WebSocket per page and endpoint. Carries the frames of all sessions, and comes back by itself.

import { backoff } from "./backoff.js";
import { ACTION, actionOf } from "./constants.js";
import { NO_WEBSOCKET, isCutOff } from "./handshake.js";
import { Pace } from "./pace.js";
import { WireError, decode, encode } from "./wire.js";

const ATTEMPT_TIMEOUT = 10_000;
/** How much later than promised a ping of the server may come. */
const PING_LATE = 10_000;
/** How soon the server answers when there is reason to doubt that it is there. */
const ANSWER_WITHIN = 5_000;
/** A socket that was open for so long was a good one: the next pauses start short again. */
const GOOD = 30_000;
/** So many attempts in vain, and none that ever succeeded, are no chance. */
const IN_VAIN = 2;

/**
 * `idle`: nobody needs it. `suspended`: the page is hidden away and may be shown again.
 * @typedef {"idle" | "connecting" | "open" | "waiting" | "suspended"} SocketState
 */

export class Socket {
  /** @type {SocketState} */
  state = "idle";
  /** How fast the edits of all sessions may go out together. */
  pace = new Pace();
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Map<number, import("./session.js").Session>} */
  #sessions = new Map();
  #lastAttachment = 0;
  #tries = 0;
  /** @type {unknown} */
  #timer = null;
  #heartbeat = 25_000;
  #lastHeard = 0;
  /** The server was asked whether it is there, and has said nothing since. */
  #isAsked = false;
  #openedAt = 0;
  #wasEverOpen = false;
  /** The pause that a server that is about to stop has asked for. */
  #askedPause = 0;
  /** @type {(() => void)[]} */
  #unlisten = [];

  /**
   * @param {string} url
   * @param {import("./environment.js").Environment} environment
   */
  constructor(url, environment) {
    this.url = url;
    this.environment = environment;
  }

  /**
   * Carry a session: it is told when the socket is open, under a number that was never used before.
   * @param {import("./session.js").Session} session
   */
  attach(session) {
    this.detach(session);
    this.#lastAttachment += 1;
    this.#sessions.set(this.#lastAttachment, session);
    if (this.state === "idle") this.#start();
    else if (this.state === "open") session.connected(this.#lastAttachment);
  }

  /**
   * Carry a session no longer. With the last one, the socket closes.
   * @param {import("./session.js").Session} session
   */
  release(session) {
    this.detach(session);
    if (this.#sessions.size === 0 && this.state !== "idle") this.#stop();
  }

  /**
   * Send a message if the socket is open. If it is not, the session says it again when it resumes.
   * @param {Uint8Array<ArrayBuffer>} message
   */
  send(message) {
    if (this.state === "open") this.#socket?.send(message);
  }

  /** @param {number} seconds between the server's pings */
  heartbeat(seconds) {
    this.#heartbeat = seconds * 1000;
    if (this.state === "open") this.#watch();
  }

  /** @param {number} seconds after which the server wants to see us again */
  drain(seconds) {
    this.#askedPause = seconds * 1000;
  }

  /**
   * The session's attachment is over; the socket stays, for the session will want another.
   * @param {import("./session.js").Session} session
   */
  detach(session) {
    for (const [attachment, each] of this.#sessions) if (each === session) this.#sessions.delete(attachment);
  }

  #start() {
    const wake = () => this.#wake();
    const { environment } = this;
    this.#unlisten = [
      environment.listen("online", () => {
        this.#wake();
        this.#ask();
      }),
      environment.listen("offline", () => this.#ask()),
      environment.listen("focus", wake),
      environment.listen("resume", wake),
      environment.listen("visibilitychange", () => environment.hidden() || this.#wake()),
      environment.listen("pageshow", () => this.#wake()),
      environment.listen("pagehide", (event) => this.#suspend(event.persisted === true)),
    ];
    this.#connect();
  }

  #stop() {
    this.#abandon();
    this.state = "idle";
    for (const unlisten of this.#unlisten.splice(0)) unlisten();
  }

  #connect() {
    this.#abandon();
    this.state = "connecting";
    let socket;
    try {
      socket = this.environment.connect(this.url);
    } catch (error) {
      this.environment.report(error);
      return this.#wait();
    }
    this.#socket = socket;
    // A socket that was given up may still speak; whoever is not the present one is not heard.
    const heard = (/** @type {(event: any) => void} */ act) => (/** @type {Event} */ event) => {
      if (this.#socket === socket) act(event);
    };
    socket.onopen = heard(() => this.#opened());
    socket.onmessage = heard((event) => this.#received(event.data));
    socket.onclose = heard((event) => this.#closed(event.code));
    this.#setTimer(() => this.#lost(), ATTEMPT_TIMEOUT);
  }

  #opened() {
    this.state = "open";
    this.#wasEverOpen = true;
    this.#askedPause = 0;
    this.#isAsked = false;
    this.#lastHeard = this.#openedAt = this.environment.now();
    this.#watch();
    for (const [attachment, session] of [...this.#sessions]) session.connected(attachment);
  }

  /** @param {unknown} data */
  #received(data) {
    this.#lastHeard = this.environment.now();
    this.#isAsked = false;
    let frame;
    try {
      frame = decode(data);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.environment.report(error);
      return this.#lost();
    }
    if (frame.attachment !== 0) this.#sessions.get(frame.attachment)?.receive(frame);
    else if (frame.header.type === "ping") this.#answer(frame.header.positions ?? {});
    else if (frame.header.type === "notice") this.drain(frame.header.retry ?? 0);
    else if (frame.header.type === "closed") this.#closed(frame.header.code);
  }

  /** @param {Record<string, number>} positions */
  #answer(positions) {
    this.send(encode(0, { type: "pong" }));
    for (const [attachment, session] of this.#sessions) {
      const seq = positions[String(attachment)];
      if (seq !== undefined) session.checkPosition(seq);
    }
  }

  /** @param {number} code */
  #closed(code) {
    if (actionOf(code) === ACTION.RETRY) return this.#lost();
    // The code speaks of all that the socket carried. Who wants to go on attaches again.
    this.#stop();
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) session.closed(code);
  }

  /** The socket is dead, whether it says so or not. */
  #lost() {
    if (this.#openedAt > 0 && this.environment.now() - this.#openedAt > GOOD) this.#tries = 0;
    this.#openedAt = 0;
    this.#abandon();
    this.#wait();
    for (const session of [...this.#sessions.values()]) session.disconnected();
  }

  #wait() {
    this.state = "waiting";
    const pause = backoff(this.#tries++, this.environment.random(), this.environment.hidden());
    this.#setTimer(() => this.#connect(), Math.max(pause, this.#askedPause));
    if (this.#tries === IN_VAIN && !this.#wasEverOpen) void this.#explain();
  }

  /** Tell the sessions, should something else than the network be the cause. */
  async #explain() {
    if (!(await isCutOff(this.url, this.environment)) || this.#wasEverOpen) return;
    for (const session of [...this.#sessions.values()]) session.events.delayed(NO_WEBSOCKET);
  }

  /**
   * Judge the socket by the server's pings: timers of a hidden page are slowed down, messages are not.
   * After the machine has slept, the timer comes late and finds the socket silent for too long.
   */
  #watch() {
    // Should the clock have been set back, the silence counts from here.
    this.#lastHeard = Math.min(this.#lastHeard, this.environment.now());
    const silent = this.environment.now() - this.#lastHeard;
    const left = this.#heartbeat + PING_LATE - silent;
    if (left > 0) this.#setTimer(() => this.#watch(), left);
    else this.#lost();
  }

  /** The page is looked at again, or the network is back: don't sit out a long pause. */
  #wake() {
    if (this.state === "waiting" || this.state === "suspended") this.#connect();
    else if (this.state === "open" && !this.#isAsked) this.#watch();
  }

  /** The network has gone, or is another one: an answer, or none, soon tells what has become of the socket. */
  #ask() {
    if (this.state !== "open") return;
    this.#isAsked = true;
    this.send(encode(0, { type: "ping" }));
    this.#setTimer(() => (this.#isAsked ? this.#lost() : this.#watch()), ANSWER_WITHIN);
  }

  /**
   * The page goes away. Kept in the browser's cache it may come back, and then the session goes on.
   * @param {boolean} mayReturn
   */
  #suspend(mayReturn) {
    if (this.state === "idle") return;
    for (const session of [...this.#sessions.values()]) {
      if (!mayReturn) session.leave();
      session.disconnected();
    }
    this.#abandon();
    this.state = "suspended";
  }

  /** Close what there is and listen to it no more. */
  #abandon() {
    this.environment.clearTimer(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
  }

  /**
   * @param {() => void} call
   * @param {number} milliseconds
   */
  #setTimer(call, milliseconds) {
    this.environment.clearTimer(this.#timer);
    this.#timer = this.environment.setTimer(call, milliseconds);
  }
}
