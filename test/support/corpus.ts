/**
 * The data of compression in tests and benchmarks: data with the redundancy that real data has, made by seeded
 * generators, so that nothing is downloaded and every run sees the same.
 */

import { Scene } from "./corpus/binary.js";
import { html } from "./corpus/html.js";
import { jsonMessage, World } from "./corpus/json.js";
import { multilingual, prose } from "./corpus/prose.js";
import { Random } from "./corpus/random.js";
import { source, sourceLines } from "./corpus/source.js";

/** Kinds that are text, in UTF-8. Source is this repository's, and so changes with it. */
export const TEXT_KINDS = ["json", "html", "source", "text", "multilingual"] as const;
/** Kinds with redundancy as real data has it: what compression is judged on. */
export const MIX = [...TEXT_KINDS, "binary"] as const;
/** All: also incompressible data, and data that is only repetition. */
export const KINDS = [...MIX, "random", "zeros"] as const;
export type Kind = (typeof KINDS)[number];

type Bytes = Uint8Array<ArrayBuffer>;

/** Long messages of a stream follow each other in a sample. */
const PART_LENGTH = 20_000;

/** What a UTF-16 unit of multilingual text takes in UTF-8, on average. */
const BYTES_PER_UNIT = 1.6;

/** Exactly `length` bytes. Texts are cut between characters and filled with spaces. */
export function sample(kind: Kind, length: number, seed = 0): Bytes {
  const next = generator(kind, seed);
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const part = next(Math.min(PART_LENGTH, length - at));
    const taken = part.subarray(0, length - at);
    bytes.set(taken, at);
    at += taken.length;
  }
  if (isText(kind)) endBetweenCharacters(bytes);
  return bytes;
}

/**
 * Different messages of about `length` bytes each, as one server sends them one after the other: the same
 * keys and names, other values. JSON is whole in each.
 */
export function messages(kind: Kind, length: number, count: number, seed = 0): Bytes[] {
  const next = generator(kind, seed);
  return Array.from({ length: count }, () => next(length));
}

export function isText(kind: Kind): boolean {
  return TEXT_KINDS.some((candidate) => candidate === kind);
}

/** Gives one message of about the asked length after the other, never an empty one. */
function generator(kind: Kind, seed: number): (length: number) => Bytes {
  const random = new Random(seed + 1);
  switch (kind) {
    case "json": {
      const world = new World(random);
      return (length) => encode(jsonMessage(world, length));
    }
    case "html":
      return (length) => encode(html(random, length));
    case "source":
      return (length) => encode(length < PART_LENGTH ? sourceLines(random, length) : source(random, length));
    case "text":
      return (length) => encode(prose(random, length));
    case "multilingual":
      return (length) => encode(multilingual(random, length / BYTES_PER_UNIT));
    case "binary": {
      const scene = new Scene(random);
      return (length) => scene.message(length);
    }
    case "random":
      return (length) => noise(random, length);
    case "zeros":
      return (length) => new Uint8Array(Math.max(1, length));
  }
}

function noise(random: Random, length: number): Bytes {
  const words = Uint32Array.from({ length: (length >> 2) + 1 }, () => random.next());
  return new Uint8Array(words.buffer).subarray(0, Math.max(1, length));
}

function encode(text: string): Bytes {
  return new Uint8Array(Buffer.from(text));
}

/** Overwrites a character that is not whole at the end. */
function endBetweenCharacters(bytes: Bytes): void {
  let start = bytes.length - 1;
  while (start >= 0 && (bytes[start] & 0xc0) === 0x80) start--;
  if (start < 0 || bytes[start] < 0x80) return;
  const lead = bytes[start];
  const whole = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (start + whole > bytes.length) bytes.fill(0x20, start);
}
