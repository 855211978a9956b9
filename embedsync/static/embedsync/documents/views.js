// The views of one Bokeh document on the page: which roots are shown in which elements.

/**
 * @typedef {import("./bokehjs.js").Model} Model
 * @typedef {import("./bokehjs.js").View} View
 *
 * A place on the page for the roots of a document.
 * @typedef {object} Mount
 * @property {HTMLElement} element
 * @property {string | null} root the name of the one root to show; `null` for all
 * @property {string | null} rootIndex the position of the one root to show, or, with a `-`, of the first of several
 */

/** What a visitor is told; who develops the site finds the reason in the console, and in debug mode here. */
const MISSING = "This part of the app does not exist.";
const CONNECTION_EVENTS = ["connection_lost", "client_reconnected"];

export class Views {
  /** @type {Map<Mount, Map<Model, View>>} */
  #mounted = new Map();
  /** What stands where a root is missing. @type {Map<Mount, HTMLElement>} */
  #missing = new Map();
  #disposed = false;
  #updating = Promise.resolve();

  /**
   * @param {import("./bokehjs.js").BokehJS} bokeh
   * @param {import("./bokehjs.js").BokehDocument} document
   * @param {(error: unknown) => void} report tells the developer
   */
  constructor(bokeh, document, report) {
    this.bokeh = bokeh;
    this.document = document;
    this.report = report;
    this.manager = new bokeh.ViewManager([], bokeh.index);
    document.views_manager = this.manager;
  }

  /**
   * Show what belongs into these mounts, and nothing else. Building a view takes time; changes that
   * come meanwhile are taken up afterwards.
   * @param {Iterable<Mount>} mounts
   * @returns {Promise<void>} when it is shown
   */
  update(mounts) {
    const wanted = [...mounts];
    this.#updating = this.#updating.then(() => this.#update(wanted)).catch(this.report);
    return this.#updating;
  }

  dispose() {
    this.#disposed = true;
    for (const views of this.#mounted.values()) for (const view of views.values()) view.remove();
    this.#mounted.clear();
    for (const note of this.#missing.values()) note.remove();
    this.#missing.clear();
    this.manager.clear();
  }

  /** @param {Mount[]} mounts */
  async #update(mounts) {
    if (this.#disposed) return;
    for (const [mount, views] of this.#mounted) {
      const roots = mounts.includes(mount) ? this.#rootsFor(mount) : [];
      for (const [model, view] of views) {
        if (roots.includes(model)) continue;
        views.delete(model);
        view.remove();
      }
      if (mounts.includes(mount)) continue;
      this.#mounted.delete(mount);
      this.#tellMissing(mount, false);
    }
    await this.#showNotifications();
    for (const mount of mounts) await this.#show(mount);
    if (mounts.length > 0) this.#settle();
  }

  /** @param {Mount} mount */
  async #show(mount) {
    const views = this.#mounted.get(mount) ?? new Map();
    this.#mounted.set(mount, views);
    const roots = this.#rootsFor(mount);
    this.#tellMissing(mount, roots.length === 0);
    for (const model of roots) {
      // A root need not have a view: data sources may be roots.
      if (views.has(model) || (model.default_view ?? null) === null) continue;
      try {
        const view = await this.manager.build_view(model);
        if (this.#disposed) return view.remove();
        views.set(model, view);
        if (view instanceof this.bokeh.DOMView) view.build(mount.element);
      } catch (error) {
        // The other roots can be shown all the same.
        this.report(error);
      }
    }
    const elements = roots.map((model) => views.get(model)?.el).filter((element) => element !== undefined);
    const inOrder = elements.every((element, index) => index === 0 || follows(elements[index - 1], element));
    if (!inOrder) mount.element.append(...elements);
  }

  /**
   * A root that does not exist would be an empty place, of which nobody learns why.
   * @param {Mount} mount
   * @param {boolean} isMissing it may come later
   */
  #tellMissing(mount, isMissing) {
    const told = this.#missing.get(mount);
    if (!isMissing) {
      told?.remove();
      this.#missing.delete(mount);
    } else if (mount.root !== null && told === undefined) {
      const names = this.document.roots().flatMap(({ name }) => (name === null ? [] : [JSON.stringify(name)]));
      const known = names.length > 0 ? `names of its roots: ${names.join(", ")}` : "its roots have no names";
      const reason = `the app has no root named ${JSON.stringify(mount.root)}; ${known} (roots are what it adds to the document, not what is inside of that)`;
      console.error(`embedsync: ${reason}`);
      const text = hostOf(mount.element).hasAttribute("debug") ? `embedsync: ${reason}` : MISSING;
      const note = Object.assign(document.createElement("p"), { className: "missing", textContent: text });
      note.setAttribute("part", "missing");
      note.setAttribute("role", "alert");
      mount.element.append(note);
      this.#missing.set(mount, note);
    }
  }

  /** What an app pushes as a notification is shown by a view of its own, beside those of the roots. */
  async #showNotifications() {
    const model = this.document.config?.notifications ?? null;
    if (model === null || this.manager.get(model) !== null) return;
    const callbacks = this.document._document_callbacks;
    const before = CONNECTION_EVENTS.map((name) => callbacks.get(name) ?? []);
    await this.manager.build_view(model);
    // The element says by itself whether it is connected; this view would say it a second time.
    for (const [index, name] of CONNECTION_EVENTS.entries()) callbacks.set(name, before[index]);
  }

  /** BokehJS tells Python that the document is ready once all roots are, also those shown nowhere. */
  #settle() {
    const shown = new Set([...this.#mounted.values()].flatMap((views) => [...views.keys()]));
    for (const model of [...this.document.roots(), this.document.config]) {
      if (!shown.has(model)) this.document.notify_idle(model);
    }
  }

  /** @param {Mount} mount */
  #rootsFor({ root, rootIndex }) {
    const named = this.document.roots().filter((model) => root === null || model.name === root);
    if (rootIndex === null) return named;
    const first = parseInt(rootIndex, 10);
    return named.slice(first, rootIndex.endsWith("-") ? undefined : first + 1);
  }
}

/**
 * @param {Node} before
 * @param {Node} after
 */
function follows(before, after) {
  return (before.compareDocumentPosition(after) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0;
}

/**
 * The element of ours on the page whose mount this is.
 * @param {HTMLElement} element
 * @returns {Element}
 */
function hostOf(element) {
  const root = element.getRootNode();
  return root instanceof ShadowRoot ? root.host : element;
}
