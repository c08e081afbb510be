/**
 * What the benchmark does, the same for either backend: the codec's public functions on the same bytes. A case says how
 * to check that both make the same of them.
 */

import { encodeFrame, FrameDecoder, FrameEncoder, isValidUtf8, mask, Opcode } from "hawser/codec";

export interface Case {
  readonly name: string;
  /** Payload bytes of one operation. */
  readonly size: number;
  /** Operations that one call of `run` does. */
  readonly operations: number;
  /** Does them, and returns a number that depends on everything they make. */
  run(): number;
  /** The same, but looks at every byte: to compare backends, not to be timed. */
  digest(): number;
}

/** A chunk as a socket might deliver it holds about so many payload bytes. */
const CHUNK_LENGTH = 1 << 16;

const KEY = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);
const KEY_NUMBER = 0x3d21fa37;

const ASCII = "The quick brown fox jumps over the lazy dog; 0123456789. ";
const MULTIBYTE = "Grüße aus Łódź 🚢 東京から、よろしく. ";

/** Text of exactly so many bytes: whole repetitions, then spaces. */
function textOf(pattern: string, size: number): string {
  const length = new TextEncoder().encode(pattern).length;
  return pattern.repeat(Math.floor(size / length)) + " ".repeat(size % length);
}

/** Bytes that look like nothing in particular, the same each time. */
function bytesOf(size: number): Uint8Array<ArrayBuffer> {
  let state = 1;
  return Uint8Array.from({ length: size }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 16;
  });
}

/** FNV-1a over bytes, or over the units of a string. */
function hash(data: Uint8Array | string, seed = 0x811c9dc5): number {
  let sum = seed;
  for (let i = 0; i < data.length; i++) {
    sum = Math.imul(sum ^ (typeof data === "string" ? data.charCodeAt(i) : data[i]), 0x01000193);
  }
  return sum >>> 0;
}

function decodeCase(name: string, size: number, message: string | Uint8Array): Case {
  const operations = Math.max(1, Math.floor(CHUNK_LENGTH / size));
  const isText = typeof message === "string";
  const payload = isText ? new TextEncoder().encode(message) : message;
  const frame = encodeFrame(isText ? Opcode.Text : Opcode.Binary, payload, { mask: KEY });
  const frames = new Uint8Array(frame.length * operations);
  for (let i = 0; i < operations; i++) frames.set(frame, i * frame.length);
  const decoder = new FrameDecoder({ role: "server" });
  const chunk = new Uint8Array(frames.length);
  const push = () => {
    // The decoder unmasks in place, so the chunk is written again each time, as a read of a socket does.
    chunk.set(frames);
    decoder.push(chunk);
  };
  return {
    name,
    size,
    operations,
    run() {
      push();
      let sum = 0;
      if (isText) while (decoder.next()) sum += decoder.text().length;
      else while (decoder.next()) sum += decoder.payload[decoder.payloadLength - 1];
      return sum;
    },
    digest() {
      push();
      let sum = 0;
      while (decoder.next()) sum = hash(isText ? decoder.text() : decoder.payload, sum);
      return sum;
    },
  };
}

function encodeCase(name: string, size: number, message: string): Case {
  const operations = Math.max(1, Math.floor(CHUNK_LENGTH / size));
  const encoder = new FrameEncoder({ role: "client", generateMaskingKey: () => KEY_NUMBER });
  const encode = () => {
    for (let i = 0; i < operations; i++) encoder.text(message);
    return encoder.take();
  };
  return {
    name,
    size,
    operations,
    run() {
      const bytes = encode();
      const sum = bytes.length + bytes[bytes.length - 1];
      encoder.recycle(bytes);
      return sum;
    },
    digest: () => hash(encode()),
  };
}

function maskCase(size: number): Case {
  const source = bytesOf(size);
  const output = new Uint8Array(size);
  const run = () => {
    mask(source, KEY, output, 0, size);
    return output[size - 1];
  };
  return {
    name: "mask",
    size,
    operations: 1,
    run,
    digest() {
      run();
      return hash(output);
    },
  };
}

function validateCase(size: number): Case {
  const valid = new TextEncoder().encode(textOf(MULTIBYTE, size));
  const invalid = valid.slice();
  invalid[size - 1] = 0xff;
  return {
    name: "validate UTF-8, multibyte",
    size,
    operations: 1,
    run: () => Number(isValidUtf8(valid)),
    digest: () => Number(isValidUtf8(valid)) * 2 + Number(isValidUtf8(invalid)),
  };
}

/** Work that every reader knows, for scale: the same on both backends. */
function jsonCase(size: number): Case {
  const before = '{"text":"';
  const text = `${before}${"x".repeat(size - before.length - 2)}"}`;
  const operations = Math.floor(CHUNK_LENGTH / size);
  const parse = () => (JSON.parse(text) as { text: string }).text;
  return {
    name: "JSON.parse, for scale",
    size,
    operations,
    run() {
      let sum = 0;
      for (let i = 0; i < operations; i++) sum += parse().length;
      return sum;
    },
    digest: () => hash(parse()),
  };
}

/** New cases at each call: they hold the codec's objects. */
export function makeCases(): Case[] {
  return [
    ...[16, 256, 8192].map((size) => decodeCase("decode text", size, textOf(ASCII, size))),
    jsonCase(256),
    decodeCase("decode text, multibyte", 1024, textOf(MULTIBYTE, 1024)),
    decodeCase("decode binary", CHUNK_LENGTH, bytesOf(CHUNK_LENGTH)),
    encodeCase("encode text, masked", 256, textOf(ASCII, 256)),
    maskCase(CHUNK_LENGTH),
    validateCase(CHUNK_LENGTH),
  ];
}
