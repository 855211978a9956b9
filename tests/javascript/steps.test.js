import assert from "node:assert/strict";
import test from "node:test";

import { run } from "../../embedsync/static/embedsync/steps.js";
import { settled } from "./fakes.js";

const always = () => true;

test("work that needs no promise is done at once", () => {
  const outcome = run(
    (function* () {
      return [yield 1, yield null];
    })(),
    always,
  );
  assert.deepEqual(outcome, [1, null]);
});

test("only what comes after a promise is done later", async () => {
  const done = [];
  const outcome = run(
    (function* () {
      done.push(yield "one");
      done.push(yield Promise.resolve("two"));
      done.push(yield "three");
      done.push(yield Promise.resolve("four"));
      return "done";
    })(),
    always,
  );
  assert.deepEqual(done, ["one"]);
  assert.equal(await outcome, "done");
  assert.deepEqual(done, ["one", "two", "three", "four"]);
});

test("what fails fails where it was needed", async () => {
  const caught = [];
  const outcome = run(
    (function* () {
      try {
        yield Promise.reject(new Error("in the wait"));
      } catch (error) {
        caught.push(error.message);
      }
      throw new Error("after it");
    })(),
    always,
  );
  await assert.rejects(outcome, /after it/);
  assert.deepEqual(caught, ["in the wait"]);
});

test("work that nobody needs any more ends where it waits, and tidies up", async () => {
  let isNeeded = true;
  const done = [];
  const outcome = run(
    (function* () {
      try {
        yield Promise.resolve();
        done.push("more");
      } finally {
        done.push("tidied up");
      }
    })(),
    () => isNeeded,
  );
  isNeeded = false;
  await settled();
  assert.equal(await outcome, undefined);
  assert.deepEqual(done, ["tidied up"]);
});
