import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { WireError, decode, encode } from "../../embedsync/static/embedsync/wire.js";

const vectors = (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf-8"));
const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (buffer) => Buffer.from(buffer).toString("hex");

for (const vector of vectors("frames")) {
  if (vector.from === "server") {
    test(`server frame decodes to its value: ${vector.name}`, () => {
      const frame = decode(bytes(vector.bytes).buffer);
      assert.equal(frame.attachment, vector.attachment);
      const { buffers: _sizes, ...header } = frame.header;
      assert.deepEqual(header, vector.header);
      assert.deepEqual(Object.fromEntries([...frame.buffers].map(([id, data]) => [id, hex(data)])), vector.buffers);
    });
  } else {
    test(`browser frame encodes to the bytes that Python makes: ${vector.name}`, () => {
      const buffers = new Map(Object.entries(vector.buffers).map(([id, data]) => [id, bytes(data).buffer]));
      const [ours, theirs] = [encode(vector.attachment, vector.header, buffers), bytes(vector.bytes)].map(parts);
      assert.deepEqual(ours, theirs);
    });
  }
}

/** The order of the fields in a header is free; everything else is compared byte by byte. */
function parts(message) {
  const text = Buffer.from(message);
  const end = 8 + text.readUInt32LE(4);
  return { attachment: text.readUInt32LE(0), end, header: JSON.parse(text.toString("utf-8", 8, end)), rest: hex(text.subarray(end)) };
}

for (const vector of vectors("malformed")) {
  test(`malformed bytes are refused: ${vector.name}`, () => {
    assert.throws(() => decode(bytes(vector.bytes).buffer), WireError);
  });
}

test("a text message is refused", () => {
  assert.throws(() => decode("{}"), WireError);
});

test("each buffer has memory of its own", () => {
  const vector = vectors("frames").find(({ name }) => name === "op with three buffers and models that are gone");
  const message = bytes(vector.bytes).buffer;
  for (const buffer of decode(message).buffers.values()) assert.notEqual(buffer, message);
  assert.equal(decode(message).buffers.get("s4").byteLength, 16);
});
