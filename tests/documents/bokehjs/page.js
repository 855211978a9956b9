// Just enough of a page for BokehJS to load in Node. Nothing is ever drawn.

import { readFileSync } from "node:fs";
import { runInThisContext } from "node:vm";

/** Takes whatever is done with it, and gives itself. */
const anything = new Proxy(function () {}, {
  get: (_, name) => (name === Symbol.toPrimitive ? () => 0 : name === "then" ? undefined : anything),
  set: () => true,
  apply: () => anything,
  construct: () => anything,
});

class Node extends EventTarget {}
class Element extends Node {
  style = {};
  classList = anything;
  getContext = () => anything;
  attachShadow = () => new ShadowRoot();
  setAttribute() {}
  append() {}
  appendChild(child) {
    return child;
  }
}
class ShadowRoot extends Element {}
class Observer {
  observe() {}
  disconnect() {}
}

const document = Object.assign(new Element(), {
  readyState: "complete",
  documentElement: new Element(),
  head: new Element(),
  body: new Element(),
  createElement: () => new Element(),
  createElementNS: () => new Element(),
  createTextNode: () => new Node(),
  createDocumentFragment: () => new Element(),
  querySelectorAll: () => [],
});

const page = {
  window: globalThis,
  document,
  Node,
  Element,
  HTMLElement: Element,
  ShadowRoot,
  CSSStyleSheet: anything,
  DOMParser: anything,
  ResizeObserver: Observer,
  MutationObserver: Observer,
  NodeList: Array,
  HTMLCollection: Array,
  navigator: { userAgent: "", platform: "" },
  location: { href: "http://here/", origin: "http://here" },
  devicePixelRatio: 1,
  matchMedia: () => anything,
  addEventListener() {},
  requestAnimationFrame: (call) => setTimeout(call, 0),
};
// Defined rather than assigned: newer versions of Node have some of it themselves, for reading only.
for (const [name, value] of Object.entries(page)) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}

/**
 * Run scripts as a page does.
 * @param {string[]} paths
 */
export function load(paths) {
  for (const path of paths) runInThisContext(readFileSync(path, "utf-8"), { filename: path });
}
