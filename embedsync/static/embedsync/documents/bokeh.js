// The Bokeh half of a replica: keeps a BokehJS document equal to the server's, and tells what is
// changed in it here.
//
// BokehJS also writes by itself, as it draws; such writes come out of `observe` like a person's. The
// server hands them to callbacks, and takes them for the state of one view (seen in 3.9 and 3.10):
//
//   when                           what
//   first drawing, every resize    Plot inner_width, inner_height, outer_width, outer_height
//   first drawing, data changed    DataRange1d start, end, until a person pans or zooms
//   first drawing                  the message bokeh_event document_ready, once all roots are drawn
//   maps: first drawing, resize    Range1d start, end (tiles, Google maps)
//   pan, zoom                      start, end of ranges; UndoTool, RedoTool disabled; bokeh_event
//                                  lodstart, lodend, rangesupdate
//   while a selection is dragged   BoxAnnotation left, right, top, bottom, visible and PolyAnnotation
//                                  xs, ys, visible of the tool's overlay
//   tool tips, dialogs             Tooltip position, visible; Dialog visible; Drawer open
//   slider let go, spinner stepped value_throttled, together with value
//
// FactorRange start and end, ColumnDataSource inspected and CDSView indices never leave the browser.

import { run } from "../steps.js";
import { findBokeh } from "./bokehjs.js";
import { encode, makeDecoder } from "./codec.js";
import { Inputs, isRecoverable } from "./inputs.js";
import { Places } from "./places.js";
import { Views } from "./views.js";

/**
 * @typedef {import("./bokehjs.js").BokehJS} BokehJS
 * @typedef {import("./bokehjs.js").BokehDocument} BokehDocument
 * @typedef {import("./bokehjs.js").Model} Model
 * @typedef {import("../document.js").LocalChange} LocalChange
 * @typedef {import("../wire.js").Buffers} Buffers
 * @typedef {import("../document.js").DocumentAdapter} DocumentAdapter
 *
 * @typedef {object} BokehEvent
 * @property {any} event the decoded event
 * @property {boolean} structural it may bring models into the document
 * @property {boolean} [completesRoots] it is the last change of the roots among those that came together
 */

/** @typedef {import("../document.js").Change & BokehEvent} BokehChange */

const ROOTS = "roots";
const TITLE = "title";
const COLUMNS = "data";

/** @implements {DocumentAdapter} */
export class BokehAdapter {
  /** @type {BokehJS | null} */
  #bokeh = null;
  /** @type {BokehDocument | null} */
  #document = null;
  /** @type {Views | null} */
  #views = null;
  /** All models that both sides know, also such as are not part of the document just now. */
  #models = /** @type {Map<string, Model>} */ (new Map());
  /** @type {Inputs | null} */
  #inputs = null;
  /** @type {Places | null} */
  #places = null;
  /** An input is being put in again. */
  #restoring = false;
  #mounts = /** @type {Set<import("./views.js").Mount>} */ (new Set());
  /** @type {(changes: LocalChange[]) => void} */
  #listener = () => {};
  #bufferId = () => "";
  /** @type {(key: string | null, error: unknown) => void} */
  #unsendable = () => {};
  /** The app has a template for the page that shows nothing else. */
  drawsPage = false;
  /** Settled when all that there is to show is shown. */
  drawn = Promise.resolve();

  /** @param {(error: unknown) => void} report tells the developer */
  constructor(report) {
    this.report = report;
  }

  // What the page calls.

  /**
   * Show the document, or one of its roots, in an element, whatever document it will be.
   * @param {HTMLElement} element
   * @param {string | null} root
   * @param {string | null} [rootIndex]
   * @returns {() => void} what removes it from there
   */
  mount(element, root, rootIndex = null) {
    const mount = { element, root, rootIndex };
    this.#mounts.add(mount);
    this.#updateViews();
    return () => {
      this.#mounts.delete(mount);
      this.#updateViews();
    };
  }

  /** What the app says of the connection; all is as usual while there is no document. */
  get config() {
    const config = this.#document?.config;
    return { reconnects: config?.reconnect_session !== false, notifies: config?.notify_connection_status !== false };
  }

  /** The server is out of reach: Bokeh's own event for it, which the page's scripts can follow. */
  connectionLost() {
    const { ConnectionLost } = this.#events();
    // BokehJS would let scripts reconnect by themselves; here that needs nobody.
    this.#document?.event_manager.send_event(new ConnectionLost(new WeakRef({ reconnect() {} }), null, 0));
  }

