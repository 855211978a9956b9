// The promises of a replica, driven by frames as a server would send them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CLOSE } from "../../embedsync/static/embedsync/constants.js";
import { OPENED, Page, ROOT, append, set, settled } from "./fakes.js";

const CHILD = { define: "n1", attributes: { value: 5 } };

test("a session opens by its ticket, shows the snapshot and is live", async () => {
  const page = await Page.live();
  assert.deepEqual(page.wire.sent[0], { attachment: 1, type: "open", protocol: 1, build: "b", ticket: "ticket" });
  assert.deepEqual(page.told, [["shown"], ["state", "live"]]);
  assert.equal(page.root.value, 1);
});

test("scripts are loaded before what needs them is decoded, and frames keep their order", async () => {
  const page = await Page.live();
  let done = () => {};
  page.load = () => new Promise((resolve) => (done = resolve));
  page.push({ type: "op", from: 0, seq: 1, events: [set("root", "value", 2)], scripts: ["bokeh/x.js"] });
  page.op(2, set("root", "value", 3));
  assert.deepEqual([page.root.value, page.loads], [1, ["bokeh/x.js"]]);
  done();
  await settled();
  assert.deepEqual([page.root.value, page.session.seq], [3, 2]);
});

test("a script that does not load is tried again on a new attachment", async () => {
  const page = await Page.live();
  page.load = () => Promise.reject(new Error("404"));
  page.push({ type: "op", from: 0, seq: 1, events: [], scripts: ["bokeh/x.js"] });
  await settled();
  assert.equal(page.session.state, "waiting");
  page.environment.advance(20_000);
  assert.deepEqual(page.wire.of("open").map(({ attachment, resume }) => [attachment, resume?.seq]), [[1, undefined], [2, 0]]);
});

for (const [outcome, comes] of [["comes", true], ["does not come", false]]) {
  test(`a script that ${outcome} after the socket was lost is no affair of the next socket`, async () => {
    const page = await Page.live();
    let answer = { comes: () => {}, fails: () => {} };
    page.load = () => new Promise((resolve, reject) => (answer = { comes: resolve, fails: reject }));
    page.push({ type: "op", from: 0, seq: 1, events: [set("root", "value", 2)], scripts: ["bokeh/x.js"] });
    page.wire.drop(1006);
    page.environment.advance(20_000);
    page.wire.open();
    if (comes) answer.comes();
    else answer.fails(new Error("404"));
    await settled();
    page.push({ ...OPENED, recovered: true });
    page.op(1, set("root", "value", 2));
    assert.deepEqual([page.root.value, page.session.seq, page.session.state], [2, 1, "live"]);
    assert.deepEqual([page.wire.of("resync"), page.wire.of("open").length], [[], 1]);
  });
}

// Ops

test("ops are applied in order", async () => {
  const page = await Page.live();
  page.op(1, set("root", "value", 2), append("root", 2));
  page.op(2, set("root", "value", 3));
  assert.deepEqual([page.root.value, page.root.items, page.session.seq], [3, [1, 2], 2]);
});

test("an op that came before is dropped", async () => {
  const page = await Page.live();
  page.op(1, append("root", 2));
  page.op(1, append("root", 2));
  assert.deepEqual([page.root.items, page.wire.of("resync")], [[1, 2], []]);
});

test("a gap asks for a snapshot and applies nothing until it comes", async () => {
  const page = await Page.live();
  page.op(2, set("root", "value", 9));
  page.op(3, set("root", "value", 9));
  assert.equal(page.root.value, 1);
  assert.deepEqual(page.wire.of("resync").map(({ epoch, seq }) => [epoch, seq]), [["e1", 0]]);
  page.push({ type: "snapshot", epoch: "e1", seq: 3, cseq: 0, document: { ...ROOT, attributes: { value: 9 } } });
  page.op(4, set("root", "value", 10));
  assert.deepEqual([page.root.value, page.session.seq, page.document.replaced], [10, 4, 1]);
});

test("a position in a ping that was never reached asks for a snapshot", async () => {
  const page = await Page.live();
  page.wire.push(0, { type: "ping", positions: { 1: 0, 7: 99 } });
  assert.equal(page.wire.of("resync").length, 0);
  page.wire.push(0, { type: "ping", positions: { 1: 1 } });
  assert.equal(page.wire.of("resync").length, 1);
  assert.equal(page.wire.of("pong").length, 2);
});

test("an exception while applying poisons the replica, and the snapshot heals it in place", async () => {
  const page = await Page.live();
  page.document.broken.add("root");
  page.op(1, set("root", "value", 2));
  page.op(2, set("root", "value", 3));
  assert.deepEqual([page.root.value, page.wire.of("resync").length, page.environment.reports.length], [1, 1, 1]);
  page.push({ type: "snapshot", epoch: "e1", seq: 2, cseq: 0, document: { ...ROOT, attributes: { value: 3 } } });
  assert.deepEqual([page.root.value, page.document.replaced, page.session.state], [3, 1, "live"]);
});

test("a document that comes before the server has said who we are is not shown, and asked for again", async () => {
  const page = await Page.live();
  page.push({ type: "closed", code: 4101 });
  await settled();
  page.attachment = 2;
  page.push({ type: "snapshot", epoch: "e2", seq: 0, cseq: 0, document: ROOT });
  page.person((document) => document.set("root", "value", 2));
  assert.deepEqual([page.document.replaced, page.edits, page.wire.of("resync").length], [1, [], 1]);
  page.push({ ...OPENED, session: "s2", client: "c2", epoch: "e2" });
  page.push({ type: "snapshot", epoch: "e2", seq: 0, cseq: 0, document: ROOT });
  page.person((document) => document.set("root", "value", 3));
  assert.deepEqual([page.root.value, page.edits], [3, [[1, 3]]]);
});

