import assert from "node:assert/strict";
import { test } from "node:test";

import { backoff } from "../../embedsync/static/embedsync/backoff.js";

const LAST = 1 - 2 ** -53;

test("the first pause is a quarter of a second", () => {
  assert.equal(backoff(0, 0), 250);
  assert.equal(backoff(0, LAST), 250);
});

test("the bound doubles up to 20 seconds", () => {
  assert.deepEqual([1, 2, 6, 7, 1000].map((tries) => backoff(tries, LAST)), [500, 1000, 16_000, 20_000, 20_000]);
});

test("pauses are spread over the whole range", () => {
  assert.equal(backoff(10, 0.5), 10_000);
  assert.equal(backoff(10, 0), 250);
});

test("a hidden page may wait for five minutes", () => {
  assert.equal(backoff(100, LAST, true), 300_000);
});
