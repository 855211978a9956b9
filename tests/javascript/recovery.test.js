// When the server has lost a session: what a person had put in is put into the next one.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Journal } from "../../embedsync/static/embedsync/journal.js";
import { OPENED, Page, ROOT, append, set, settled } from "./fakes.js";

const CHILD = { define: "child", attributes: { value: 0 } };

/** A page whose session is gone, and that has just received the next one's document. */
async function reopened(page, { document = ROOT, opened = {}, epoch = "e2" } = {}) {
  page.push({ type: "closed", code: 4101 });
  await settled();
  page.attachment += 1;
  page.push({ ...OPENED, session: "s2", client: "c2", recover: true, ...opened });
  page.push({ type: "snapshot", epoch, seq: 0, cseq: 0, document });
  await settled();
}

async function recovering(document = ROOT) {
  const page = new Page();
  page.session.open();
  page.wire.open();
  page.push({ ...OPENED, recover: true });
  await settled();
  page.push({ type: "snapshot", epoch: "e1", seq: 0, cseq: 0, document });
  return page;
}

/** The server answers all edits that were sent in the present attachment, one by one, until none come. */
async function answerAll(page, respond = () => {}) {
  const answered = [];
  for (let waiting = 1; waiting > 0; ) {
    const edits = page.wire.of("edit").filter(({ attachment, cseq }) => attachment === page.attachment && !answered.includes(cseq));
    waiting = edits.length;
    for (const edit of edits) {
      answered.push(edit.cseq);
      page.result(edit.cseq, page.session.seq + (edit.events.length > 0 ? 1 : 0), { own: edit.events.length > 0 });
      respond(edit);
    }
    await settled();
  }
}

function sentIn(page) {
  return page.wire.of("edit").filter(({ attachment }) => attachment === page.attachment).map(({ events }) => events.map(({ new: value }) => value));
}

test("what a person had put in is put into the next session, with a turn for each", async () => {
  const page = await recovering({ define: "root", attributes: { child: CHILD } });
  page.person((document) => document.put("root", 5));
  page.person((document) => document.put("child", 6));
  await reopened(page, { document: { define: "root", attributes: { child: CHILD } } });
  page.environment.endTask();
  assert.deepEqual(sentIn(page), [[5], []], "the second waits for what comes of the first");
  await answerAll(page);
  assert.deepEqual(sentIn(page), [[5], [], [6], []]);
  assert.deepEqual(page.told.at(-1), ["restored", { inputs: 2, missing: 0 }]);
  assert.deepEqual([page.root.value, page.document.models.get("child").value], [5, 6]);
  assert.equal(page.told.filter(([what]) => what === "rejected").length, 0, "nothing of it was lost");
});

test("an input whose place comes into being by the callback of an earlier one is put in as well", async () => {
  const page = await recovering({ define: "root", attributes: { child: CHILD } });
  page.person((document) => document.put("root", 5));
  page.person((document) => document.put("child", 6));
  await reopened(page);
  page.environment.endTask();
  await answerAll(page, ({ events }) => {
    if (events[0]?.new === 5) page.op(page.session.seq + 1, set("root", "child", CHILD));
  });
  assert.deepEqual(page.told.at(-1), ["restored", { inputs: 2, missing: 0 }]);
  assert.equal(page.document.models.get("child").value, 6);
});

test("an input that has no place any more is told as missing", async () => {
  const page = await recovering({ define: "root", attributes: { child: CHILD } });
  page.person((document) => document.put("child", 6));
  page.person((document) => document.put("root", 5));
  await reopened(page);
  page.environment.endTask();
  await answerAll(page);
  assert.deepEqual(page.told.at(-1), ["restored", { inputs: 2, missing: 1 }]);
  assert.equal(page.root.value, 5);
});

test("only the last value of a property is put in, in the order of the last changes", async () => {
  const page = await recovering({ define: "root", attributes: { child: CHILD } });
  for (const [id, value] of [["root", 1], ["child", 2], ["root", 3]]) page.person((document) => document.put(id, value));
  await reopened(page, { document: { define: "root", attributes: { child: CHILD } } });
  page.environment.endTask();
  await answerAll(page);
  assert.deepEqual(sentIn(page).flat(), [2, 3]);
});

test("what a page script wrote, what was appended and what was clicked is not put in again, and clicks are lost", async () => {
  const page = await recovering();
  page.person((document) => document.set("root", "value", 7));
  page.person((document) => document.append("root", [8]));
  page.person((document) => document.click("root"));
  await reopened(page);
  assert.deepEqual(sentIn(page), []);
  assert.deepEqual(page.told.filter(([what]) => what === "restored"), [["restored", { inputs: 0, missing: 0 }]]);
  assert.deepEqual(page.told.find(([what]) => what === "rejected")[1], { reason: "lost", code: "", edits: 3 });
});

