// A toy document for the replica's tests: nodes with a `value`, a list of `items` to append to, and a
// `child`, which may be another node. Same language as tests/property/toy.py.

import { run } from "../../embedsync/static/embedsync/steps.js";

const DEFAULTS = Object.freeze({ value: 0, echo: 0, items: Object.freeze([]), child: null });

export class ToyDocument {
  models = new Map();
  /** How often the whole document was replaced: views would have been lost then. */
  replaced = 0;
  disposed = false;
  /** A page script: called after each change that the server made. */
  script = null;
  /** Ids whose next change throws. */
  broken = new Set();
  /** Gives what to wait for when a child has changed: its view is built. */
  building = () => null;

  observe(listener, bufferId, unsendable) {
    this.listener = listener;
    this.bufferId = bufferId;
    this.unsendable = unsendable;
  }

  dispose() {
    this.disposed = true;
  }

  // What a person, or a page script, does.

  set(id, attr, value) {
    this.models.get(id)[attr] = value;
    this.#emit({ kind: "write", id, attr, content: { kind: "set", id, attr, new: value } });
  }

  /** A person puts a value in; unlike `set`, which a page script could have called. */
  put(id, value) {
    this.models.get(id).value = value;
    const input = { place: id, attribute: "value", value };
    this.#emit({ kind: "write", id, attr: "value", content: { kind: "set", id, attr: "value", new: value }, input });
  }

  append(id, items) {
    const model = this.models.get(id);
    model.items = [...model.items, ...items];
    this.#emit({ kind: "delta", id, attr: "items", content: { kind: "append", id, items } });
  }

  /** A page script sets something that has no form for the server. */
  setUnsendable(id) {
    this.models.get(id).value = () => {};
    this.unsendable(`${id} value`, new Error("a function"));
  }

  click(id) {
    this.#emit({ kind: "signal", id, attr: null, content: { kind: "click", id } });
  }

  adopt(id, child, value) {
    this.models.set(child, { ...DEFAULTS, value });
    this.models.get(id).child = child;
    const content = { kind: "set", id, attr: "child", new: { define: child, attributes: { value } } };
    this.#emit({ kind: "write", id, attr: "child", content, defines: [child] });
  }

  /** A person moves a model that is there already, or takes one out. */
  refer(id, child) {
    this.models.get(id).child = child;
    const content = { kind: "set", id, attr: "child", new: child === null ? null : { ref: child } };
    this.#emit({ kind: "write", id, attr: "child", content });
  }

  sendBytes(id, bytes) {
    const name = this.bufferId();
    const buffers = new Map([[name, Uint8Array.from(bytes).buffer]]);
    this.#emit({ kind: "signal", id, attr: null, content: { kind: "click", id, data: { id: name } }, buffers });
  }

  #emit({ kind, id, attr, content, defines = [], buffers = new Map(), input = null }) {
    this.listener([{ kind, key: attr === null ? null : `${id} ${attr}`, model: id, content, buffers, defines, input }]);
  }

  // The port.

  decode(events) {
    const changes = [];
    const defined = [];
    const made = [];
    try {
      for (const event of events) this.#decode(event, changes, defined, made);
    } catch (error) {
      for (const id of made) this.models.delete(id);
      throw error;
    }
    return { changes, defined };
  }

  #decode(event, changes, defined, made) {
    const { kind, id } = event;
    if (kind === "click") return changes.push({ kind: "signal", key: null, event });
    const attr = kind === "append" ? "items" : event.attr;
    if (!this.models.has(id)) throw new Error(`${id} isn't known`);
    const value = attr === "child" ? this.#introduce(event.new, changes, defined, made) : event.new;
    changes.push({ kind: kind === "append" ? "delta" : "write", key: `${id} ${attr}`, event: { ...event, new: value } });
  }

  #introduce(rep, changes, defined, made) {
    if (rep === null || typeof rep === "string") return rep;
    if ("ref" in rep) {
      if (!this.models.has(rep.ref)) throw new Error(`${rep.ref} isn't known`);
      return rep.ref;
    }
    const { define: id, attributes } = rep;
    defined.push(id);
    const { child = null, ...plain } = attributes;
    if (this.models.has(id)) {
      for (const [attr, value] of Object.entries(attributes)) this.#decode({ kind: "set", id, attr, new: value }, changes, defined, made);
    } else {
      made.push(id);
      const model = { ...DEFAULTS, ...plain };
      this.models.set(id, model);
      model.child = this.#introduce(child, changes, defined, made);
    }
    return id;
  }

  restore({ place, value }) {
    if (!this.models.has(place)) return false;
    if (this.models.get(place).value !== value) this.put(place, value);
    return true;
  }

  apply(changes) {
    return run(this.#apply(changes), () => !this.disposed);
  }

  *#apply(changes) {
    for (const { event } of changes) {
      if (this.broken.delete(event.id)) throw new Error(`${event.id} is broken`);
      const model = this.models.get(event.id);
      if (event.kind === "append") model.items = [...model.items, ...event.items];
      else if (event.kind === "set") model[event.attr] = event.new;
      this.script?.(event);
      if (event.attr === "child") yield this.building();
    }
  }

  evict(ids) {
    const shown = new Set(this.reachable());
    const unused = ids.filter((id) => !shown.has(id));
    for (const id of unused) this.models.delete(id);
    return unused;
  }

  reachable() {
    const found = [];
    for (let id = "root"; this.models.has(id) && !found.includes(id); id = this.models.get(id).child) found.push(id);
    return found;
  }

  replace(document) {
    this.replaced += 1;
    this.models.clear();
    this.#introduce(document, [], [], []);
  }

  reconcile(document, buffers, pending) {
    return run(this.#reconcile(document, pending), () => !this.disposed);
  }

  *#reconcile(document, { shown, stale, kept }) {
    const changes = [];
    const defined = [];
    this.#introduce(document, changes, defined, []);
    yield* this.#apply(unshown(changes, shown));
    for (const key of stale) {
      const [id, attr] = key.split(" ");
      const model = this.models.get(id);
      if (model !== undefined && !changes.some((change) => change.key === key) && !shown.has(key)) model[attr] = DEFAULTS[attr];
    }
    const lacking = [...this.models.keys()].filter((id) => !defined.includes(id));
    this.evict(lacking.filter((id) => !kept.has(id)));
    return lacking.filter((id) => this.models.has(id));
  }
}

function* unshown(changes, shown) {
  for (const change of changes) if (!shown.has(change.key)) yield change;
}
