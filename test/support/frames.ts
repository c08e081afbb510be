/**
 * Frames for tests, written by hand from RFC 6455 §5.2 and independent of the encoder under test; legal
 * or not. And arbitrary streams of them for properties.
 */

import fc from "fast-check";
import { utf8 } from "./hex.js";

export type Key = readonly [number, number, number, number];
export type Bytes = Uint8Array<ArrayBuffer>;

export interface FrameSpec {
  readonly opcode: number;
  readonly payload?: Uint8Array;
  /** Default true. */
  readonly fin?: boolean;
  /** The three RSV bits, RSV1 highest. Default 0. */
  readonly rsv?: number;
  /** The masking key; without one the frame is not masked. */
  readonly key?: Key | undefined;
  /** Bytes of the extended payload length. Default: as few as the length needs. */
  readonly lengthBytes?: 0 | 2 | 8;
  /** The length the header announces. Default: the payload's own. */
  readonly announced?: bigint;
}

export const KEY: Key = [0x37, 0xfa, 0x21, 0x3d];
/** §11.8, spelled out again: tests do not trust the table under test. */
export const CONTINUATION = 0;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** The bytes of a header. */
export function headerOf(spec: FrameSpec): Bytes {
  const { opcode, fin = true, rsv = 0, key } = spec;
  const length = spec.announced ?? BigInt(spec.payload?.length ?? 0);
  const lengthBytes = spec.lengthBytes ?? (length < 126n ? 0 : length < 65536n ? 2 : 8);
  const header = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  const short = lengthBytes === 0 ? Number(length) : lengthBytes === 2 ? 126 : 127;
  header.push((key ? 0x80 : 0) | short);
  for (let i = lengthBytes - 1; i >= 0; i--) header.push(Number((length >> BigInt(8 * i)) & 0xffn));
  if (key) header.push(...key);
  return new Uint8Array(header);
}

/** The bytes of a frame. */
export function frame(spec: FrameSpec): Bytes {
  const { payload = new Uint8Array(0), key } = spec;
  const header = headerOf(spec);
  const bytes = new Uint8Array(header.length + payload.length);
  bytes.set(header);
  for (let i = 0; i < payload.length; i++) bytes[header.length + i] = payload[i] ^ (key ? key[i & 3] : 0);
  return bytes;
}

/** The bytes of a Close frame's body. */
export function closeBody(code: number, reason: string | Uint8Array = ""): Bytes {
  const tail = typeof reason === "string" ? utf8(reason) : reason;
  return concat([Uint8Array.of(code >> 8, code & 0xff), tail]);
}

export function concat(parts: readonly Uint8Array[]): Bytes {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

export function stream(specs: readonly FrameSpec[]): Bytes {
  return concat(specs.map(frame));
}

/** Copies of the pieces between the given positions, which may come in any order; empty pieces stay. */
export function cutAt(bytes: Uint8Array, positions: readonly number[]): Bytes[] {
  const edges = [0, ...positions.map((at) => Math.min(at, bytes.length)).sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((end, i) => new Uint8Array(bytes.subarray(edges[i], end)));
}

/** Copies of pieces of at most `size` bytes. */
export function cutEvery(bytes: Uint8Array, size: number): Bytes[] {
  const pieces: Bytes[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    pieces.push(new Uint8Array(bytes.subarray(at, at + size)));
  }
  return pieces;
}

// Arbitraries ────────────────────────────────────────────────────────────────────────────────────

/** Every length at which the header changes, and the ones beside it. */
export const EDGE_LENGTHS: readonly number[] = [0, 1, 2, 124, 125, 126, 127, 128, 65534, 65535, 65536, 65537];

export const arbitraryKey: fc.Arbitrary<Key> = fc
  .array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 })
  .map((bytes) => bytes as unknown as Key);

/** Mostly short; now and then just around 64 KiB, where a payload fills the kernel's window. */
const arbitraryLength: fc.Arbitrary<number> = fc.oneof(
  { weight: 40, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 20, arbitrary: fc.constantFrom(0, 1, 124, 125, 126, 127, 128) },
  { weight: 10, arbitrary: fc.integer({ min: 0, max: 1000 }) },
  { weight: 1, arbitrary: fc.constantFrom(65534, 65535, 65536, 65537) },
);

