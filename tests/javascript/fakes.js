// A browser without a browser: a clock that the test moves, sockets that the test opens and closes.

import { Session } from "../../embedsync/static/embedsync/session.js";
import { Socket } from "../../embedsync/static/embedsync/socket.js";
import { ToyDocument } from "./toy.js";

export class FakeEnvironment {
  time = 1_000_000;
  timers = [];
  sockets = [];
  reports = [];
  isHidden = false;
  #listeners = new Map();
  #soon = [];

  connect = (url) => {
    const socket = new FakeWebSocket(url);
    this.sockets.push(socket);
    return socket;
  };
  now = () => this.time;
  setTimer = (call, milliseconds) => {
    const timer = { call, at: this.time + milliseconds };
    this.timers.push(timer);
    return timer;
  };
  clearTimer = (timer) => {
    this.timers = this.timers.filter((each) => each !== timer);
  };
  soon = (call) => this.#soon.push(call);
  random = () => 0.5;
  hidden = () => this.isHidden;
  listen = (name, listener) => {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
  };
  report = (error) => this.reports.push(error);

  get socket() {
    return this.sockets.at(-1);
  }

  get listeners() {
    return [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** The present task ends. */
  endTask() {
    while (this.#soon.length > 0) this.#soon.shift()();
  }

  fire(name, event = {}) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) listener(event);
  }

  /** Let time pass; timers run when they are due. */
  advance(milliseconds) {
    const end = this.time + milliseconds;
    for (;;) {
      const next = this.timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
      if (next === undefined) break;
      this.time = Math.max(this.time, next.at);
      this.clearTimer(next);
      next.call();
    }
    this.time = end;
  }

  /** The machine sleeps: time passes, timers do not run. Then those that are due do. */
  sleep(milliseconds) {
    this.time += milliseconds;
    this.advance(0);
  }
}

export class FakeWebSocket {
  sent = [];
  closedWith = null;

  constructor(url) {
    this.url = url;
  }

  send(message) {
    if (this.closedWith !== null) throw new Error("the socket is closed");
    const text = Buffer.from(message);
    const end = 8 + text.readUInt32LE(4);
    this.sent.push({ attachment: text.readUInt32LE(0), ...JSON.parse(text.toString("utf-8", 8, end)) });
  }

  close(code) {
    this.closedWith = code;
  }

  open() {
    this.onopen({});
  }

  /** The server sends a frame. */
  push(attachment, header) {
    const text = Buffer.from(JSON.stringify(header));
    const message = new Uint8Array(8 + text.length);
    const view = new DataView(message.buffer);
    view.setUint32(0, attachment, true);
    view.setUint32(4, text.length, true);
    message.set(text, 8);
    this.onmessage({ data: message.buffer });
  }

  drop(code = 1006) {
    this.onclose({ code });
  }

  /** What was sent of one type, in order. */
  of(type) {
    return this.sent.filter((frame) => frame.type === type);
  }
}

export const OPENED = Object.freeze({
  type: "opened",
  session: "s",
  client: "c",
  secret: "x1",
  epoch: "e1",
  seq: 0,
  cseq: 0,
  recovered: false,
  kind: "toy",
  heartbeat: 25,
  grace: 120,
  limits: { message_bytes: 1000, unanswered_edits: 2 },
});

export const ROOT = Object.freeze({ define: "root", attributes: { value: 1, items: [1], child: null } });

/** A session over a toy document, its socket, and what it told the page. */
export class Page {
  environment = new FakeEnvironment();
  document = new ToyDocument();
  told = [];
  loads = [];
  tickets = [];
  reloads = 0;
  refresh = async () => "fresh";
  load = async () => {};
  attachment = 1;

  constructor() {
    const { environment, told } = this;
    this.socket = new Socket("ws://here/live/socket", environment);
    this.session = new Session({
      socket: this.socket,
      ticket: "ticket",
      build: "b",
      environment,
      events: {
        state: (state) => told.push(["state", state]),
        shown: () => told.push(["shown"]),
        delayed: (code) => told.push(["delayed", code]),
        ended: (end) => told.push(["ended", end]),
        notice: (notice) => told.push(["notice", notice]),
        restored: (restored) => told.push(["restored", restored]),
        rejected: (rejected) => told.push(["rejected", rejected]),
      },
      page: {
        document: async () => this.document,
        load: (urls) => {
          this.loads.push(...urls);
          return this.load(urls);
        },
        refresh: (ticket) => {
          this.tickets.push(ticket);
          return this.refresh(ticket);
        },
        reload: () => (this.reloads += 1),
      },
    });
  }

  /** A session that is live, with an empty history. */
  static async live(document = ROOT) {
    const page = new Page();
    page.session.open();
    page.wire.open();
    page.push(OPENED);
    await settled();
    page.push({ type: "snapshot", epoch: "e1", seq: 0, cseq: 0, document });
    return page;
  }

  get wire() {
    return this.environment.socket;
  }

  get root() {
    return this.document.models.get("root");
  }

  push(header) {
    this.wire.push(this.attachment, header);
    this.environment.endTask();
  }

  op(seq, ...events) {
    this.push({ type: "op", from: seq - 1, seq, events });
  }

  result(cseq, seq, more = {}) {
    this.push({ type: "result", cseq, seq, own: false, commit: true, ...more });
  }

  /** A person does something; then the task ends. */
  person(act) {
    act(this.document);
    this.environment.endTask();
  }

  /** The edits that were sent on the present socket, as `[cseq, value or event]`. */
  get edits() {
    return this.wire.of("edit").map(({ cseq, events }) => [cseq, ...events.map((event) => event.new ?? event.kind)]);
  }

  /** The socket is lost and comes back. */
  reconnect(code = 1006) {
    this.wire.drop(code);
    this.environment.advance(20_000);
    this.wire.open();
  }
}

export const set = (id, attr, value) => ({ kind: "set", id, attr, new: value });
export const append = (id, ...items) => ({ kind: "append", id, items });

/** Promises that are settled have been seen by those who wait for them. */
export async function settled() {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}
