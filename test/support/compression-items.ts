/** Messages that show whether a compressor keeps to the agreed parameters. */

import { messages, sample } from "./corpus.js";
import type { Payload } from "./peer.js";

/** A message, and the options for it. */
export interface Item {
  readonly data: Payload;
  /** Whether to compress it. Default: what the sender thinks. */
  readonly compress?: boolean;
  /** In how many fragments to send it. Default: one. */
  readonly fragments?: number;
}

export const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const textsOf = (kind: "json" | "multilingual" | "html", length: number, count: number, seed: number) =>
  messages(kind, length, count, seed).map(decode);

/** Text that does not repeat itself: what of it shrinks shrinks by its alphabet alone. */
export function noise(length: number, seed: number): string {
  return Buffer.from(sample("random", length, seed))
    .toString("base64")
    .slice(0, length);
}

/**
 * A stream in which later messages repeat earlier ones: from nearby, and from where a window of so many bits ends,
 * so that a side that reaches too far, or forgets too early, is detected.
 */
export function conversation(windowBits: number, seed: number): readonly Item[] {
  const variant = seed % VARIANTS;
  const key = windowBits * VARIANTS + variant;
  let made = conversations.get(key);
  if (made === undefined) conversations.set(key, (made = makeConversation(windowBits, variant)));
  return made;
}

const VARIANTS = 5;
const conversations = new Map<number, readonly Item[]>();

function makeConversation(windowBits: number, seed: number): Item[] {
  const json = textsOf("json", 200, 6, seed);
  const repeated = noise(200, seed);
  return [
    { data: "" },
    { data: json[0] },
    { data: json[1], compress: true },
    { data: new Uint8Array(0), compress: true },
    // It cannot shrink.
    { data: sample("random", 500, seed) },
    { data: json[2], fragments: 3 },
    { data: json[3], compress: false },
    { data: json[3] },
    { data: sample("random", 300, seed + 1), fragments: 2, compress: true },
    { data: repeated },
    // Half of the next one lies within the window, the other half does not.
    { data: sample("random", (1 << windowBits) - 100, seed + 2) },
    { data: repeated },
    { data: json[4], fragments: 2, compress: false },
    { data: textsOf("multilingual", 1000, 1, seed)[0], fragments: 4 },
    { data: sample("binary", 1500, seed) },
    { data: repeated.slice(0, 5) },
    { data: json[5] },
  ];
}

const SIZES = [0, 1, 31, 32, 125, 126, 255, 256, 1024, 65_535, 65_536];

/** Of every kind and size, up to 64 KiB. */
export function everySize(): Item[] {
  return SIZES.flatMap((size): Item[] => [
    { data: decode(sample("json", size)) },
    { data: decode(sample("multilingual", size)) },
    { data: sample("binary", size) },
    { data: sample("random", size) },
    { data: sample("zeros", size) },
  ]);
}
