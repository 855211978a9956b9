// Frames: what one WebSocket message is, in bytes. PROTOCOL.md beside wire.py describes them.

import { SERVER_FRAMES } from "./constants.js";

const PREFIX = 8;
const ALIGNMENT = 8;

/**
 * The JSON part of a frame; which fields there are depends on its `type`.
 * @typedef {{type: string, [field: string]: any}} Header
 *
 * @typedef {Map<string, ArrayBuffer>} Buffers
 *
 * @typedef {object} Frame
 * @property {number} attachment 0 means the connection itself
 * @property {Header} header
 * @property {Buffers} buffers
 */

/** The other side sent something that is not a frame. */
export class WireError extends Error {
  /** @override */
  name = "WireError";
}

/**
 * @param {number} attachment
 * @param {Header} header its `buffers` field is filled in from `buffers`
 * @param {Buffers} [buffers]
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function encode(attachment, header, buffers = new Map()) {
  const sizes = [...buffers].map(([id, buffer]) => [id, buffer.byteLength]);
  const json = sizes.length === 0 ? header : { ...header, buffers: sizes };
  const text = new TextEncoder().encode(JSON.stringify(json));

  let size = PREFIX + text.length;
  for (const buffer of buffers.values()) size = aligned(aligned(size) + buffer.byteLength);

  const message = new Uint8Array(size);
  const view = new DataView(message.buffer);
  view.setUint32(0, attachment, true);
  view.setUint32(4, text.length, true);
  message.set(text, PREFIX);
  let position = PREFIX + text.length;
  for (const buffer of buffers.values()) {
    position = aligned(position);
    message.set(new Uint8Array(buffer), position);
    position += buffer.byteLength;
  }
  return message;
}

/**
 * Take a server's message apart. Each buffer gets memory of its own: documents keep buffers, and
 * should not keep whole messages alive with them.
 * @param {unknown} message
 * @returns {Frame}
 * @throws {WireError} the message is not a frame
 */
export function decode(message) {
  if (!(message instanceof ArrayBuffer)) throw new WireError("message is not binary");
  if (message.byteLength < PREFIX) throw new WireError("message is shorter than its prefix");
  const view = new DataView(message);
  const end = PREFIX + view.getUint32(4, true);
  if (end > message.byteLength) throw new WireError("message is shorter than its header");
  const header = decodeHeader(new Uint8Array(message, PREFIX, end - PREFIX));
  return { attachment: view.getUint32(0, true), header, buffers: takeBuffers(header, message, end) };
}

/**
 * @param {Uint8Array} bytes
 * @returns {Header}
 */
function decodeHeader(bytes) {
  let header;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    throw new WireError(`bad header: ${error}`);
  }
  if (header === null || typeof header !== "object" || Array.isArray(header)) {
    throw new WireError("header is not an object");
  }
  if (!SERVER_FRAMES.includes(header.type)) throw new WireError(`unknown type ${String(header.type)}`);
  return header;
}

/**
 * @param {Header} header
 * @param {ArrayBuffer} message
 * @param {number} start
 * @returns {Buffers}
 */
function takeBuffers(header, message, start) {
  const sizes = header.buffers ?? [];
  if (!Array.isArray(sizes)) throw new WireError("buffers is not a list");
  /** @type {Buffers} */
  const buffers = new Map();
  let position = start;
  for (const entry of sizes) {
    const [id, size] = Array.isArray(entry) ? entry : [];
    if (typeof id !== "string" || !Number.isSafeInteger(size) || size < 0) {
      throw new WireError("a buffer is not declared by its id and size");
    }
    position = aligned(position);
    if (position + size > message.byteLength) throw new WireError("message is shorter than its buffers");
    if (buffers.has(id)) throw new WireError("two buffers have the same id");
    buffers.set(id, message.slice(position, position + size));
    position += size;
  }
  if (buffers.size > 0) position = aligned(position);
  if (position !== message.byteLength) throw new WireError("message is longer than its buffers");
  return buffers;
}

/** @param {number} position */
function aligned(position) {
  return Math.ceil(position / ALIGNMENT) * ALIGNMENT;
}
