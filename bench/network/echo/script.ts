/** What the connections of an echo run send: chunks of masked frames, encoded and compressed beforehand. */

import { messages as corpus } from "../../../test/support/corpus.js";
import { createRandom, payloads, writeFrame, writeTextFrame } from "../../micro/payloads.js";
import { type Compression, compressCycle } from "../deflate.js";
import type { Workload } from "./workloads.js";

export type Message = string | Buffer;

/** What one connection sends: its chunks in their order, over and over. */
export interface Script {
  /** The messages of each chunk. */
  readonly messages: readonly (readonly Message[])[];
  /** The chunks of the first time around, and those of every other. */
  readonly first: readonly Buffer[];
  readonly others: readonly Buffer[];
  /** The frames that answer a chunk, where their bytes are known: a server that compresses chooses them. */
  readonly echo?: Buffer;
}

/** The chunk that is sent as the `i`th, from 0 on. */
export function chunkOf({ first, others }: Script, i: number): Buffer {
  return i < first.length ? first[i] : others[i % others.length];
}

/** Different scripts take turns among connections as long as all fit here, in bytes. */
const BUDGET = 1 << 20;

/** Bytes of the messages of a script that is compressed: more than two windows, so that none finds itself there. */
const CYCLE_LENGTH = 81_920;
const CYCLES = 4;

export function writeScripts(workload: Workload, compression: Compression): Promise<Script[]> | Script[] {
  return workload.kind === "json" ? cycles(workload, compression) : batches(workload);
}

/** One chunk each, always the same. */
function batches({ kind, size, connections, inFlight }: Workload): Script[] {
  if (kind === "json") return [];
  const count = Math.max(1, Math.min(connections, Math.floor(BUDGET / (size * inFlight))));
  const variants = payloads(kind, size, Math.min(64, count * inFlight));
  const random = createRandom(size + connections);
  return Array.from({ length: count }, (_, i) => {
    const messages = Array.from(
      { length: inFlight },
      (_, j) => variants[(i * inFlight + j) % variants.length],
    );
    const chunk = Buffer.concat(messages.map((message) => writeFrame(message, key(random))));
    const echo = Buffer.concat(messages.map((message) => writeFrame(message)));
    return { messages: [messages], first: [chunk], others: [chunk], echo };
  });
}

/** Texts that a window cannot hold, in as many chunks as they take. */
function cycles({ size, inFlight }: Workload, compression: Compression): Promise<Script[]> {
  const random = createRandom(size);
  const chunkCount = Math.ceil(CYCLE_LENGTH / (size * inFlight));
  return Promise.all(
    Array.from({ length: CYCLES }, async (_, seed): Promise<Script> => {
      const messages = corpus("json", size, chunkCount * inFlight, seed).map((bytes) => Buffer.from(bytes));
      const { first, others } = await compressCycle(messages, compression);
      const frames = (payloads: readonly Buffer[]) =>
        payloads.map((payload) => writeTextFrame(payload, compression !== "none", key(random)));
      return {
        messages: split(messages, inFlight),
        first: split(frames(first), inFlight).map((chunk) => Buffer.concat(chunk)),
        others: split(frames(others), inFlight).map((chunk) => Buffer.concat(chunk)),
      };
    }),
  );
}

function key(random: () => number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(random() | 1); // ws would skip a key of zero
  return bytes;
}

function split<T>(list: readonly T[], length: number): T[][] {
  return Array.from({ length: list.length / length }, (_, i) => list.slice(i * length, (i + 1) * length));
}
