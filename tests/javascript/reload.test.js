// A page of another version loads itself again, and knows when to stop.

import assert from "node:assert/strict";
import { test } from "node:test";

import { mayReload } from "../../embedsync/static/embedsync/reload.js";

function storage() {
  const kept = new Map();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
}

test("a page of one version loads itself again once, however many apps ask for it", () => {
  const tab = storage();
  assert.deepEqual([1, 2, 3].map(() => mayReload("a1", () => tab)), [true, false, false]);
  assert.equal(mayReload("b2", () => tab), true);
});

test("after ten versions a tab stops to load itself again", () => {
  const tab = storage();
  const versions = Array.from({ length: 12 }, (_, number) => `v${number}`);
  assert.equal(versions.filter((each) => mayReload(each, () => tab)).length, 10);
});

test("where nothing can be remembered nothing is loaded again", () => {
  const forbidden = () => {
    throw new Error("the browser forbids storage");
  };
  assert.equal(mayReload("a1", forbidden), false);
});