/** Bytes that cost fast-check nothing: a length and a seed. */
const arbitraryBinary: fc.Arbitrary<Bytes> = fc.tuple(arbitraryLength, fc.nat()).map(([length, seed]) => {
  const bytes = new Uint8Array(length);
  for (let i = 0, state = seed | 1; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
});

/** Characters at both ends of every length of UTF-8, and beside the surrogates. */
const CHARACTERS = [
  "a",
  "~",
  "\0",
  "é",
  "\u{80}",
  "߿",
  "ࠀ",
  "水",
  "퟿",
  "\u{e000}",
  "\u{ffff}",
  "😀",
  "\u{10000}",
  "\u{10ffff}",
];

/** Text of `length` characters or so, in runs of one kind: what vector code takes a short cut for. */
export const arbitraryText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: "grapheme", maxLength: 60 }) },
  { weight: 4, arbitrary: fc.string({ maxLength: 130 }) },
  {
    weight: 8,
    arbitrary: fc
      .array(fc.tuple(fc.constantFrom(...CHARACTERS), fc.integer({ min: 1, max: 40 })), { maxLength: 8 })
      .map((runs) => runs.map(([character, count]) => character.repeat(count)).join("")),
  },
);

const arbitraryControl: fc.Arbitrary<FrameSpec> = fc
  .tuple(fc.constantFrom(PING, PONG), fc.uint8Array({ maxLength: 125 }))
  .map(([opcode, payload]) => ({ opcode, payload: new Uint8Array(payload) }));

interface Cut {
  /** Where in the rest of the payload this fragment ends, 0 to 1. */
  readonly at: number;
  readonly controls: readonly FrameSpec[];
}

const arbitraryCut: fc.Arbitrary<Cut> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  controls: fc.array(arbitraryControl, { maxLength: 1 }),
});

/** The frames of one message, control frames between its fragments; fragments may cut characters. */
const arbitraryMessage: fc.Arbitrary<FrameSpec[]> = fc
  .tuple(
    fc.oneof(
      arbitraryText.map((text) => ({ opcode: TEXT, payload: utf8(text) })),
      arbitraryBinary.map((payload) => ({ opcode: BINARY, payload })),
    ),
    fc.array(arbitraryCut, { maxLength: 4 }),
  )
  .map(([{ opcode, payload }, cuts]) => {
    const frames: FrameSpec[] = [];
    let start = 0;
    for (const { at, controls } of cuts) {
      const end = start + Math.floor((payload.length - start) * at);
      frames.push({
        opcode: start === 0 && frames.length === 0 ? opcode : CONTINUATION,
        fin: false,
        payload: payload.subarray(start, end),
      });
      frames.push(...controls);
      start = end;
    }
    const begun = frames.length > 0;
    frames.push({ opcode: begun ? CONTINUATION : opcode, payload: payload.subarray(start) });
    return frames;
  });

const arbitraryClose: fc.Arbitrary<FrameSpec> = fc
  .oneof(
    fc.constant(new Uint8Array(0)),
    fc
      .tuple(fc.constantFrom(1000, 1001, 1011, 3000, 4999), fc.string({ unit: "grapheme", maxLength: 20 }))
      .map(([code, reason]) => closeBody(code, reason)),
  )
  .filter((body) => body.length <= 125)
  .map((payload) => ({ opcode: CLOSE, payload }));

/** The frames of a valid stream, as the peer of `role` sends them. */
export function arbitraryFrames(role: "client" | "server"): fc.Arbitrary<FrameSpec[]> {
  return fc
    .tuple(
      fc.array(
        fc.oneof(
          { weight: 4, arbitrary: arbitraryMessage },
          arbitraryControl.map((frame) => [frame]),
        ),
        {
          maxLength: 6,
        },
      ),
      fc.option(arbitraryClose, { nil: undefined, freq: 3 }),
      fc.array(arbitraryKey, { minLength: 1, maxLength: 5 }),
    )
    .map(([messages, close, keys]) => {
      const frames = messages.flat();
      if (close) frames.push(close);
      if (role === "client") return frames;
      return frames.map((spec, i) => ({ ...spec, key: keys[i % keys.length] }));
    });
}