  /** The document goes on where it was; Python is told, too. */
  reconnected() {
    const { ClientReconnected } = this.#events();
    this.#document?.event_manager.send_event(new ClientReconnected());
  }

  // What the session calls.

  /**
   * @param {(changes: LocalChange[]) => void} listener
   * @param {() => string} bufferId
   * @param {(key: string | null, error: unknown) => void} unsendable
   */
  observe(listener, bufferId, unsendable) {
    this.#listener = listener;
    this.#bufferId = bufferId;
    this.#unsendable = unsendable;
  }

  /**
   * @param {unknown[]} events
   * @param {Buffers} buffers
   */
  decode(events, buffers) {
    const decoder = this.#decoder();
    /** @type {BokehChange[]} */
    const changes = [];
    try {
      for (const json of events) {
        const event = decoder.decode(json, buffers);
        const { updates, references } = decoder.take();
        for (const [model, attributes] of updates) changes.push(...writes(model, attributes));
        changes.push(classify(event, references > (event.model === undefined ? 0 : 1)));
      }
    } catch (error) {
      this.#unmake(decoder.made);
      throw error;
    }
    const ofRoots = changes.filter(({ key }) => key === ROOTS).at(-1);
    if (ofRoots !== undefined) ofRoots.completesRoots = true;
    return { changes, defined: decoder.defined };
  }

  /** @param {Iterable<import("../document.js").Change>} changes */
  apply(changes) {
    return this.#run(this.#apply(/** @type {Iterable<BokehChange>} */ (changes)));
  }