test("a poisoned replica asks again where the snapshot comes before the server has said who we are", async () => {
  const page = await Page.live();
  page.op(2, set("root", "value", 9));
  page.wire.drop();
  page.environment.advance(20_000);
  page.wire.open();
  const snapshot = { type: "snapshot", epoch: "e1", seq: 2, cseq: 0, document: { ...ROOT, attributes: { value: 9 } } };
  page.push(snapshot);
  page.push(OPENED);
  assert.deepEqual([page.wire.of("resync").length, page.session.state], [1, "waiting"]);
  page.push(snapshot);
  assert.deepEqual([page.root.value, page.session.state], [9, "live"]);
});

test("a snapshot that cannot be reconciled is followed by one that replaces", async () => {
  const page = await Page.live();
  page.op(5);
  page.document.broken.add("root");
  page.push({ type: "snapshot", epoch: "e1", seq: 5, cseq: 0, document: ROOT });
  assert.equal(page.wire.of("resync").length, 2);
  page.push({ type: "snapshot", epoch: "e1", seq: 5, cseq: 0, document: ROOT });
  assert.deepEqual([page.document.replaced, page.session.state], [2, "live"]);
});

test("a document that can never be shown stops the replica and says why", async () => {
  const page = await Page.live();
  page.op(5);
  page.document.reconcile = page.document.replace = () => assert.fail("no");
  page.push({ type: "snapshot", epoch: "e1", seq: 5, cseq: 0, document: ROOT });
  page.push({ type: "snapshot", epoch: "e1", seq: 5, cseq: 0, document: ROOT });
  assert.equal(page.session.state, "stopped");
  assert.equal(page.told.at(-1)[1].code, 1011);
});

test("a poisoned replica whose socket is lost resumes at no position", async () => {
  const page = await Page.live();
  page.op(5);
  page.reconnect();
  assert.equal(page.wire.of("open")[0].resume.epoch, "");
});

test("what a page script does in consequence of an op is an edit", async () => {
  const page = await Page.live();
  page.document.script = ({ attr }) => attr === "value" && page.document.set("root", "echo", 4);
  page.op(1, set("root", "value", 2));
  assert.deepEqual(page.wire.of("edit").map(({ base, events }) => [base, events]), [[1, [set("root", "echo", 4)]]]);
});

test("what a page script writes in consequence of an op is not overwritten by the rest of it", async () => {
  const page = await Page.live();
  page.document.script = ({ attr, new: value }) => attr === "value" && value === 2 && page.document.set("root", "echo", 4);
  page.op(1, set("root", "value", 2), set("root", "echo", 3));
  assert.equal(page.root.echo, 4);
  page.result(1, 2, { own: true });
  assert.equal(page.root.echo, 4);
});

test("what a page script appends in consequence of an op asks for the whole value if the op changes it too", async () => {
  const page = await Page.live();
  page.document.script = ({ attr }) => attr === "value" && page.document.append("root", [8]);
  page.op(1, set("root", "value", 2), set("root", "items", [7]));
  assert.deepEqual(page.wire.of("edit").map(({ whole }) => whole), [true]);
  page.result(1, 2, { own: true, values: [set("root", "items", [7, 8])] });
  assert.deepEqual(page.root.items, [7, 8]);
});

test("what a page script writes in consequence of a snapshot is not overwritten by the rest of it", async () => {
  const page = await Page.live();
  page.op(9);
  page.document.script = ({ attr }) => attr === "value" && page.document.set("root", "echo", 4);
  page.push({ type: "snapshot", epoch: "e1", seq: 9, cseq: 0, document: { ...ROOT, attributes: { value: 2, echo: 3 } } });
  assert.equal(page.root.echo, 4);
  assert.deepEqual(page.wire.of("edit").map(({ events }) => events), [[set("root", "echo", 4)]]);
});

// Edits and results

test("an edit carries number, base and epoch; one task is one edit", async () => {
  const page = await Page.live();
  page.op(1, set("root", "echo", 2));
  page.person((document) => {
    document.set("root", "value", 2);
    document.append("root", [7]);
  });
  const [edit] = page.wire.of("edit");
  assert.deepEqual(edit, {
    attachment: 1, type: "edit", cseq: 1, base: 1, epoch: "e1", events: [set("root", "value", 2), append("root", 7)],
  });
});

test("a commit drops what was held up to it and applies what came after", async () => {
  const page = await Page.live();
  page.person((document) => document.set("root", "value", 50));
  page.op(1, set("root", "value", 2));
  assert.equal(page.root.value, 50);
  page.op(2, set("root", "echo", 9));
  assert.equal(page.root.echo, 9);
  page.result(1, 3, { own: true });
  assert.deepEqual([page.root.value, page.session.seq], [50, 3]);
  page.op(4, set("root", "value", 4));
  assert.equal(page.root.value, 4);
});

test("what comes above the commit of one edit stays held by the next, and is applied after it", async () => {
  const page = await Page.live();
  page.person((document) => document.set("root", "value", 50));
  page.person((document) => document.set("root", "value", 60));
  page.op(1, set("root", "value", 2));
  page.result(1, 2, { own: true });
  page.op(3, set("root", "value", 3));
  assert.equal(page.root.value, 60);
  page.op(4, set("root", "echo", 1));
  page.result(2, 2);
  assert.equal(page.root.value, 3);
});

