// An op whose changes have to wait for one another, as BokehJS's do while it builds views: nothing comes between them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Page, ROOT, set, settled } from "./fakes.js";

const CHILD = { define: "n1", attributes: { value: 5 } };
const NEW_CHILD = set("root", "child", CHILD);

/** A live page whose document builds a view for each child, until it is told that the view is there. */
async function building(document = ROOT) {
  const page = await Page.live(document);
  let isThere = { resolve: () => {}, reject: () => {} };
  page.document.building = () => new Promise((resolve, reject) => (isThere = { resolve, reject }));
  const end = async (how) => {
    how();
    await settled();
    page.environment.endTask();
  };
  return { page, built: () => end(() => isThere.resolve()), broken: (error) => end(() => isThere.reject(error)) };
}

const shown = (page) => [page.root.child, page.root.value, page.session.seq];

test("later ops come after the last change of an op that waits, in order", async () => {
  const { page, built } = await building();
  page.op(1, NEW_CHILD, set("root", "value", 2));
  page.op(2, set("root", "value", 3), set("n1", "value", 6));
  page.op(3, set("n1", "value", 7));
  assert.deepEqual(shown(page), ["n1", 1, 1]);
  await built();
  assert.deepEqual([...shown(page), page.document.models.get("n1").value], ["n1", 3, 3, 7]);
  assert.deepEqual([page.wire.of("resync"), page.environment.reports], [[], []]);
});

test("what an op that waits lists as gone is forgotten when all of it is made", async () => {
  const { page, built } = await building({ define: "root", attributes: { value: 1, items: [], child: CHILD } });
  page.push({ type: "op", from: 0, seq: 1, events: [set("root", "child", null), set("n1", "value", 2)], gone: ["n1"] });
  assert.equal(page.document.models.has("n1"), true);
  await built();
  assert.deepEqual([page.document.models.has("n1"), page.wire.of("resync"), page.environment.reports], [false, [], []]);
});

test("a snapshot comes after an op that waits, and waits itself before it is shown as live", async () => {
  const { page, built } = await building();
  page.op(1, NEW_CHILD, set("root", "value", 2));
  const other = { define: "n2", attributes: { value: 8 } };
  const document = { define: "root", attributes: { value: 4, items: [1], child: other } };
  page.push({ type: "snapshot", epoch: "e1", seq: 5, cseq: 0, document });
  page.op(6, set("n2", "value", 9));
  assert.deepEqual(shown(page), ["n1", 1, 1]);
  await built();
  assert.deepEqual(shown(page), ["n2", 4, 5]);
  assert.equal(page.document.models.get("n2").value, 8);
  await built();
  assert.deepEqual([page.document.models.get("n2").value, page.session.seq, page.document.replaced], [9, 6, 1]);
  assert.deepEqual([page.wire.of("resync"), page.environment.reports], [[], []]);
});

test("what page scripts do in the midst of an op is one edit, sent when the op is made", async () => {
  const { page, built } = await building();
  page.document.script = ({ attr, new: value }) => {
    if (attr === "child") page.document.set("root", "echo", 1);
    if (attr === "value" && value === 2) page.document.set("root", "items", [9]);
  };
  page.op(1, NEW_CHILD, set("root", "value", 2));
  assert.deepEqual(page.edits, []);
  await built();
  assert.deepEqual(page.edits, [[1, 1, [9]]]);
});

test("what is put in in the midst of an op is neither lost nor overwritten by the rest of the op", async () => {
  const { page, built } = await building();
  page.op(1, NEW_CHILD, set("root", "value", 2));
  page.person((document) => document.put("root", 7));
  assert.deepEqual([page.root.value, page.edits], [7, []]);
  await built();
  assert.deepEqual([page.root.value, page.edits], [7, [[1, 7]]]);
  page.result(1, 1, { commit: false, code: "refused", values: [set("root", "value", 2)] });
  assert.deepEqual([page.root.value, page.wire.of("resync")], [2, []]);
});

test("an answer that brings a child waits before it lets the next edit go", async () => {
  const { page, built } = await building({ define: "root", attributes: { value: 1, items: [], child: CHILD } });
  for (const value of [2, 3, 4]) page.person((document) => (value === 2 ? document.refer("root", null) : document.put("root", value)));
  assert.deepEqual(page.edits, [[1, "set"], [2, 3]]);
  page.push({ type: "result", cseq: 1, seq: 0, own: false, commit: false, code: "refused", values: [NEW_CHILD] });
  page.push({ type: "result", cseq: 2, seq: 1, own: true, commit: true, previous: 1 });
  assert.deepEqual([page.root.child, page.edits.length, page.session.seq], ["n1", 2, 0]);
  await built();
  assert.deepEqual([page.edits, page.session.seq], [[[1, "set"], [2, 3], [3, 4]], 1]);
});

for (const breaks of ["the wait", "the change after it"]) {
  test(`where ${breaks} fails the replica is poisoned, and the snapshot heals it in place`, async () => {
    const { page, built, broken } = await building();
    page.op(1, NEW_CHILD, set("root", "value", 2));
    page.op(2, set("root", "value", 3));
    if (breaks === "the wait") {
      await broken(new Error("a view breaks"));
    } else {
      page.document.broken.add("root");
      await built();
    }
    assert.deepEqual([page.root.value, page.wire.of("resync").length, page.environment.reports.length], [1, 1, 1]);
    const document = { define: "root", attributes: { value: 3, items: [1], child: { ref: "n1" } } };
    page.push({ type: "snapshot", epoch: "e1", seq: 2, cseq: 0, document });
    await built();
    assert.deepEqual([...shown(page), page.document.replaced], ["n1", 3, 2, 1]);
  });
}

test("a session that is closed while an op waits makes no more of it, and reports nothing", async () => {
  const { page, built } = await building();
  page.op(1, NEW_CHILD, set("root", "value", 2));
  page.session.close();
  await built();
  assert.deepEqual([page.root.value, page.document.disposed, page.environment.reports], [1, true, []]);
  assert.deepEqual(page.wire.of("resync"), []);
});

test("an op that waits while the socket is lost is made all the same, and the session goes on after it", async () => {
  const { page, built } = await building();
  page.op(1, NEW_CHILD, set("root", "value", 2));
  page.reconnect();
  assert.deepEqual(page.wire.of("open").map(({ resume }) => resume.seq), [1]);
  await built();
  assert.deepEqual(shown(page), ["n1", 2, 1]);
});
