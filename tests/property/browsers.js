// Browsers for the state machine of test_machine.py: pages with the real socket.js and session.js over toy
// documents. Each line of input is a JSON list of commands, each line of output tells what came of them: what
// happened, in order, and how the replicas of the pages that were touched stand now.

import { createInterface } from "node:readline";

import { Edits } from "../../embedsync/static/embedsync/edits.js";
import { Session } from "../../embedsync/static/embedsync/session.js";
import { Socket } from "../../embedsync/static/embedsync/socket.js";
import { FakeEnvironment, FakeWebSocket } from "../javascript/fakes.js";
import { ToyDocument } from "../javascript/toy.js";

/** What happened since the last answer. */
let happened = [];
const note = (...what) => happened.push(what);

/** Numbers that name sockets, questions to the page's server and changes. */
let last = { socket: 0, question: 0, change: 0 };

/** All microtasks have run: a browser runs them after each of its tasks. */
const taskEnds = () => new Promise((resolve) => setImmediate(resolve));

/** Some steps of promises, as BokehJS needs to build a view. */
async function steps(count) {
  for (let step = 0; step < count; step += 1) await null;
}

/** What an edit brings that is given up because it is too big, and is named nowhere else. */
const drop = Edits.prototype.drop;
Edits.prototype.drop = function () {
  note("dropped", this.next().changes.map(({ content }) => content.number));
  drop.call(this);
};

class Wire extends FakeWebSocket {
  number = ++last.socket;

  send(message) {
    if (this.closedWith === null) note("sent", this.number, Buffer.from(message).toString("base64"));
  }

  close(code) {
    if (this.closedWith === null) note("closed", this.number, code);
    super.close(code);
  }

  drop(code) {
    this.closedWith ??= code;
    super.drop(code);
  }
}

class Environment extends FakeEnvironment {
  /** How far the wall clock is off the time that timers go by. */
  offset = 0;

  constructor(page) {
    super();
    this.page = page;
  }

  connect = (url) => {
    const wire = new Wire(url);
    this.page.wires.set(wire.number, wire);
    note("connecting", wire.number, this.page.number);
    return wire;
  };
  now = () => this.time + this.offset;
  soon = (call) => queueMicrotask(call);
  report = (error) => note("reported", this.page.number, String(error));
}

/** A toy whose changes are numbered, so that what becomes of each can be followed. */
class NumberedToy extends ToyDocument {
  constructor(replica) {
    super();
    this.replica = replica;
    this.script = (event) => this.#scripted(event);
    this.building = () => steps(5);
  }

  observe(listener, bufferId) {
    super.observe((changes) => {
      for (const change of changes) {
        change.content.number = ++last.change;
        const { kind, key, content, input } = change;
        const { epoch, client, state } = this.replica.session;
        const made = { replica: this.replica.number, number: last.change, epoch, client, state };
        note("changed", { ...made, kind, key, content, input });
      }
      listener(changes);
    }, bufferId);
  }

  /** A page script: it answers one value of the server with an edit of its own. */
  #scripted({ kind, id, attr, new: value }) {
    if (kind === "set" && attr === "echo" && value === 18) this.append(id, [value]);
  }

  state() {
    return Object.fromEntries(this.reachable().map((id) => [id, this.models.get(id)]));
  }
}

/** A session of a page, its document, and what it asks of the page. */
class Replica {
  /** Questions that have no answer yet. */
  questions = new Map();
  loaded = new Set();
  document = null;

  constructor(page, number, ticket) {
    this.page = page;
    this.number = number;
    const told = (name) => (what) => note("told", number, name, what ?? null);
    this.session = new Session({
      socket: page.socket,
      ticket,
      build: "b",
      environment: page.environment,
      events: {
        state: told("state"),
        shown: told("shown"),
        delayed: told("delayed"),
        ended: told("ended"),
        notice: told("notice"),
        restored: told("restored"),
        rejected: told("rejected"),
      },
      page: {
        document: async () => (this.document = new NumberedToy(this)),
        load: async (urls) => {
          const missing = urls.filter((url) => !this.loaded.has(url));
          if (missing.length === 0) return;
          await this.#ask("load", missing);
          for (const url of missing) this.loaded.add(url);
        },
        refresh: (ticket) => this.#ask("refresh", ticket),
        reload: (code) => note("told", number, "reload", code),
      },
    });
    this.#watch();
  }

