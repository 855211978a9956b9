// Browsers without pages: each is the runtime that ships, over the BokehJS that is installed. Python
// moves them, a line of JSON for each step and one for what came of it; see browsers.py.

import { createInterface } from "node:readline";
import { FakeEnvironment } from "../../javascript/fakes.js";
import { load } from "./page.js";

load(process.argv.slice(2));
const { BokehAdapter } = await import("../../../embedsync/static/embedsync/documents/bokeh.js");
const { Session } = await import("../../../embedsync/static/embedsync/session.js");
const { Socket } = await import("../../../embedsync/static/embedsync/socket.js");

const { HasProps } = Bokeh.require("core/has_props");
const { ndarray } = Bokeh.require("core/util/ndarray");
const { Slice } = Bokeh.require("core/util/slice");
const { Div } = Bokeh.require("models/widgets/div");
const { ButtonClick } = Bokeh.require("core/bokeh_events");
const TypedArray = Object.getPrototypeOf(Int8Array);

/** All sockets of one browser; the open one sends, and what it sent is taken from `sent`. */
class Wire {
  sent = [];
  constructor(browser) {
    this.browser = browser;
  }
  send(message) {
    if (this.browser.wire === this) this.sent.push(Buffer.from(message).toString("base64"));
  }
  close() {
    if (this.browser.wire === this) this.browser.wire = null;
  }
}

class Browser {
  wire = null;
  document = null;

  constructor() {
    this.environment = new FakeEnvironment();
    this.environment.connect = () => (this.wire = new Wire(this));
    this.adapter = new BokehAdapter(this.environment.report);
    this.session = new Session({
      socket: new Socket("ws://here/socket", this.environment),
      ticket: "ticket",
      build: "",
      environment: this.environment,
      events: Object.fromEntries(
        ["state", "shown", "delayed", "ended", "notice", "restored", "rejected"].map((name) => [name, () => {}]),
      ),
      page: { document: async () => this.adapter, load: async () => {} },
    });
    this.session.open();
  }

  connect() {
    while (this.wire === null) this.environment.advance(250);
    this.wire.onopen({});
  }

  disconnect() {
    const { wire } = this;
    this.wire = null;
    wire.onclose({ code: 1006 });
  }

  /** @param {string[]} frames */
  async receive(frames) {
    for (const frame of frames) {
      const before = new Set(Bokeh.documents);
      const bytes = Buffer.from(frame, "base64");
      this.wire?.onmessage({ data: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) });
      await this.settled();
      this.document = Bokeh.documents.find((each) => !before.has(each)) ?? this.document;
    }
  }

  /** Run code of a page: it has the models by their names, and the document. */
  act(code) {
    const { document } = this;
    const named = {};
    for (const model of document._all_models.values()) if (model.name !== null) named[model.name] = model;
    const given = { doc: document, nd, Slice, Div, ButtonClick, ...named };
    new Function(...Object.keys(given), code)(...Object.values(given));
    this.environment.endTask();
  }

  /** A task ends when all promises that are settled have been seen by those who wait for them. */
  async settled() {
    await new Promise((resolve) => setImmediate(resolve));
    this.environment.endTask();
  }

  acknowledge() {
    this.environment.advance(1000);
  }

  state() {
    const { document } = this;
    const models = {};
    for (const root of document.roots()) {
      for (const model of root.references()) models[model.id] = described(model);
    }
    return { title: document.title(), roots: document.roots().map(({ id }) => id), models };
  }
}

/** Make one of BokehJS's arrays. */
function nd(values, dtype, shape) {
  return ndarray(values, { dtype, shape });
}

function described(model) {
  const attributes = {};
  for (const property of model.syncable_properties()) {
    attributes[property.attr] = property.is_unset ? "unset" : told(property.get_value());
  }
  return { type: model.type, attributes };
}

/** A value as JSON, with the kind of arrays, so that values are equal only if they are to a page. */
function told(value) {
  if (value instanceof HasProps) return { id: value.id };
  // JSON, as JavaScript writes it, does not know -0.
  if (typeof value === "number") return Number.isFinite(value) ? value + 0 : `${value}`;
  if (typeof value === "string") return `'${value}`;
  if (value === null || typeof value === "boolean") return value;
  if (value instanceof TypedArray) return { [storage(value)]: Array.from(value, told) };
  if (Array.isArray(value)) return Array.from(value, told);
  if (value instanceof Set) return { set: Array.from(value, told).map((each) => JSON.stringify(each)).sort() };
  if (value instanceof Map) return { map: sorted([...value]) };
  if (Object.prototype.toString.call(value) === "[object Object]") {
    // BokehJS decodes data specs with all parts, also those that are not there.
    return { map: sorted(Object.entries(value).filter((entry) => entry[1] !== undefined)) };
  }
  return `${String(value)}`;
}

function storage(array) {
  return Object.prototype.toString.call(array).slice(8, -1);
}

function sorted(entries) {
  const all = entries.map(([key, value]) => [told(key), told(value)]);
  return all.sort((one, other) => (JSON.stringify(one[0]) < JSON.stringify(other[0]) ? -1 : 1));
}

const browsers = new Map();

const steps = {
  open: (at) => browsers.set(at, new Browser()),
  close: (at) => {
    browsers.get(at).adapter.dispose();
    browsers.delete(at);
  },
  connect: (at) => browsers.get(at).connect(),
  disconnect: (at) => browsers.get(at).disconnect(),
  receive: (at, frames) => browsers.get(at).receive(frames),
  act: (at, code) => browsers.get(at).act(code),
  acknowledge: (at) => browsers.get(at).acknowledge(),
  state: (at) => browsers.get(at).state(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, at, argument] = JSON.parse(line);
  let value = null;
  let error = null;
  try {
    value = (await steps[name](at, argument)) ?? null;
    await browsers.get(at)?.settled();
  } catch (thrown) {
    error = String(thrown.stack ?? thrown);
  }
  const browser = browsers.get(at);
  const sent = browser?.wire?.sent.splice(0) ?? [];
  const reports = browser?.environment.reports.splice(0).map((each) => String(each.stack ?? each)) ?? [];
  const answer = { value: name === "state" ? value : null, error, sent, reports };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
// Something of BokehJS would keep the process alive.
process.exit(0);