  /** @param {Iterable<BokehChange>} changes */
  *#apply(changes) {
    const document = this.#open();
    let isStructural = false;
    for (const change of changes) {
      yield this.#change(() => apply(document, change.event));
      if (change.completesRoots) yield this.#showRoots();
      isStructural ||= change.structural;
    }
    if (isStructural) {
      document._recompute_all_models();
      this.#places?.changed();
    }
  }

  /** @param {string[]} ids */
  evict(ids) {
    const document = this.#open();
    document._recompute_all_models();
    const unused = ids.filter((id) => !document._all_models.has(id));
    for (const id of unused) this.#models.delete(id);
    // BokehJS keeps what it takes for new until it encodes a patch itself, which it never does here.
    document._new_models.clear();
    return unused;
  }

  /**
   * @param {any} json
   * @param {Buffers} buffers
   */
  replace(json, buffers) {
    this.#close();
    const bokeh = (this.#bokeh = findBokeh(json.version));
    const resolver = new bokeh.ModelResolver(bokeh.defaultResolver);
    // Which models are part of the document is found out here, whenever it may have changed.
    const document = new bokeh.Document({ resolver, recompute_timeout: Infinity });
    this.#document = /** @type {BokehDocument} */ (document);
    this.drawsPage = json.own_page === true;
    this.#define(json.defs, buffers);
    const decoder = this.#decoder();
    document.freeze_all_models(() => {
      if (json.config !== undefined) document.config = decoder.decode(json.config, buffers);
      for (const root of decoder.decode(json.roots, buffers)) document.add_root(root);
      for (const [event, callbacks] of Object.entries(decoder.decode(json.callbacks ?? {}, buffers))) {
        document.on_event(event, ...callbacks);
      }
      document.set_title(json.title);
    });
    document.on_change((/** @type {any} */ event) => this.#changed(event), true);
    this.#views = new Views(bokeh, document, this.report);
    this.#inputs = new Inputs(bokeh);
    this.#places = new Places(this.#document, bokeh.HasProps);
    this.#updateViews();
  }

  /**
   * @param {any} json
   * @param {Buffers} buffers
   * @param {import("../document.js").Reconciliation} pending
   */
  reconcile(json, buffers, pending) {
    return this.#run(this.#reconcile(json, buffers, pending));
  }

  /**
   * @param {any} json
   * @param {Buffers} buffers
   * @param {import("../document.js").Reconciliation} pending
   * @returns {Generator<unknown, string[], any>}
   */
  *#reconcile(json, buffers, { shown, stale, kept }) {
    const document = this.#open();
    this.#define(json.defs, buffers);
    const decoder = this.#decoder();
    /** @type {Model[]} */
    let roots;
    try {
      decoder.decode(json.config ?? null, buffers);
      roots = decoder.decode(json.roots, buffers);
    } catch (error) {
      this.#unmake(decoder.made);
      throw error;
    }
    /** @type {Set<string>} */
    const given = new Set();
    for (const [model, attributes] of decoder.take().updates) {
      for (const { key, event } of writes(model, attributes)) {
        given.add(key);
        if (!shown.has(key)) yield this.#change(() => apply(document, event));
      }
    }
    for (const key of stale) if (!given.has(key) && !shown.has(key)) yield this.#change(() => this.#reset(key));
    if (!shown.has(ROOTS)) yield this.#change(() => apply(document, { kind: "Roots", roots }));
    if (!shown.has(TITLE)) document.set_title(json.title, { sync: false });
    const present = new Set(decoder.defined);
    const lacking = [...this.#models.keys()].filter((id) => !present.has(id));
    this.evict(lacking.filter((id) => !kept.has(id)));
    this.#places?.changed();
    yield this.#showRoots();
    return lacking.filter((id) => this.#models.has(id));
  }

  /** @param {import("../document.js").Input} input */
  restore({ place, attribute, value }) {
    const model = this.#places?.find(place) ?? null;
    if (model === null || !Object.hasOwn(model.properties, attribute) || !isRecoverable(model)) return false;
    const decoded = this.#decoder().decode(value, new Map());
    // Otherwise the range would be taken for one that BokehJS has computed.
    if ("have_updated_interactively" in model) model.have_updated_interactively = true;
    this.#restoring = true;
    try {
      model.setv({ [attribute]: decoded }, { sync: true });
    } finally {
      this.#restoring = false;
    }
    return true;
  }

  dispose() {
    this.#mounts.clear();
    this.#close();
  }

  /**
   * @template Outcome
   * @param {Generator<unknown, Outcome, any>} changing
   */
  #run(changing) {
    const document = this.#document;
    return run(changing, () => this.#document === document);
  }

  /**
   * Change something.
   * @param {() => void} change
   * @returns {Promise<void> | null} what to wait for before the next change
   */
  #change(change) {
    const { building } = /** @type {BokehJS} */ (this.#bokeh);
    return building.isSetOffBy(change) ? building.end() : null;
  }

  /** Show the roots that there are, and take away the views of others: they must not notice further changes. */
  #showRoots() {
    this.#updateViews();
    return /** @type {BokehJS} */ (this.#bokeh).building.end();
  }

  /** @returns {BokehDocument} */
  #open() {
    if (this.#document === null) throw new Error("there is no document yet");
    return this.#document;
  }

  #close() {
    const document = this.#document;
    this.#views?.dispose();
    this.#inputs?.dispose();
    this.#document = this.#views = this.#inputs = this.#places = null;
    this.#models.clear();
    if (document === null || this.#bokeh === null) return;
    document.clear({ sync: false });
    const { documents } = this.#bokeh;
    if (documents.includes(document)) documents.splice(documents.indexOf(document), 1);
  }

  #events() {
    return /** @type {BokehJS} */ (this.#bokeh).module("core/bokeh_events");
  }

  #decoder() {
    const document = this.#open();
    return makeDecoder(/** @type {BokehJS} */ (this.#bokeh), document.resolver, this.#models, (model) => {
      model.attach_document(document);
      document._all_models.set(model.id, model);
    });
  }

  /**
   * Take back models of which one could not be made.
   * @param {string[]} ids
   */
  #unmake(ids) {
    for (const id of ids) this.#models.delete(id);
    this.#open()._recompute_all_models();
  }

  /**
   * Make the classes of models that the app has defined.
   * @param {any[] | undefined} definitions
   * @param {Buffers} buffers
   */
  #define(definitions, buffers) {
    const { resolver } = this.#open();
    const unknown = (definitions ?? []).filter(({ name }) => resolver.get(name) === null);
    const bokeh = /** @type {BokehJS} */ (this.#bokeh);
    if (unknown.length > 0) new bokeh.Deserializer(resolver).decode(unknown, buffers);
  }

  /**
   * An edit wrote this, the server did not take it, and it never wrote it itself: it is at its default.
   * @param {string} key
   */
  #reset(key) {
    const separator = key.indexOf(" ");
    const model = this.#models.get(key.slice(0, separator));
    const attribute = key.slice(separator + 1);
    const property = model?.properties[attribute];
    if (model === undefined || property === undefined) return;
    // Of bounds that BokehJS computes for its own view a snapshot says nothing.
    if (isBound({ kind: "ModelChanged", model, attr: attribute }) && !model.have_updated_interactively) return;
    const value = property.default_value(model);
    if (typeof value !== "symbol") model.setv({ [attribute]: value }, { sync: false });
  }

  #updateViews() {
    if (this.#views !== null) this.drawn = this.#views.update(this.#mounts);
  }

  /**
   * Something has changed in the BokehJS document. What the server wrote has `sync` false; what came of
   * it, through a page script or by BokehJS's own doing, has not.
   * @param {any} event
   */
  #changed(event) {
    /** @type {LocalChange[]} */
    const changes = [];
    for (const each of event.events ?? [event]) {
      if (!each.sync || !event.sync || !this.#concernsServer(each)) continue;
      try {
        changes.push(this.#encode(each));
      } catch (error) {
        this.#unsendable(classify(each, false).key, error);
      }
    }
    if (event.kind === "RootAdded" || event.kind === "RootRemoved") this.#updateViews();
    this.#listener(changes);
  }

  /**
   * BokehJS makes some models for itself, of which the server knows nothing, and hangs some of those that the
   * server knows on elements of the page, such as the tooltip of a tab.
   * @param {any} event
   */
  #concernsServer({ kind, model, value, msg_data: message }) {
    if (kind === "ModelChanged" && isElement(value)) return false;
    const about = kind === "RootAdded" ? null : (model ?? message?.origin ?? null);
    return about === null || this.#models.get(about.id) === about;
  }

  /**
   * @param {any} event
   * @returns {LocalChange}
   */
  #encode(event) {
    const bokeh = /** @type {BokehJS} */ (this.#bokeh);
    const { json, buffers, defines, references } = encode(bokeh, this.#models, this.#bufferId, event);
    for (const model of defines) this.#models.set(model.id, model);
    for (const each of defines) this.#unshare(each);
    if (event.kind === "ModelChanged") this.#unshare(event.model);
    // BokehJS attaches what a value mentions itself, but not the models behind those.
    if (defines.length > 0 || references > 0) {
      this.#open()._recompute_all_models();
      this.#places?.changed();
    }
    if (isBound(event)) /** @type {any} */ (json).local = !event.model.have_updated_interactively;
    const { kind, key } = classify(event, false);
    const model = event.model?.id ?? null;
    // A value that mentions models means nothing in another document.
    const plain = buffers.size === 0 && defines.length === 0 && references <= (model === null ? 0 : 1);
    const input = plain ? this.#input(event, /** @type {any} */ (json)) : null;
    return { kind, key, model, content: json, buffers, defines: defines.map(({ id }) => id), input };
  }

  /**
   * A page script may give the columns of one data source to another one, which to the server are two.
   * BokehJS would go on to change both at once.
   * @param {Model} model
   */
  #unshare(model) {
    const columns = this.#columnsOf(model);
    if (columns === null) return;
    const others = [...this.#models.values()].flatMap((each) => (each === model ? [] : (this.#columnsOf(each) ?? [])));
    const taken = new Set(others.flatMap((each) => Object.values(each)));
    let shared = others.includes(columns);
    const own = Object.entries(columns).map(([name, column]) => {
      const its = taken.has(column) ? copyOf(column) : column;
      shared ||= its !== column;
      taken.add(column);
      return [name, its];
    });
    if (shared) model.setv({ [COLUMNS]: Object.fromEntries(own) }, { sync: false, silent: true });
  }

  /**
   * The columns of a data source; `null` for other models.
   * @param {Model} model
   * @returns {Record<string, any> | null}
   */
  #columnsOf(model) {
    const Source = this.#bokeh?.module("models/sources/columnar_data_source").ColumnarDataSource;
    const property = model.properties[COLUMNS];
    if (!(model instanceof Source) || property === undefined || property.is_unset) return null;
    return /** @type {Record<string, any>} */ (property.get_value());
  }

  /**
   * @param {any} event
   * @param {{new: unknown}} json
   * @returns {import("../document.js").Input | null}
   */
  #input(event, json) {
    const isOne = (this.#restoring || this.#inputs?.isPerson === true) && this.#inputs?.isInput(event) === true;
    const place = isOne ? (this.#places?.of(event.model) ?? null) : null;
    return place === null ? null : { place, attribute: event.attr, value: json.new };
  }
}