test("where nothing was put in, the person is told of the new session once, and only if nobody has asked for it", async () => {
  const page = await recovering();
  assert.deepEqual(page.told.filter(([what]) => what === "restored"), [], "it is the first one");
  await reopened(page);
  await reopened(page, { opened: { recover: false }, epoch: "e3" });
  const told = ["restored", { inputs: 0, missing: 0 }];
  assert.deepEqual(page.told.filter(([what]) => what === "restored"), [told, told]);
  page.session.startAfresh();
  page.attachment = page.wire.of("open").at(-1).attachment;
  page.push({ ...OPENED, session: "s4", client: "c4", recover: true });
  page.push({ type: "snapshot", epoch: "e4", seq: 0, cseq: 0, document: ROOT });
  await settled();
  assert.deepEqual(page.told.filter(([what]) => what === "restored"), [told, told]);
});

test("what the person changes meanwhile is newer than what is put in again", async () => {
  const page = await recovering({ define: "root", attributes: { child: CHILD } });
  page.person((document) => document.put("root", 5));
  page.person((document) => document.put("child", 6));
  await reopened(page, { document: { define: "root", attributes: { child: CHILD } } });
  page.environment.endTask();
  page.person((document) => document.put("child", 60));
  await answerAll(page);
  assert.equal(page.document.models.get("child").value, 60);
  assert.ok(!sentIn(page).flat().includes(6));
});

test("if the next session is lost as well, the one after it gets everything", async () => {
  const page = await recovering({ define: "root", attributes: { child: CHILD } });
  page.person((document) => document.put("root", 5));
  page.person((document) => document.put("child", 6));
  await reopened(page, { document: { define: "root", attributes: { child: CHILD } } });
  page.environment.endTask();
  page.push({ type: "closed", code: 4101 });
  page.environment.advance(20_000);
  await settled();
  page.attachment = page.wire.of("open").at(-1).attachment;
  page.push({ ...OPENED, session: "s3", client: "c3", recover: true });
  page.push({ type: "snapshot", epoch: "e3", seq: 0, cseq: 0, document: { define: "root", attributes: { child: CHILD } } });
  await settled();
  page.environment.endTask();
  await answerAll(page);
  assert.deepEqual([page.root.value, page.document.models.get("child").value], [5, 6]);
  assert.deepEqual(page.told.filter(([what]) => what === "restored"), [["restored", { inputs: 2, missing: 0 }]]);
});

test("a session that is shared, or whose app does not want it, takes nothing over", async () => {
  const page = await recovering();
  page.person((document) => document.put("root", 5));
  await reopened(page, { opened: { recover: false } });
  assert.deepEqual(sentIn(page), []);
  assert.deepEqual(page.told.at(-1), ["restored", { inputs: 1, missing: 1 }], "which the person is told");
});

test("who starts afresh leaves the session and begins another without what was put in", async () => {
  const page = await recovering();
  page.person((document) => document.put("root", 5));
  await reopened(page);
  page.environment.endTask();
  await answerAll(page);
  page.session.startAfresh();
  assert.equal(page.wire.of("close").length, 1);
  page.attachment = page.wire.of("open").at(-1).attachment;
  page.push({ ...OPENED, session: "s3", client: "c3", recover: true });
  page.push({ type: "snapshot", epoch: "e3", seq: 0, cseq: 0, document: ROOT });
  await settled();
  assert.equal(page.root.value, 1);
  assert.deepEqual(sentIn(page), []);
});

test("within the grace nothing is put in again: the session is still there", async () => {
  const page = await recovering();
  page.person((document) => document.put("root", 5));
  page.result(1, 1, { own: true });
  page.reconnect();
  page.attachment = 1;
  page.push({ ...OPENED, recover: true, seq: 1, cseq: 1, recovered: true });
  await settled();
  assert.deepEqual(page.told.filter(([what]) => what === "restored"), []);
});

test("a journal that is full forgets its oldest inputs, and says how many", () => {
  const journal = new Journal();
  for (let place = 0; place < 1001; place += 1) journal.note({ place, attribute: "value", value: place });
  journal.note({ place: "large", attribute: "value", value: "x".repeat(2_000_000) });
  const { inputs, forgotten } = journal.take();
  assert.deepEqual([inputs.length, forgotten], [0, 1002]);
  assert.ok(journal.isEmpty);
});
