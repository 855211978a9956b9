// S27: names such as `__proto__` in what a server sends, or a person's browser has kept, change no prototype.
// As in plotly.js CVE-2023-46308. The prototypes are frozen, so that whoever writes to one fails.

import assert from "node:assert/strict";
import { test } from "node:test";

import { decode } from "../../embedsync/static/embedsync/wire.js";
import { OPENED, Page, ROOT, set, settled } from "./fakes.js";

for (const each of [Object, Array, Map, Set, Function, String, Number, Promise]) Object.freeze(each.prototype);

const NAMES = ["__proto__", "constructor", "prototype", "hasOwnProperty", "toString", "__defineGetter__"];

/** JSON has them as names of its own; object literals would not. */
const hostile = (name) => JSON.parse(`{${JSON.stringify(name)}: {"polluted": 1, "polluted2": [1]}}`);

function checkClean() {
  for (const each of [{}, [], new Map(), () => {}, ""]) assert.equal(each.polluted, undefined);
  assert.equal(Object.polluted, undefined);
}

/** All frames that a server sends, with such a name beside, in place of and inside of their fields. */
function* frames(name) {
  const evil = hostile(name);
  const op = { type: "op", from: 0, seq: 1, events: [set("root", "value", 2)] };
  const result = { type: "result", cseq: 1, seq: 1, own: false, commit: true };
  yield { ...op, ...evil };
  yield { ...op, events: [{ ...set("root", "value", 2), ...evil }] };
  yield { ...op, events: [set("root", name, 1)] };
  yield { ...op, events: [set(name, "value", 1)] };
  yield { ...op, events: [set(name, name, evil)] };
  yield { ...op, events: [set("root", "child", { define: name, attributes: evil })] };
  yield { ...op, gone: [name] };
  yield { ...op, scripts: [name] };
  yield { ...result, ...evil };
  yield { ...result, commit: false, values: [set("root", name, evil)] };
  yield { ...result, gone: [name], skipped: [name], supersedes: [name] };
  yield { type: "snapshot", epoch: name, seq: 0, cseq: 0, document: ROOT };
  yield { type: "snapshot", epoch: "e1", seq: 5, cseq: 0, document: { ...ROOT, ...evil } };
  yield { type: "notice", kind: name, ...evil };
  yield { type: "closed", code: name, error: name, detail: evil };
  yield { ...OPENED, session: name, client: name, ...evil };
}

for (const name of NAMES) {
  test(`S27: the name ${name} in a frame changes no prototype`, async () => {
    for (const frame of frames(name)) {
      const page = await Page.live();
      page.person((document) => document.set("root", "value", 3));
      page.push(frame);
      await settled();
      page.person((document) => document.click("root"));
      checkClean();
    }
  });

  test(`S27: the name ${name} as an attachment that the server has positions of changes no prototype`, async () => {
    const page = await Page.live();
    page.wire.push(0, { type: "ping", positions: { ...hostile(name), 1: 0 } });
    assert.equal(page.wire.of("pong").length, 1);
    checkClean();
  });

  test(`S27: a buffer of the name ${name} is a buffer`, () => {
    const header = Buffer.from(JSON.stringify({ type: "op", from: 0, seq: 1, events: [], buffers: [[name, 8]] }));
    const padding = Buffer.alloc((8 - (header.length % 8)) % 8);
    const prefix = Buffer.alloc(8);
    prefix.writeUInt32LE(1, 0);
    prefix.writeUInt32LE(header.length, 4);
    const message = Buffer.concat([prefix, header, padding, Buffer.alloc(8, 1)]);
    const { buffers } = decode(new Uint8Array(message).buffer);
    assert.deepEqual([...buffers.keys()], [name]);
    checkClean();
  });
}