/** @param {unknown} value */
function isElement(value) {
  return typeof Element !== "undefined" && value instanceof Element;
}

/**
 * A bound of a range that follows its data. BokehJS computes it for its own view, until a person moves it.
 * @param {any} event
 */
function isBound({ kind, model, attr }) {
  return kind === "ModelChanged" && (attr === "start" || attr === "end") && "have_updated_interactively" in model;
}

/**
 * A column in memory of its own.
 * @param {any} column an array of any kind; BokehJS's own have a shape
 */
function copyOf(column) {
  return "shape" in column ? new column.constructor(column, column.shape) : column.slice();
}

/**
 * @param {Model} model
 * @param {string} attribute
 */
function keyOf(model, attribute) {
  return `${model.id} ${attribute}`;
}

/**
 * The attributes of a definition as single writes.
 * @param {Model} model
 * @param {Record<string, unknown>} attributes
 */
function writes(model, attributes) {
  return Object.entries(attributes).map(([attr, value]) => ({
    kind: /** @type {const} */ ("write"),
    key: keyOf(model, attr),
    event: { kind: "ModelChanged", model, attr, new: value },
    structural: true,
  }));
}

/**
 * @param {any} event
 * @param {boolean} structural
 * @returns {BokehChange}
 */
function classify(event, structural) {
  switch (event.kind) {
    case "ModelChanged":
      return { kind: "write", key: keyOf(event.model, event.attr), event, structural };
    case "ColumnDataChanged":
      return { kind: event.cols ? "delta" : "write", key: keyOf(event.model, event.attr), event, structural };
    case "ColumnsStreamed":
    case "ColumnsPatched":
      return { kind: "delta", key: keyOf(event.model, event.attr), event, structural };
    case "RootAdded":
    case "RootRemoved":
      return { kind: "delta", key: ROOTS, event, structural: true };
    case "Roots":
      return { kind: "write", key: ROOTS, event, structural: true };
    case "TitleChanged":
      return { kind: "write", key: TITLE, event, structural };
    case "MessageSent":
      return { kind: "signal", key: null, event, structural };
    default:
      throw new Error(`unknown event ${String(event.kind)}`);
  }
}

