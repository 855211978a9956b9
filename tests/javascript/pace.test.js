import assert from "node:assert/strict";
import { test } from "node:test";

import { Pace } from "../../embedsync/static/embedsync/pace.js";

test("without a limit nothing waits", () => {
  const pace = new Pace();
  for (let count = 0; count < 10_000; count += 1) assert.equal(pace.take(0), 0);
  pace.begin(0, 0);
  assert.equal(pace.take(0), 0);
});

test("as many as come in a second go at once, and then one each time that it is due", () => {
  const pace = new Pace();
  pace.begin(4, 1000);
  assert.deepEqual([1, 2, 3, 4].map(() => pace.take(1000)), [0, 0, 0, 0]);
  assert.equal(pace.take(1000), 250);
  assert.equal(pace.take(1249), 1);
  assert.equal(pace.take(1250), 0);
  assert.equal(pace.take(1250), 250);
});

test("what was not used is kept for a second and no longer", () => {
  const pace = new Pace();
  pace.begin(2, 0);
  pace.take(0);
  assert.deepEqual([1, 2, 3].map(() => pace.take(1_000_000)), [0, 0, 500]);
});

test("to hear the same limit again, as each document of a page does, gives nothing back", () => {
  const pace = new Pace();
  pace.begin(1, 0);
  assert.equal(pace.take(0), 0);
  pace.begin(1, 0);
  assert.equal(pace.take(0), 1000);
});

test("a clock that was set back stops nothing for good", () => {
  const pace = new Pace();
  pace.begin(1, 1_000_000);
  pace.take(1_000_000);
  assert.equal(pace.take(0), 1000);
  assert.equal(pace.take(1000), 0);
});
