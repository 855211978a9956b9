// BokehJS writes its styles into <style> elements, which pages with a strict policy for styles forbid. Each
// of these elements is made another one here, which adopts a constructed style sheet where it stands, for as
// long as it stands there: that is allowed wherever the script is.

const TAG = "embedsync-style";

/**
 * What BokehJS paints white, whatever the page's `color-scheme`, and whose text it leaves to that: in a dark page it would
 * be white, too. By a part of the style sheet that paints it; rules for it that an app brings come later, and count.
 */
const READABLE = [
  [
    ".slick-row{",
    ".slick-row{color:var(--embedsync-table-text,light-dark(currentcolor,#222));}" +
      ".slick-cell.editable{color-scheme:var(--embedsync-input-scheme,light);}",
  ],
  [
    ".slick-header.ui-state-default{border-top:none;background-color:white;", // From Bokeh 3.10 on.
    ".slick-header{color:var(--embedsync-table-text,light-dark(currentcolor,#222));}",
  ],
  [".bk-input{", ".bk-input{color-scheme:var(--embedsync-input-scheme,light);}"],
];

/** The elements of each root, in the order in which they stand there. @type {WeakMap<Document | ShadowRoot, BokehStyle[]>} */
const placed = new WeakMap();

/**
 * Sheets by their text: most views have the same. @type {Map<string, WeakRef<CSSStyleSheet>>}
 */
const shared = new Map();

/** @type {FinalizationRegistry<string> | undefined} */
let unused;

/** Scripts that are about to run. @type {Set<unknown>} */
const awaited = new Set();

/**
 * Let a BokehJS make such elements. Where a browser cannot, all stays as it is.
 * @param {any} dom its module of that name
 */
export function adoptStyles(dom) {
  if (!isPossible() || dom?.style === undefined || dom.style.adopts === true) return;
  const original = dom.style;
  /** @param {unknown[]} content */
  const style = (...content) => (content.length > 0 ? original(...content) : makeStyle());
  style.adopts = true;
  dom.style = style;
}

/**
 * Let a script make such elements while it runs for the first time: BokehJS makes some before anybody can reach
 * its modules.
 * @param {HTMLElement} script one that will be inserted
 * @returns {() => void} to be called when it has run
 */
export function adoptStylesOf(script) {
  if (!isPossible()) return () => {};
  const original = document.createElement;
  const hadOwn = Object.hasOwn(document, "createElement");
  /**
   * @param {string} name
   * @param {ElementCreationOptions} [options]
   */
  const create = (name, options) => {
    const isIts = name === "style" && awaited.has(document.currentScript);
    return isIts ? makeStyle() : original.call(document, name, options);
  };
  if (awaited.size === 0) {
    document.createElement = /** @type {typeof document.createElement} */ (create);
    restore = () => {
      // Somebody else may have put another one there meanwhile, which calls this one.
      if (document.createElement !== create) return;
      if (hadOwn) document.createElement = original;
      else Reflect.deleteProperty(document, "createElement");
    };
  }
  awaited.add(script);
  return () => {
    awaited.delete(script);
    if (awaited.size === 0) restore();
  };
}

let restore = () => {};

function isPossible() {
  return typeof customElements === "object" && typeof CSSStyleSheet === "function" && "replaceSync" in CSSStyleSheet.prototype;
}

/** @returns {HTMLElement} */
function makeStyle() {
  if (customElements.get(TAG) === undefined) customElements.define(TAG, BokehStyle);
  const element = document.createElement(TAG);
  element.style.setProperty("display", "none", "important");
  return element;
}

/** Stands where a <style> element would. */
class BokehStyle extends (typeof HTMLElement === "function" ? HTMLElement : /** @type {typeof HTMLElement} */ (Object)) {
  #text = "";
  /** A sheet of its own, once the text has changed while it was in use. @type {CSSStyleSheet | null} */
  #own = null;
  /** What it has put into its root. @type {CSSStyleSheet | null} */
  #adopted = null;
  /** @type {Document | ShadowRoot | null} */
  #root = null;

  /** The style sheet that is in force; `null` while the element stands nowhere. */
  get sheet() {
    return this.#adopted;
  }

  /** @override */
  get textContent() {
    return this.#text;
  }

  /** @override */
  set textContent(css) {
    const text = css ?? "";
    if (text === this.#text) return;
    this.#text = text;
    if (this.#root === null) {
      this.#own = null;
    } else if (importsOthers(text) || this.#adopted === null) {
      this.#leave();
      this.#own = null;
      this.#enter();
    } else if (this.#own !== null) {
      this.#own.replaceSync(text);
    } else {
      const foreign = foreignSheets(this.#root);
      this.#adopted = this.#own = made(text);
      readopt(this.#root, foreign);
    }
  }

  connectedCallback() {
    this.#enter();
  }

  disconnectedCallback() {
    this.#leave();
  }

  #enter() {
    const root = this.getRootNode();
    if (!(root instanceof Document || root instanceof ShadowRoot)) return;
    this.#root = root;
    if (importsOthers(this.#text)) {
      // Constructed sheets import nothing. What a policy says of this element is the app's concern.
      const element = document.createElement("style");
      element.textContent = this.#text;
      this.replaceChildren(element);
      return;
    }
    this.replaceChildren();
    this.#adopted = this.#own ?? sharedSheet(this.#text);
    const there = placed.get(root) ?? [];
    placed.set(root, there);
    const last = there[there.length - 1];
    const isLast = last === undefined || (last.compareDocumentPosition(this) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0;
    if (isLast) {
      there.push(this);
      root.adoptedStyleSheets.push(this.#adopted);
    } else {
      const before = there.findIndex((each) => this.compareDocumentPosition(each) & Node.DOCUMENT_POSITION_FOLLOWING);
      const foreign = foreignSheets(root);
      there.splice(before, 0, this);
      readopt(root, foreign);
    }
  }

  #leave() {
    const root = this.#root;
    this.#root = null;
    if (root === null || this.#adopted === null) return;
    const foreign = foreignSheets(root);
    const there = placed.get(root) ?? [];
    there.splice(there.indexOf(this), 1);
    this.#adopted = null;
    readopt(root, foreign);
  }
}

/**
 * Sheets that somebody else has put into a root.
 * @param {Document | ShadowRoot} root
 */
function foreignSheets(root) {
  const ours = new Set((placed.get(root) ?? []).map((each) => each.sheet));
  return root.adoptedStyleSheets.filter((each) => !ours.has(each));
}

/**
 * @param {Document | ShadowRoot} root
 * @param {CSSStyleSheet[]} foreign what else is there
 */
function readopt(root, foreign) {
  const ours = (placed.get(root) ?? []).flatMap((each) => (each.sheet === null ? [] : [each.sheet]));
  root.adoptedStyleSheets = [...foreign, ...ours];
}

/** @param {string} text */
function importsOthers(text) {
  return text.includes("@import");
}

/** @param {string} text */
function made(text) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`${text}${READABLE.filter(([part]) => text.includes(part)).map(([, rules]) => rules).join("")}`);
  return sheet;
}

/** @param {string} text */
function sharedSheet(text) {
  const known = shared.get(text)?.deref();
  if (known !== undefined) return known;
  const sheet = made(text);
  shared.set(text, new WeakRef(sheet));
  unused ??= new FinalizationRegistry((key) => {
    if (shared.get(key)?.deref() === undefined) shared.delete(key);
  });
  unused.register(sheet, text);
  return sheet;
}
