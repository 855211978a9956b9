import assert from "node:assert/strict";
import test from "node:test";

import { watchBuilding } from "../../embedsync/static/embedsync/documents/building.js";

/** Views that are built as BokehJS does it: one after the other, each in some steps. */
function builders(steps = 10) {
  const module = {
    async build_view(model, options = {}, viewOf = (each) => each.default_view) {
      const view = new (viewOf(model))();
      for (let step = 0; step < steps; step += 1) await null;
      if (model.breaks) throw new Error("this one breaks");
      await model.fetches;
      return view;
    },
    async build_views(storage, models, options = {}, viewOf = (each) => each.default_view) {
      for (const model of models) storage.set(model, await module.build_view(model, options, viewOf));
      return { created: [...storage.values()] };
    },
  };
  return module;
}

class View {}
const models = (count, more = {}) => Array.from({ length: count }, () => ({ default_view: View, ...more }));

/** Whether something ends before the next task. */
async function endsWithinTheTask(promise) {
  let hasTaskBegun = false;
  setImmediate(() => (hasTaskBegun = true));
  await promise;
  return !hasTaskBegun;
}

test("it is known whether something makes views be built", async () => {
  const module = builders();
  const building = watchBuilding(module);
  assert.equal(building.isSetOffBy(() => {}), false);
  assert.equal(building.isSetOffBy(() => void module.build_views(new Map(), [])), true);
  assert.equal(building.isSetOffBy(() => void module.build_view(models(1)[0])), true);
  await building.end();
  assert.equal(building.isSetOffBy(() => {}), false);
});

test("the end has come when all views are there and what is done with them is done, within the present task", async () => {
  const module = builders();
  const building = watchBuilding(module);
  const storage = new Map();
  const done = [];
  void module.build_views(storage, models(500)).then(async ({ created }) => {
    done.push(`shows ${created.length}`);
    await module.build_views(storage, models(10));
    done.push(`shows ${storage.size}`);
  });
  assert.equal(await endsWithinTheTask(building.end()), true);
  assert.deepEqual(done, ["shows 500", "shows 510"]);
});

test("a view that takes many steps is waited for although others take few", async () => {
  const module = builders(900);
  const building = watchBuilding(module);
  const storage = new Map();
  void module.build_views(storage, models(5));
  await building.end();
  assert.equal(storage.size, 5);
});

test("a view that waits for something from outside, or for ever, keeps nothing waiting", async () => {
  const module = builders();
  const building = watchBuilding(module);
  const storage = new Map();
  void module.build_views(storage, models(1, { fetches: new Promise(() => {}) }));
  assert.equal(await endsWithinTheTask(building.end()), true);
  assert.equal(storage.size, 0);
  assert.equal(building.isSetOffBy(() => {}), false);
});

test("a view that cannot be built fails for whoever builds it, and ends the wait", async () => {
  const module = builders();
  const building = watchBuilding(module);
  const failed = assert.rejects(module.build_views(new Map(), models(1, { breaks: true })), /this one breaks/);
  await building.end();
  await failed;
});

test("who builds views says which view a model gets", async () => {
  class OtherView {}
  const module = builders();
  watchBuilding(module);
  const [model] = models(1);
  assert.ok((await module.build_view(model)) instanceof View);
  assert.ok((await module.build_view(model, {}, () => OtherView)) instanceof OtherView);
});

test("one BokehJS is watched once, however many documents ask for it", () => {
  const module = builders();
  const building = watchBuilding(module);
  const { build_view: once } = module;
  assert.equal(watchBuilding(module), building);
  assert.equal(module.build_view, once);
});
