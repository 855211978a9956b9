// One socket: when it opens, when it is given up, when it comes back.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Session } from "../../embedsync/static/embedsync/session.js";
import { NO_WEBSOCKET } from "../../embedsync/static/embedsync/handshake.js";
import { OPENED, Page, settled } from "./fakes.js";

test("an attempt that hangs is given up after ten seconds, and its late success is not heard", async () => {
  const page = new Page();
  page.session.open();
  const [first] = page.environment.sockets;
  page.environment.advance(10_500);
  assert.equal(page.environment.sockets.length, 2);
  first.onopen({});
  assert.deepEqual([page.socket.state, first.closedWith, first.sent], ["connecting", 1000, []]);
});

test("pauses between attempts grow up to twenty seconds", async () => {
  const page = new Page();
  page.session.open();
  const pauses = [];
  for (let attempt = 0; attempt < 9; attempt += 1) {
    const before = page.environment.time;
    page.wire.drop();
    const count = page.environment.sockets.length;
    while (page.environment.sockets.length === count) page.environment.advance(50);
    pauses.push(page.environment.time - before);
  }
  assert.deepEqual(pauses, [250, 250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
});

test("a hidden page waits longer, and tries at once when it is looked at", async () => {
  const page = new Page();
  page.environment.isHidden = true;
  page.session.open();
  for (let attempt = 0; attempt < 12; attempt += 1) {
    page.wire.drop();
    page.environment.advance(150_000);
  }
  const count = page.environment.sockets.length;
  page.wire.drop();
  page.environment.advance(100_000);
  assert.equal(page.environment.sockets.length, count);
  page.environment.isHidden = false;
  page.environment.fire("visibilitychange");
  assert.equal(page.environment.sockets.length, count + 1);
});

for (const name of ["online", "focus", "pageshow", "resume"]) {
  test(`a waiting socket tries at once on ${name}; an open one does nothing`, async () => {
    const page = await Page.live();
    page.environment.fire(name);
    assert.equal(page.environment.sockets.length, 1);
    page.wire.drop();
    page.environment.fire(name);
    assert.equal(page.environment.sockets.length, 2);
  });
}

test("a socket that is silent for longer than heartbeat and ten seconds is dead", async () => {
  const page = await Page.live();
  page.environment.advance(34_999);
  assert.equal(page.socket.state, "open");
  page.wire.push(0, { type: "ping" });
  page.environment.advance(34_999);
  assert.equal(page.socket.state, "open");
  page.environment.advance(1);
  assert.deepEqual([page.socket.state, page.session.state], ["waiting", "waiting"]);
});

for (const name of ["offline", "online"]) {
  test(`when the network goes ${name}, a socket that does not answer soon is dead`, async () => {
    const page = await Page.live();
    page.environment.fire(name);
    assert.deepEqual(page.wire.of("ping"), [{ type: "ping", attachment: 0 }]);
    page.environment.advance(4_000);
    page.environment.fire("focus");
    page.environment.advance(999);
    assert.equal(page.socket.state, "open");
    page.environment.advance(1);
    assert.deepEqual([page.socket.state, page.session.state], ["waiting", "waiting"]);
  });

  test(`when the network goes ${name}, a socket on which something comes lives on`, async () => {
    const page = await Page.live();
    page.environment.fire(name);
    page.wire.push(0, { type: "pong" });
    page.environment.advance(34_999);
    assert.deepEqual([page.socket.state, page.environment.sockets.length], ["open", 1]);
    page.environment.advance(1);
    assert.equal(page.socket.state, "waiting", "as long as silence is no longer than usual");
  });
}

test("a network that comes back tells at once of a socket that has been silent for too long", async () => {
  const page = await Page.live();
  page.environment.time += 3_600_000;
  page.environment.fire("online");
  assert.equal(page.socket.state, "waiting");
});

test("a clock that is set back does not hide that a socket is dead", async () => {
  const page = await Page.live();
  let back = 0;
  page.environment.now = () => page.environment.time - back;
  back = 86_400_000;
  page.environment.advance(71_000);
  assert.ok(page.environment.sockets.length > 1);
});

test("after the machine has slept, a dead socket is found at once", async () => {
  const page = await Page.live();
  page.environment.sleep(3_600_000);
  page.environment.advance(250);
  assert.equal(page.environment.sockets.length, 2);
});

test("a socket that is opened again by a wake-up does not wait for the timer to find it dead", async () => {
  const page = await Page.live();
  page.environment.time += 3_600_000;
  page.environment.fire("focus");
  assert.equal(page.socket.state, "waiting");
});

test("a page that may return closes its socket and resumes; one that may not takes its leave", async () => {
  const page = await Page.live();
  page.environment.fire("pagehide", { persisted: true });
  assert.deepEqual([page.wire.closedWith, page.wire.of("close").length, page.socket.state], [1000, 0, "suspended"]);
  page.environment.advance(600_000);
  assert.equal(page.environment.sockets.length, 1);
  page.environment.fire("pageshow", { persisted: true });
  page.wire.open();
  assert.equal(page.wire.of("open")[0].resume.session, "s");
  page.environment.fire("pagehide", { persisted: false });
  assert.equal(page.wire.of("close").length, 1);
});

test("a server that drains is visited again when it asked to be", async () => {
  const page = await Page.live();
  page.push({ type: "notice", kind: "drain", retry: 30 });
  page.wire.drop(1012);
  page.environment.advance(29_999);
  assert.equal(page.environment.sockets.length, 1);
  page.environment.advance(1);
  assert.equal(page.environment.sockets.length, 2);
});

test("a close code of the socket counts for every session on it", async () => {
  const page = await Page.live();
  const other = new Session({ ...page.session, ticket: "other", environment: page.environment });
  other.open();
  page.wire.drop(4301);
  assert.deepEqual([page.session.state, other.state, page.socket.state], ["stopped", "stopped", "idle"]);
});

test("sessions share a socket under numbers that are never used again; the last one closes it", async () => {
  const page = await Page.live();
  const other = new Session({ ...page.session, ticket: "other", environment: page.environment });
  other.open();
  assert.deepEqual(page.wire.of("open").map(({ attachment, ticket }) => [attachment, ticket]), [[1, "ticket"], [2, "other"]]);
  other.close();
  assert.equal(page.wire.closedWith, null);
  page.session.close();
  assert.equal(page.wire.closedWith, 1000);
});

test("bytes that are no frame are reported, and the socket is opened again", async () => {
  const page = await Page.live();
  page.wire.onmessage({ data: new ArrayBuffer(3) });
  assert.deepEqual([page.environment.reports.length, page.socket.state], [1, "waiting"]);
});

/** The page's first attempts fail; gives the URLs that it then asks, with what the server answers there. */
async function failing(page, answer) {
  const asked = [];
  page.environment.fetch = async (url) => {
    asked.push(url);
    return answer();
  };
  for (let attempt = 0; attempt < 4; attempt += 1) {
    page.wire.drop();
    page.environment.advance(20_000);
    await settled();
  }
  return asked;
}

test("a page whose WebSockets do not get through, though the server answers, is told so once, and goes on trying", async () => {
  const page = new Page();
  page.session.open();
  const asked = await failing(page, () => ({ status: 426 }));
  assert.deepEqual(asked, ["http://here/live/socket"]);
  assert.deepEqual(page.told, [["delayed", NO_WEBSOCKET]]);
  assert.match(page.environment.reports[0].message, /proxy_set_header Upgrade/);
  assert.ok(page.environment.sockets.length >= 4);
});

test("a server that is not there, or is not well, is nothing to explain", async () => {
  for (const answer of [() => Promise.reject(new TypeError("no network")), () => ({ status: 502 })]) {
    const page = new Page();
    page.session.open();
    assert.equal((await failing(page, answer)).length, 1);
    assert.deepEqual([page.told, page.environment.reports], [[], []]);
  }
});

test("who was connected once is not asked what stands between", async () => {
  const page = await Page.live();
  assert.deepEqual(await failing(page, () => ({ status: 426 })), []);
});

// The clock

/** All that a page sends, from its first word to its return after a cut, with its clock wrong by so much. */
async function saidWith(skew) {
  const page = await Page.live();
  page.environment.now = () => page.environment.time + skew;
  page.person((document) => document.set("root", "value", 2));
  page.result(1, 1);
  page.environment.advance(25_000);
  page.wire.push(0, { type: "ping", positions: { 1: 1 } });
  page.reconnect();
  page.environment.advance(5_000);
  return page.environment.sockets.map((each) => each.sent);
}

test("nothing on the wire depends on the clock of the browser", async () => {
  const said = await saidWith(0);
  assert.ok(said.flat().length >= 5);
  for (const day of [-86_400_000, 86_400_000]) assert.deepEqual(await saidWith(day), said);
});

test("a clock that jumps ahead by a day costs one reconnect and no more", async () => {
  const page = await Page.live();
  page.environment.now = () => page.environment.time + 86_400_000;
  page.environment.advance(26_000);
  page.environment.fire("focus");
  page.environment.advance(1_000);
  page.wire.open();
  page.push({ ...OPENED, recovered: true });
  await settled();
  page.environment.advance(20_000);
  assert.deepEqual([page.socket.state, page.session.state, page.environment.sockets.length], ["open", "live", 2]);
});