/** One thing done to the frames of a stream, or to its bytes. */
type Mutation = (frames: FrameSpec[]) => void;

const arbitraryFrameMutation: fc.Arbitrary<Mutation> = fc
  .tuple(
    fc.nat(),
    fc.oneof(
      fc.integer({ min: 0, max: 15 }).map((opcode): Partial<FrameSpec> => ({ opcode })),
      fc.integer({ min: 1, max: 7 }).map((rsv): Partial<FrameSpec> => ({ rsv })),
      fc.boolean().map((fin): Partial<FrameSpec> => ({ fin })),
      fc.constantFrom<(2 | 8)[]>(2, 8).map((lengthBytes): Partial<FrameSpec> => ({ lengthBytes })),
      fc.option(arbitraryKey, { nil: undefined }).map((key): Partial<FrameSpec> => ({ key })),
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map((announced): Partial<FrameSpec> => ({ announced })),
      fc
        .constantFrom(125n, 126n, 65535n, 65536n, 1n << 20n, (1n << 20n) + 1n, 1n << 53n, 1n << 63n)
        .map((announced): Partial<FrameSpec> => ({ announced, lengthBytes: 8 })),
      fc.uint8Array({ maxLength: 140 }).map((payload): Partial<FrameSpec> => ({ payload })),
      fc.integer({ min: 0, max: 5100 }).map(
        (code): Partial<FrameSpec> => ({
          opcode: CLOSE,
          payload: closeBody(code),
        }),
      ),
    ),
  )
  .map(([at, change]) => (frames) => {
    if (frames.length > 0) frames[at % frames.length] = { ...frames[at % frames.length], ...change };
  });

type ByteMutation = (bytes: Bytes) => Bytes;

const arbitraryByteMutation: fc.Arbitrary<ByteMutation> = fc
  .tuple(
    fc.nat(),
    fc.integer({ min: 0, max: 255 }),
    fc.constantFrom("set", "flip", "insert", "delete", "end"),
  )
  .map(([where, value, kind]) => (bytes) => {
    if (bytes.length === 0) return bytes;
    // Half of them near the beginning, where headers are.
    const at = where % (where % 2 ? bytes.length : Math.min(bytes.length, 40));
    const changed = new Uint8Array(bytes);
    if (kind === "set") changed[at] = value;
    if (kind === "flip") changed[at] ^= 1 << (value & 7);
    if (kind === "insert") return concat([bytes.subarray(0, at), Uint8Array.of(value), bytes.subarray(at)]);
    if (kind === "delete") return concat([bytes.subarray(0, at), bytes.subarray(at + 1 + (value & 3))]);
    if (kind === "end") return new Uint8Array(bytes.subarray(0, at));
    return changed;
  });

/** The bytes of a valid stream to which something was done. */
export function arbitraryMutatedStream(role: "client" | "server"): fc.Arbitrary<Bytes> {
  return fc
    .tuple(
      arbitraryFrames(role),
      fc.array(arbitraryFrameMutation, { maxLength: 2 }),
      fc.array(arbitraryByteMutation, { maxLength: 2 }),
    )
    .map(([frames, frameMutations, byteMutations]) => {
      const changed = [...frames];
      for (const mutate of frameMutations) mutate(changed);
      let bytes = concat(changed.map(buildAnyway));
      for (const mutate of byteMutations) bytes = mutate(bytes);
      return bytes;
    });
}

/** A mutation may announce more than 125 in 7 bits by asking for no extended length; then it gets one. */
function buildAnyway(spec: FrameSpec): Bytes {
  const announced = spec.announced ?? BigInt(spec.payload?.length ?? 0);
  if (spec.lengthBytes === 2 && announced > 0xffffn) return frame({ ...spec, lengthBytes: 8 });
  return frame(spec);
}

/** Where to cut a stream: positions that `cutAt` clips; half of them close together. */
export const arbitraryCuts: fc.Arbitrary<number[]> = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 8 }),
  fc.array(fc.integer({ min: 0, max: 70000 }), { maxLength: 4 }),
  fc
    .tuple(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 1, max: 20 }))
    .map(([start, count]) => Array.from({ length: count }, (_, i) => start + i)),
);
