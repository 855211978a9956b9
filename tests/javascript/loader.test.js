// What documents need is loaded by the kind of file that it is.

import assert from "node:assert/strict";
import { before, test } from "node:test";

import { load } from "../../embedsync/static/embedsync/loader.js";

/** @type {any[]} */
const added = [];

before(() => {
  /** @type {any} */ (globalThis).location = { href: "https://site.example/page" };
  /** @type {any} */ (globalThis).document = {
    scripts: [],
    createElement: (/** @type {string} */ tag) => ({ tag, remove() {} }),
    head: { append: (/** @type {any} */ element) => added.push(element) },
  };
});

test("scripts, modules and style sheets are inserted, and waited for", async () => {
  const urls = ["/a.js", "/b.css?v=1", "/c.mjs#module"].map((path) => `https://site.example${path}`);
  const loading = load(urls);
  const [script, sheet, module] = added.splice(0);
  assert.deepEqual([script.tag, script.src, script.type, script.async], ["script", urls[0], undefined, false]);
  assert.deepEqual([sheet.tag, sheet.rel, sheet.href], ["link", "stylesheet", urls[1]]);
  assert.deepEqual([module.tag, module.src, module.type], ["script", urls[2], "module"]);
  for (const each of [script, sheet, module]) each.onload();
  await loading;
  await load(urls);
  assert.equal(added.length, 0);
});

test("a script that cannot be loaded is an error, and is tried again; a style sheet is told to the console", async (context) => {
  const warn = context.mock.method(console, "warn", () => {});
  const script = load(["https://site.example/missing.js"]);
  added.splice(0)[0].onerror();
  await assert.rejects(script, /cannot load https:\/\/site.example\/missing.js/);
  const sheet = load(["https://site.example/missing.css"]);
  added.splice(0)[0].onerror();
  await sheet;
  assert.equal(warn.mock.callCount(), 1);
  const again = load(["https://site.example/missing.js"]);
  added.splice(0)[0].onload();
  await again;
});