const FROM_SERVER = Object.freeze({ sync: false });

/**
 * @param {BokehDocument} document
 * @param {any} event
 */
function apply(document, event) {
  const { model, attr } = event;
  switch (event.kind) {
    case "ModelChanged":
      return model.setv({ [attr]: event.new }, FROM_SERVER);
    case "ColumnDataChanged": {
      const columns = event.cols ? model.property(attr).get_value() : {};
      // BokehJS takes a map from page scripts as well.
      const rest = columns instanceof Map ? Object.fromEntries(columns) : columns;
      return model.setv({ [attr]: { ...rest, ...event.data } }, { sync: false, check_eq: false });
    }
    case "ColumnsStreamed":
      trim(model.property(attr).get_value(), event.data, event.rollover);
      return model.stream_to(model.property(attr), event.data, event.rollover, FROM_SERVER);
    case "ColumnsPatched":
      return model.patch_to(model.property(attr), event.patches, FROM_SERVER);
    case "RootAdded":
      return document.add_root(model, FROM_SERVER);
    case "RootRemoved":
      return document.remove_root(model, FROM_SERVER);
    case "Roots":
      return setRoots(document, event.roots);
    case "TitleChanged":
      return document.set_title(event.title, FROM_SERVER);
    case "MessageSent":
      return document._trigger_on_message(event.msg_type, event.msg_data);
  }
}

/**
 * BokehJS rolls typed columns over in place, which leaves those that are longer than the rollover at
 * their old length, unlike Python.
 * @param {Record<string, any>} columns
 * @param {Record<string, unknown>} added
 * @param {number | null | undefined} rollover
 */
function trim(columns, added, rollover) {
  if (rollover === null || rollover === undefined) return;
  for (const name of Object.keys(added)) {
    const column = columns[name];
    if (column instanceof Object.getPrototypeOf(Int8Array) && column.length > rollover) {
      columns[name] = column.slice(column.length - rollover);
    }
  }
}

/**
 * @param {BokehDocument} document
 * @param {Model[]} roots
 */
function setRoots(document, roots) {
  for (const root of [...document.roots()]) if (!roots.includes(root)) document.remove_root(root, FROM_SERVER);
  for (const root of roots) document.add_root(root, FROM_SERVER);
  document.roots().sort((one, other) => roots.indexOf(one) - roots.indexOf(other));
}