test("a refusal puts the true values in place, then what was held after them", async () => {
  const page = await Page.live();
  page.person((document) => document.set("root", "value", -1));
  page.op(1, set("root", "value", 2));
  page.result(1, 1, { commit: false, code: "bad-value", values: [set("root", "value", 2)] });
  assert.equal(page.root.value, 2);
  assert.deepEqual(page.told.at(-1), ["rejected", { reason: "refused", code: "bad-value", edits: 1 }]);
});

test("a refusal is told once, whether a snapshot came before it or it came again", async () => {
  const page = await Page.live();
  page.person((document) => document.set("root", "value", 50));
  page.person((document) => document.set("root", "value", 60));
  page.op(9);
  page.result(1, 0, { commit: false, code: "bad-value" });
  page.push({ type: "snapshot", epoch: "e1", seq: 9, cseq: 2, document: ROOT });
  page.result(2, 0, { commit: false, code: "bad-value" });
  page.reconnect();
  page.push({ ...OPENED, seq: 9, cseq: 2, recovered: true });
  page.result(2, 0, { commit: false, code: "bad-value" });
  assert.deepEqual(
    page.told.filter(([what]) => what === "rejected").map(([, { reason, edits }]) => [reason, edits]),
    [["refused", 1], ["refused", 1]],
  );
});

test("what a snapshot accounts for is not acknowledged before its answer came", async () => {
  const page = await Page.live();
  page.person((document) => document.set("root", "value", 50));
  page.op(9);
  page.push({ type: "snapshot", epoch: "e1", seq: 9, cseq: 1, document: ROOT });
  page.environment.advance(1000);
  assert.deepEqual(page.wire.of("ack").at(-1), { attachment: 1, type: "ack", seq: 9, cseq: 0 });
  page.result(1, 8, { own: true });
  page.environment.advance(1000);
  assert.deepEqual(page.wire.of("ack").at(-1), { attachment: 1, type: "ack", seq: 9, cseq: 1 });
});

test("values that come while another edit is pending wait for it", async () => {
  const page = await Page.live();
  page.person((document) => document.set("root", "value", 99));
  page.person((document) => document.set("root", "value", 98));
  page.result(1, 1, { own: true, values: [set("root", "value", 10)] });
  assert.equal(page.root.value, 98);
  page.result(2, 1, { commit: false, values: [set("root", "value", 10)] });
  assert.equal(page.root.value, 10);
});

test("a delta that met a write of the server ends with the server's value", async () => {
  const page = await Page.live();
  page.person((document) => document.append("root", [7]));
  page.op(1, set("root", "items", [5]));
  assert.deepEqual(page.root.items, [1, 7]);
  page.result(1, 2, { own: true, values: [set("root", "items", [5, 7])] });
  assert.deepEqual(page.root.items, [5, 7]);
});

test("a delta on a value that is not settled asks for the whole value", async () => {
  const page = await Page.live();
  page.person((document) => document.append("root", [7]));
  page.op(1, append("root", 8));
  page.person((document) => document.append("root", [9]));
  assert.deepEqual(page.wire.of("edit").map(({ base, whole }) => [base, whole]), [
    [0, undefined],
    [1, true],
  ]);
});

test("a result that comes too early asks for a snapshot", async () => {
  const page = await Page.live();
  page.person((document) => document.set("root", "value", 2));
  page.result(1, 3, { own: true });
  assert.equal(page.wire.of("resync").length, 1);
});

test("a result that has overtaken another asks for a snapshot; a refusal that comes late is told all the same", async () => {
  const page = await Page.live();
  page.person((document) => document.set("root", "value", 2));
  page.person((document) => document.click("root"));
  page.result(2, 0, { previous: 1 });
  assert.equal(page.wire.of("resync").length, 1);
  page.result(1, 0, { commit: false, code: "bad-value", values: [set("root", "value", 1)] });
  assert.deepEqual(page.told.at(-1), ["rejected", { reason: "refused", code: "bad-value", edits: 1 }]);
  page.push({ type: "snapshot", epoch: "e1", seq: 0, cseq: 2, document: ROOT });
  assert.equal(page.root.value, 1);
});

test("an answer that was overtaken and got lost is asked for again", async () => {
  const page = await Page.live();
  page.person((document) => document.click("root"));
  page.person((document) => document.click("root"));
  page.result(2, 0, { previous: 1 });
  page.reconnect();
  const { epoch, cseq } = page.wire.of("open")[0].resume;
  assert.deepEqual([epoch, cseq], ["", 0]);
});

test("who asks for a snapshot says which answers have come; those that got lost and come again are told", async () => {
  const page = await Page.live();
  page.person((document) => document.click("root"));
  page.person((document) => document.set("root", "value", -1));
  page.result(1, 0);
  page.op(9);
  assert.equal(page.wire.of("resync")[0].cseq, 1);
  page.push({ type: "snapshot", epoch: "e1", seq: 9, cseq: 2, document: ROOT });
  page.result(2, 0, { commit: false, code: "bad-value", previous: 1 });
  assert.deepEqual(page.told.at(-1), ["rejected", { reason: "refused", code: "bad-value", edits: 1 }]);
});