  /** Look over the session's shoulder: what it hears, and where. */
  #watch() {
    const { session, number } = this;
    const receive = session.receive.bind(session);
    const connected = session.connected.bind(session);
    const disconnected = session.disconnected.bind(session);
    session.receive = (frame) => {
      const { type, client, epoch, seq, cseq, recovered, supersedes } = frame.header;
      note("heard", number, type, { client, epoch, seq, cseq, recovered, supersedes });
      receive(frame);
    };
    session.connected = (attachment) => {
      note("attached", number, attachment);
      connected(attachment);
    };
    session.disconnected = () => {
      note("detached", number);
      disconnected();
    };
  }

  #ask(what, about) {
    return new Promise((resolve, reject) => {
      const question = ++last.question;
      this.questions.set(question, { resolve, reject });
      note("asked", this.number, question, what, about);
    });
  }

  answer(question, answer, fails) {
    const { resolve, reject } = this.questions.get(question);
    this.questions.delete(question);
    if (fails) reject(new Error("the site does not answer"));
    else resolve(answer);
  }

  get standing() {
    const { id, client, epoch, seq, state } = this.session;
    const models = this.document === null ? 0 : this.document.models.size;
    return { session: id, client, epoch, seq, state, models, document: this.document?.state() ?? null };
  }
}

class Page {
  wires = new Map();
  replicas = [];

  constructor(number) {
    this.number = number;
    this.environment = new Environment(this);
    this.socket = new Socket("ws://here/live/socket", this.environment);
  }
}

let pages = new Map();
let replicas = new Map();

const COMMANDS = {
  reset() {
    pages = new Map();
    replicas = new Map();
    happened = [];
    last = { socket: 0, question: 0, change: 0 };
  },

  /** A page is loaded, or loaded again: the one that had the number is not there any more. */
  load(number, tickets) {
    const page = new Page(number);
    pages.set(number, page);
    for (const [replica, ticket] of tickets) {
      const made = new Replica(page, replica, ticket);
      page.replicas.push(made);
      replicas.set(replica, made);
      made.session.open();
    }
  },

  /** A page is not there any more. */
  unload(number) {
    for (const replica of pages.get(number).replicas) replicas.delete(replica.number);
    pages.delete(number);
  },

  open: (replica) => replicas.get(replica).session.open(),
  afresh: (replica) => replicas.get(replica).session.startAfresh(),
  answer: (replica, question, answer, fails) => replicas.get(replica).answer(question, answer, fails),

  /** What a person does, or a script, as one task. */
  act(replica, ...acts) {
    for (const [name, ...args] of acts) replicas.get(replica).document[name](...args);
  },

  connected: (page, wire) => pages.get(page).wires.get(wire).open(),
  lost: (page, wire, code) => pages.get(page).wires.get(wire).drop(code),

  async receive(page, wire, frames) {
    for (const frame of frames) {
      const { buffer, byteOffset, length } = Buffer.from(frame, "base64");
      pages.get(page).wires.get(wire).onmessage({ data: buffer.slice(byteOffset, byteOffset + length) });
      await taskEnds();
    }
  },

  fire: (page, name, event) => pages.get(page).environment.fire(name, event),
  jump: (page, milliseconds) => (pages.get(page).environment.offset += milliseconds),
  sleep: (page, milliseconds) => pages.get(page).environment.sleep(milliseconds),

  advance(milliseconds) {
    for (const { environment } of pages.values()) environment.advance(milliseconds);
  },
};

async function run(commands) {
  for (const [name, ...args] of commands) {
    await COMMANDS[name](...args);
    await taskEnds();
  }
  const standing = [...replicas.values()].map((replica) => [replica.number, replica.standing]);
  const answer = { happened, standing };
  happened = [];
  return answer;
}

process.on("unhandledRejection", (error) => note("failed", String(error?.stack ?? error)));

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = await run(JSON.parse(line));
  } catch (error) {
    answer = { error: String(error.stack), happened: [], standing: [] };
    happened = [];
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