test("an edit that was passed by one to another key and merged into a third is answered with that", async () => {
  const page = await Page.live();
  page.push({ ...OPENED, limits: { ...OPENED.limits, unanswered_edits: 3 } });
  page.person((document) => document.set("root", "value", 2));
  page.person((document) => document.set("root", "echo", 3));
  page.person((document) => document.set("root", "value", 4));
  page.result(2, 1, { own: true });
  page.op(2, set("root", "value", 9));
  assert.equal(page.root.value, 4);
  page.result(3, 3, { own: true, supersedes: [1], previous: 2 });
  assert.equal(page.root.value, 4);
  assert.equal(page.wire.of("resync").length, 0);
  page.op(4, set("root", "value", 5));
  assert.equal(page.root.value, 5);
});

test("edits go out as fast as the server takes them, and those that wait are merged", async () => {
  const page = await Page.live();
  page.push({ ...OPENED, limits: { ...OPENED.limits, unanswered_edits: 100, edits_per_second: 10 } });
  const edits = () => page.wire.of("edit");
  for (let value = 1; value <= 30; value += 1) page.person((document) => document.set("root", "value", value));
  assert.equal(edits().length, 10);
  page.environment.advance(99);
  assert.equal(edits().length, 10);
  page.environment.advance(1);
  assert.equal(edits().length, 11);
  assert.equal(edits()[10].events[0].new, 30);
  assert.deepEqual(edits().map(({ cseq }) => cseq), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

test("a session that is closed while edits wait for their time leaves nothing behind that waits", async () => {
  const page = await Page.live();
  page.push({ ...OPENED, limits: { ...OPENED.limits, edits_per_second: 1 } });
  const before = page.environment.timers.length;
  for (const value of [2, 3, 4]) page.person((document) => document.set("root", "value", value));
  assert.equal(page.environment.timers.length, before + 1);
  page.session.close();
  assert.ok(page.environment.timers.length <= before);
  assert.equal(page.wire.of("edit").length, 1);
});

test("a result answers the edits that it supersedes as well", async () => {
  const page = await Page.live();
  page.person((document) => document.set("root", "value", 2));
  page.person((document) => document.set("root", "value", 3));
  page.result(2, 1, { own: true, supersedes: [1] });
  page.op(2, set("root", "value", 4));
  assert.equal(page.root.value, 4);
});

test("unsent edits are merged and never numbered", async () => {
  const page = await Page.live();
  for (let value = 10; value < 40; value += 1) page.person((document) => document.set("root", "value", value));
  assert.deepEqual(page.edits, [[1, 10], [2, 11]]);
  page.result(1, 1, { own: true });
  assert.deepEqual(page.edits, [[1, 10], [2, 11], [3, 39]]);
});

test("nothing is merged across a click, a delta or another key, and nothing passes them", async () => {
  const page = await Page.live();
  page.person((document) => document.click("root"));
  page.person((document) => document.click("root"));
  page.person((document) => document.set("root", "value", 10));
  page.person((document) => document.click("root"));
  page.person((document) => document.set("root", "value", 11));
  page.person((document) => document.append("root", [1]));
  page.person((document) => document.set("root", "value", 12));
  page.person((document) => document.set("root", "echo", 13));
  page.person((document) => document.set("root", "value", 14));
  for (let cseq = 1; cseq <= 8; cseq += 1) page.result(cseq, 0);
  assert.deepEqual(page.edits.slice(2), [
    [3, 10], [4, "click"], [5, 11], [6, "append"], [7, 13], [8, 14],
  ]);
});

test("an edit that brings a model is not merged away", async () => {
  const page = await Page.live();
  page.person((document) => document.click("root"));
  page.person((document) => document.click("root"));
  page.person((document) => document.adopt("root", "mine", 3));
  page.person((document) => document.set("root", "child", null));
  page.result(1, 0);
  page.result(2, 0, { previous: 1 });
  assert.deepEqual(page.edits.slice(2).map(([cseq, value]) => [cseq, value?.define ?? value]), [[3, "mine"], [4, "set"]]);
});

test("edits of a client that is forgotten are undone in the same document", async () => {
  const page = await Page.live();
  page.wire.drop();
  page.person((document) => document.set("root", "echo", 7));
  page.environment.advance(20_000);
  page.wire.open();
  page.push({ type: "closed", code: 4101 });
  await settled();
  page.attachment = 2;
  page.push({ ...OPENED, client: "other" });
  page.push({ type: "snapshot", epoch: "e1", seq: 0, cseq: 0, document: ROOT });
  assert.equal(page.root.echo, 0);
});

test("a change that has no form for the server is told, and undone by a snapshot, but not again and again", async () => {
  const page = await Page.live();
  page.person((document) => document.setUnsendable("root"));
  assert.deepEqual([page.edits, page.wire.of("resync").length], [[], 1]);
  assert.equal(page.told.at(-1)[1].code, "unsendable");
  page.push({ type: "snapshot", epoch: "e1", seq: 0, cseq: 0, document: ROOT });
  assert.equal(page.root.value, 1);
  page.person((document) => document.setUnsendable("root"));
  assert.equal(page.wire.of("resync").length, 1);
  page.environment.advance(10_000);
  page.person((document) => document.setUnsendable("root"));
  assert.equal(page.wire.of("resync").length, 2);
});

test("an edit that is too big is given up, told with its property, and undone by a snapshot", async () => {
  const page = await Page.live();
  page.person((document) => document.set("root", "value", "x".repeat(2000)));
  assert.deepEqual([page.edits, page.wire.of("resync").length], [[], 1]);
  assert.deepEqual(page.told.at(-1)[1], { reason: "refused", code: "too-big", edits: 1, keys: ["root value"] });
  assert.match(page.wire.of("resync")[0].reason, /an edit of 2\d\d\d bytes, of root value, is more than the 1000/);
  page.push({ type: "snapshot", epoch: "e1", seq: 0, cseq: 0, document: ROOT });
  assert.equal(page.root.value, 1);
  page.person((document) => document.set("root", "value", 2));
  assert.deepEqual(page.edits, [[1, 2]]);
});

test("buffers are named by the replica and travel with the edit", async () => {
  const page = await Page.live();
  page.person((document) => document.sendBytes("root", [1, 2, 3]));
  assert.deepEqual(page.wire.of("edit")[0].buffers, [["c.1", 3]]);
});

test("edits that pile up without an end are given up together, and told", async () => {
  const page = await Page.live();
  page.wire.drop();
  for (let count = 0; count <= 1000; count += 1) page.person((document) => document.click("root"));
  assert.deepEqual(page.told.at(-1), ["rejected", { reason: "lost", code: "", edits: 1001 }]);
  page.environment.advance(20_000);
  page.wire.open();
  assert.equal(page.wire.of("open")[0].resume.epoch, "");
});

// Models that come and go

test("a model that is gone is forgotten after its op", async () => {
  const page = await Page.live({ ...ROOT, attributes: { child: CHILD } });
  page.push({ type: "op", from: 0, seq: 1, events: [set("n1", "value", 6), set("root", "child", null)], gone: ["n1"] });
  assert.equal(page.document.models.has("n1"), false);
});

test("a model that is gone stays while an edit is pending on it, or something held shows it", async () => {
  const page = await Page.live({ ...ROOT, attributes: { child: CHILD } });
  page.person((document) => document.set("n1", "value", 6));
  page.person((document) => document.set("root", "child", "n1"));
  page.push({ type: "op", from: 0, seq: 1, events: [set("root", "child", null)], gone: ["n1"] });
  assert.equal(page.document.models.has("n1"), true);
  page.result(1, 1, { skipped: [0] });
  assert.equal(page.document.models.has("n1"), true);
  page.result(2, 1, { commit: false, values: [set("root", "child", null)] });
  assert.equal(page.document.models.has("n1"), false);
});

test("a model that the server defines again is not leaving any more", async () => {
  const page = await Page.live({ ...ROOT, attributes: { child: CHILD } });
  page.person((document) => document.set("n1", "value", 6));
  page.person((document) => document.set("root", "child", null));
  page.push({ type: "op", from: 0, seq: 1, events: [set("root", "child", null)], gone: ["n1"] });
  page.op(2, set("root", "child", { define: "n1", attributes: { echo: 3, value: 5 } }));
  page.result(1, 2, { skipped: [0], values: [] });
  assert.equal(page.document.models.get("n1").echo, 3);
  page.result(2, 0);
  assert.deepEqual([page.root.child, page.document.models.get("n1").value], ["n1", 6]);
});

test("a definition that is sent again is held back attribute by attribute", async () => {
  const page = await Page.live({ ...ROOT, attributes: { child: CHILD } });
  page.person((document) => document.set("n1", "value", 6));
  page.op(1, set("root", "child", { define: "n1", attributes: { value: 7, echo: 8 } }));
  assert.deepEqual([page.document.models.get("n1").value, page.document.models.get("n1").echo], [6, 8]);
  page.result(1, 0);
  assert.equal(page.document.models.get("n1").value, 7);
});

test("models of a held op are introduced at once, so that later ops can speak of them", async () => {
  const page = await Page.live();
  page.person((document) => document.set("root", "child", null));
  page.op(1, set("root", "child", CHILD));
  page.op(2, set("n1", "value", 6));
  page.result(1, 0);
  assert.deepEqual([page.root.child, page.document.models.get("n1").value], ["n1", 6]);
});

test("a model that a refused edit brought is forgotten", async () => {
  const page = await Page.live();
  page.person((document) => document.adopt("root", "mine", 3));
  page.result(1, 0, { commit: false, code: "forbidden", values: [set("root", "child", null)] });
  assert.equal(page.document.models.has("mine"), false);
});

test("a model that an edit brought beside what was skipped stays, though a later edit shows another", async () => {
  const page = await Page.live({ ...ROOT, attributes: { child: CHILD } });
  page.person((document) => {
    document.append("n1", [2]);
    document.adopt("root", "mine", 3);
  });
  page.person((document) => document.adopt("root", "other", 4));
  page.push({ type: "op", from: 0, seq: 1, events: [set("root", "child", null)], gone: ["n1"] });
  page.result(1, 2, { own: true, skipped: [0] });
  page.op(3, set("mine", "value", 5));
  assert.deepEqual([page.document.models.get("mine")?.value, page.wire.of("resync")], [5, []]);
});

test("a model that a skipped event brought is forgotten", async () => {
  const page = await Page.live({ ...ROOT, attributes: { child: CHILD } });
  page.person((document) => {
    document.adopt("n1", "mine", 3);
    document.set("root", "child", null);
  });
  page.push({ type: "op", from: 0, seq: 1, events: [set("root", "child", null)], gone: ["n1"] });
  page.result(1, 2, { own: true, skipped: [0] });
  assert.deepEqual([...page.document.models.keys()], ["root"]);
});

// Snapshots

test("a snapshot settles the edits that it counts, keeps the later ones shown, and holds nothing", async () => {
  const page = await Page.live();
  page.person((document) => document.set("root", "value", 20));
  page.person((document) => document.set("root", "echo", 30));
  page.op(1, set("root", "echo", 4));
  page.op(9);
  page.push({ type: "snapshot", epoch: "e1", seq: 9, cseq: 1, document: { ...ROOT, attributes: { value: 10, echo: 4 } } });
  assert.deepEqual([page.root.value, page.root.echo], [10, 30]);
  page.result(1, 5, { commit: false, values: [set("root", "value", 1)] });
  assert.equal(page.root.value, 10);
  page.result(2, 10, { own: true });
  assert.deepEqual([page.root.echo, page.session.seq], [30, 10]);
});

test("the answer to an edit that a snapshot has settled takes no model away", async () => {
  const page = await Page.live({ ...ROOT, attributes: { child: CHILD } });
  page.person((document) => document.adopt("root", "first", 1));
  page.op(9);
  page.person((document) => document.adopt("root", "second", 2));
  page.push({ type: "snapshot", epoch: "e1", seq: 9, cseq: 1, document: { ...ROOT, attributes: { child: CHILD } } });
  page.result(1, 5, { own: true, gone: ["n1"] });
  page.op(10, set("n1", "value", 6));
  assert.deepEqual([page.document.models.get("n1")?.value, page.wire.of("resync").length], [6, 1]);
});

test("a pending delta is applied again on top of a snapshot", async () => {
  const page = await Page.live();
  page.person((document) => document.append("root", [7]));
  page.op(9);
  page.push({ type: "snapshot", epoch: "e1", seq: 9, cseq: 0, document: { ...ROOT, attributes: { items: [1, 2] } } });
  assert.deepEqual(page.root.items, [1, 2, 7]);
});

test("a pending delta is applied once on top of a snapshot that does not speak of what it changes", async () => {
  const page = await Page.live({ define: "root", attributes: {} });
  page.person((document) => document.append("root", [7]));
  page.op(9);
  page.push({ type: "snapshot", epoch: "e1", seq: 9, cseq: 0, document: { define: "root", attributes: {} } });
  assert.deepEqual(page.root.items, [7]);
});

test("a pending delta of a model that was made here is not applied twice by a snapshot", async () => {
  const page = await Page.live();
  page.person((document) => document.adopt("root", "mine", 3));
  page.person((document) => document.append("mine", [7]));
  page.op(9);
  page.push({ type: "snapshot", epoch: "e1", seq: 9, cseq: 0, document: ROOT });
  assert.deepEqual(page.document.models.get("mine").items, [7]);
});

test("what a refused edit had written goes back to its default if the snapshot does not speak of it", async () => {
  const page = await Page.live();
  page.person((document) => document.set("root", "echo", 5));
  page.op(9);
  page.push({ type: "snapshot", epoch: "e1", seq: 9, cseq: 1, document: ROOT });
  assert.equal(page.root.echo, 0);
});

test("what an edit had written that was given up goes back to its default if the snapshot does not speak of it", async () => {
  const page = await Page.live();
  page.person((document) => document.set("root", "echo", "x".repeat(2000)));
  page.push({ type: "snapshot", epoch: "e1", seq: 0, cseq: 0, document: ROOT });
  assert.equal(page.root.echo, 0);
});

const TOO_BIG = "x".repeat(2000);
const SAME = Object.freeze({ type: "snapshot", epoch: "e1", seq: 0, cseq: 0, document: ROOT });

test("what an edit had written that was given up goes back to what a pending edit before it has written", async () => {
  const page = await Page.live();
  page.person((document) => document.set("root", "echo", 5));
  page.person((document) => document.set("root", "echo", TOO_BIG));
  page.push(SAME);
  assert.equal(page.root.echo, 5);
});

test("what was written after an edit that was given up stays shown", async () => {
  const page = await Page.live();
  page.person((document) => document.set("root", "echo", TOO_BIG));
  page.person((document) => document.set("root", "echo", 6));
  const applied = [];
  page.document.script = ({ attr, new: value }) => applied.push([attr, value]);
  page.push({ ...SAME, document: { ...ROOT, attributes: { ...ROOT.attributes, echo: 1 } } });
  assert.equal(page.root.echo, 6);
  assert.deepEqual(applied.filter(([attr]) => attr === "echo"), []);
});

test("what was written while an edit that is given up waited to be sent stays shown", async () => {
  const page = await Page.live();
  page.person((document) => document.click("root"));
  page.person((document) => document.click("root"));
  page.person((document) => {
    document.set("root", "echo", TOO_BIG);
    document.click("root");
  });
  page.person((document) => document.set("root", "echo", 6));
  const applied = [];
  page.document.script = ({ attr }) => applied.push(attr);
  page.result(1, 0);
  page.push({ ...SAME, cseq: 1 });
  assert.equal(page.root.echo, 6);
  assert.ok(!applied.includes("echo"));
});

test("what was given up on a model that a pending edit brings goes back to what that edit says", async () => {
  const page = await Page.live();
  page.person((document) => document.adopt("root", "mine", 3));
  page.person((document) => document.set("mine", "value", TOO_BIG));
  page.push(SAME);
  assert.equal(page.document.models.get("mine").value, 3);
});

test("what was appended too much is given up, and what a pending edit appended before stays", async () => {
  const page = await Page.live();
  page.person((document) => document.adopt("root", "mine", 3));
  page.person((document) => document.append("mine", [4]));
  page.person((document) => document.append("mine", Array(1000).fill(5)));
  page.result(1, 1, { own: true });
  page.push({ ...SAME, seq: 1, cseq: 0 });
  assert.deepEqual(page.document.models.get("mine").items, [4]);
});

test("what was changed while a shared session was opened anew goes back to what the session holds", async () => {
  const page = await Page.live();
  page.session.startAfresh();
  page.person((document) => document.set("root", "echo", 5));
  page.attachment = 2;
  page.push({ ...OPENED, client: "c2" });
  page.push({ type: "snapshot", epoch: "e1", seq: 0, cseq: 0, document: ROOT });
  assert.equal(page.root.echo, 0);
  assert.deepEqual(page.told.find(([what]) => what === "rejected")[1], { reason: "lost", code: "", edits: 1 });
});

test("a model that a snapshot lacks and a pending edit keeps is forgotten with the answer", async () => {
  const page = await Page.live({ ...ROOT, attributes: { child: CHILD } });
  page.person((document) => document.set("n1", "value", 6));
  page.op(9);
  page.push({ type: "snapshot", epoch: "e1", seq: 9, cseq: 0, document: ROOT });
  assert.equal(page.document.models.has("n1"), true);
  page.result(1, 9, { skipped: [0] });
  assert.equal(page.document.models.has("n1"), false);
});

test("models that a snapshot lacks are forgotten, but not those that a pending edit brings", async () => {
  const page = await Page.live({ ...ROOT, attributes: { child: CHILD } });
  page.person((document) => document.adopt("root", "mine", 3));
  page.op(9);
  page.push({ type: "snapshot", epoch: "e1", seq: 9, cseq: 0, document: ROOT });
  assert.deepEqual([[...page.document.models.keys()], page.root.child], [["root", "mine"], "mine"]);
});

test("a snapshot of another epoch replaces the document, and lost edits are told", async () => {
  const page = await Page.live();
  page.person((document) => document.set("root", "value", 20));
  page.reconnect();
  page.attachment = 1;
  page.push({ ...OPENED, epoch: "e2" });
  page.push({ type: "snapshot", epoch: "e2", seq: 4, cseq: 0, document: ROOT });
  assert.deepEqual([page.root.value, page.document.replaced, page.session.seq], [1, 2, 4]);
  assert.ok(page.told.some(([name, told]) => name === "rejected" && told.reason === "lost"));
  page.person((document) => document.set("root", "value", 3));
  assert.deepEqual(page.wire.of("edit").at(-1).epoch, "e2");
});

// Resuming

test("a lost socket resumes at its position and repeats unanswered edits unchanged", async () => {
  const page = await Page.live();
  page.op(1, set("root", "value", 2));
  page.person((document) => document.set("root", "value", 20));
  const [before] = page.wire.of("edit");
  page.wire.drop();
  assert.equal(page.session.state, "waiting");
  page.person((document) => document.set("root", "value", 21));
  page.environment.advance(20_000);
  page.wire.open();
  const [open, edit, ...rest] = page.wire.sent;
  assert.deepEqual(open.resume, { session: "s", client: "c", secret: "x1", epoch: "e1", seq: 1, cseq: 0 });
  assert.deepEqual([edit, rest], [before, []]);
  page.push({ ...OPENED, secret: "x2", seq: 2, recovered: true });
  assert.deepEqual([page.session.state, page.edits], ["live", [[1, 20], [2, 21]]]);
  page.result(1, 2, { own: true });
  page.result(2, 3, { own: true });
  assert.deepEqual([page.root.value, page.session.seq, page.document.replaced], [21, 3, 1]);
});

test("results and ops that were seen before the drop change nothing when they come again", async () => {
  const page = await Page.live();
  page.person((document) => document.append("root", [7]));
  page.result(1, 1, { own: true });
  page.op(2, append("root", 8));
  page.reconnect();
  page.push({ ...OPENED, secret: "x2", seq: 2, recovered: true });
  page.result(1, 1, { own: true, values: [set("root", "items", [])] });
  page.op(2, append("root", 8));
  assert.deepEqual([page.root.items, page.session.seq], [[1, 7, 8], 2]);
});

test("each resumption shows the newest secret", async () => {
  const page = await Page.live();
  page.reconnect();
  page.push({ ...OPENED, secret: "x2", recovered: true });
  page.reconnect();
  assert.equal(page.wire.of("open")[0].resume.secret, "x2");
});

test("a replica that was let in but never got the document resumes at no position", async () => {
  const page = new Page();
  page.session.open();
  page.wire.open();
  page.push(OPENED);
  await settled();
  page.reconnect();
  assert.deepEqual([page.wire.of("open")[0].resume.epoch, page.session.state], ["", "opening"]);
});

test("a session that is gone is opened anew with a fresh ticket, once at once, then with pauses", async () => {
  const page = await Page.live();
  page.push({ type: "closed", code: 4101 });
  await settled();
  assert.deepEqual([page.tickets, page.session.state], [["ticket"], "waiting"]);
  assert.deepEqual(page.wire.of("open").at(-1), { attachment: 2, type: "open", protocol: 1, build: "b", ticket: "fresh" });
  page.attachment = 2;
  page.push({ type: "closed", code: 4100 });
  await settled();
  assert.equal(page.tickets.length, 1);
  page.environment.advance(1000);
  assert.equal(page.tickets.length, 2);
});

test("a page whose ticket was used before asks for a fresh one at once, and opens with that", async () => {
  const page = new Page();
  page.session.open();
  page.wire.open();
  page.push({ type: "closed", code: 4100 });
  await settled();
  assert.deepEqual(page.wire.of("open").map(({ ticket }) => ticket), ["ticket", "fresh"]);
  assert.deepEqual([page.tickets, page.session.state], [["ticket"], "opening"]);
});

test("a ticket that is not refreshed ends the session; a server that is away does not", async () => {
  const page = await Page.live();
  page.refresh = () => Promise.reject(new Error("offline"));
  page.push({ type: "closed", code: 4101 });
  await settled();
  page.refresh = async () => CLOSE.LOGGED_OUT;
  page.environment.advance(20_000);
  await settled();
  assert.equal(page.session.state, "stopped");
  assert.equal(page.told.at(-1)[1].code, CLOSE.LOGGED_OUT);
});

// Ends

test("a code that stops is told with its error id, and the socket closes with the last session", async () => {
  const page = await Page.live();
  page.push({ type: "closed", code: 4303, error: "id", detail: "Traceback" });
  assert.deepEqual(page.told.slice(-2), [
    ["state", "stopped"], ["ended", { code: 4303, error: "id", detail: "Traceback" }],
  ]);
  assert.deepEqual([page.socket.state, page.environment.listeners, page.environment.timers], ["idle", 0, []]);
});

test("after it has stopped, a session can be opened again", async () => {
  const page = await Page.live();
  page.push({ type: "closed", code: 4303 });
  page.session.open();
  page.wire.open();
  assert.equal(page.wire.of("open")[0].ticket, "ticket");
});

test("what is changed after the end is undone when the session is opened again", async () => {
  const page = await Page.live();
  page.push({ type: "closed", code: 4303 });
  page.person((document) => document.set("root", "echo", 5));
  page.person((document) => document.append("root", [5]));
  page.person((document) => document.setUnsendable("root"));
  assert.equal(page.told.at(-1)[0], "ended");
  page.session.open();
  page.attachment = 2;
  page.wire.open();
  page.push({ ...OPENED, client: "other" });
  page.push({ type: "snapshot", epoch: "e1", seq: 0, cseq: 0, document: { define: "root", attributes: {} } });
  assert.deepEqual([page.root.value, page.root.echo, page.root.items], [0, 0, []]);
});

test("another version asks the page to load again", async () => {
  const page = await Page.live();
  page.push({ type: "closed", code: 4200 });
  assert.equal(page.reloads, 1);
});

test("leaving tells the server and lets go of everything", async () => {
  const page = await Page.live();
  page.session.close();
  assert.equal(page.wire.of("close").length, 1);
  assert.deepEqual([page.document.disposed, page.wire.closedWith, page.environment.listeners], [true, 1000, 0]);
  assert.deepEqual(page.environment.timers, []);
});

test("notices reach the page", async () => {
  const page = await Page.live();
  page.push({ type: "notice", kind: "busy", busy: true });
  page.push({ type: "notice", kind: "error", error: "id" });
  page.push({ type: "notice", kind: "error", error: "id", detail: "Traceback" });
  assert.deepEqual(page.told.slice(-3), [
    ["notice", { kind: "busy", error: "", detail: "", busy: true }],
    ["notice", { kind: "error", error: "id", detail: "", busy: false }],
    ["notice", { kind: "error", error: "id", detail: "Traceback", busy: false }],
  ]);
});

// Acknowledging

test("an answer is acknowledged after a second, or with 32 ops and answers", async () => {
  const page = await Page.live();
  page.environment.advance(1000);
  page.person((document) => document.set("root", "value", 50));
  page.result(1, 1, { own: true });
  page.op(2);
  page.environment.advance(999);
  assert.equal(page.wire.of("ack").length, 1);
  page.environment.advance(1);
  assert.deepEqual(page.wire.of("ack").at(-1), { attachment: 1, type: "ack", seq: 2, cseq: 1 });
  page.person((document) => document.set("root", "value", 51));
  page.result(2, 3, { own: true });
  for (let seq = 4; seq < 35; seq += 1) page.op(seq);
  assert.deepEqual(page.wire.of("ack").at(-1), { attachment: 1, type: "ack", seq: 34, cseq: 2 });
});

test("who only looks on acknowledges once that it was let in, and no ops", async () => {
  const page = await Page.live();
  page.environment.advance(1000);
  assert.deepEqual(page.wire.of("ack"), [{ attachment: 1, type: "ack", seq: 0, cseq: 0 }]);
  for (let seq = 1; seq < 100; seq += 1) page.op(seq);
  page.environment.advance(2000);
  assert.equal(page.wire.of("ack").length, 1);
});

test("the secret of each connection is acknowledged, though no answer has come since the last", async () => {
  const page = await Page.live();
  page.environment.advance(1000);
  page.reconnect();
  page.push({ ...OPENED, secret: "x2", recovered: true });
  assert.deepEqual(page.wire.of("ack"), []);
  page.op(1);
  page.environment.advance(1000);
  assert.deepEqual(page.wire.of("ack"), [{ attachment: 1, type: "ack", seq: 1, cseq: 0 }]);
});

test("a visitor whom the server has no room for is told so, and let in later", async () => {
  const page = new Page();
  page.session.open();
  page.wire.open();
  page.push({ type: "closed", code: 4004 });
  assert.deepEqual(page.told, [["delayed", 4004]]);
  page.environment.advance(1000);
  assert.equal(page.wire.of("open").length, 2);
});

test("a session whose ticket is being refreshed opens once, whatever the socket does meanwhile", async () => {
  const page = await Page.live();
  let give;
  page.refresh = () => new Promise((resolve) => (give = resolve));
  page.push({ type: "closed", code: 4101 });
  await settled();
  page.reconnect();
  assert.deepEqual(page.wire.of("open"), [], "what is gone is not resumed");
  give("fresh");
  await settled();
  assert.deepEqual(page.wire.of("open").map(({ ticket }) => ticket), ["fresh"]);
  assert.equal(page.tickets.length, 1);
});
