/**
 * The load's process of `npm run bench:echo`. For each connection one chunk of masked frames, encoded before:
 * it is written at once, and again when as many bytes came back as its echo has. What the bytes say is
 * compared once, before any timing; counting is all that happens while the clock runs.
 */

import { answer } from "../network/calls.js";
import { type Client, openClients } from "../network/client.js";
import { type Sample, sample } from "../network/usage.js";
import { createRandom, payloads, readFrames, writeFrame } from "../payloads.js";
import type { Workload } from "./workloads.js";

/** Where the server is, and whether it is a bare echo of bytes, masks and all. */
export interface Place {
  readonly port: number;
  readonly raw: boolean;
}

/** What a connection sends, and what must come back. */
interface Batch {
  readonly messages: readonly (string | Buffer)[];
  readonly chunk: Buffer;
}

/** A moment of the load: processor time, and messages that had come back by then. */
export interface LoadSample extends Sample {
  readonly messages: number;
}

/** Different chunks take turns among connections as long as all fit here, in bytes. */
const CHUNK_BUDGET = 1 << 20;

let workload: Workload;
let batches: readonly Batch[] = [];
let clients: Client[] = [];
let running = false;
let finished = 0;
/** Connections that still wait for an echo, while the load is being stopped. */
let waiting = 0;
let whenQuiet = () => {};
let failure: Error | undefined;

const methods = { prepare, verify, open, start, sample: sampleLoad, stop };
export type LoadMethods = typeof methods;

answer(methods);

/** Encodes the chunks of a workload. */
function prepare(next: Workload): void {
  workload = next;
  const { kind, size, connections, inFlight } = workload;
  const count = Math.max(1, Math.min(connections, Math.floor(CHUNK_BUDGET / (size * inFlight))));
  const variants = payloads(kind, size, Math.min(64, count * inFlight));
  const random = createRandom(size + connections);
  batches = Array.from({ length: count }, (_, i) => {
    const messages = Array.from(
      { length: inFlight },
      (_, j) => variants[(i * inFlight + j) % variants.length],
    );
    return { messages, chunk: Buffer.concat(messages.map((message) => writeFrame(message, key(random)))) };
  });
}

function key(random: () => number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(random() | 1); // ws would skip a key of zero
  return bytes;
}

const batchOf = (i: number) => batches[i % batches.length];

/** Bytes that come back for a batch: a server does not mask. */
function echoLength({ messages, chunk }: Batch, raw: boolean): number {
  return raw ? chunk.length : chunk.length - 4 * messages.length;
}

function connect({ port, raw }: Place): Promise<Client[]> {
  return openClients(workload.connections, () => ({ port, raw }));
}

/** One batch on every connection; throws unless each answer is the same messages, framed as they must be. */
async function verify(place: Place): Promise<void> {
  const opened = await connect(place);
  await Promise.all(opened.map((client, i) => verifyOne(client, batchOf(i), place.raw)));
  for (const client of opened) client.destroy();
}

async function verifyOne(client: Client, batch: Batch, raw: boolean): Promise<void> {
  const length = echoLength(batch, raw);
  const received: Buffer[] = [];
  let missing = length;
  await new Promise<void>((resolve, reject) => {
    client.onClose = (error) =>
      reject(error ?? new Error(`closed with ${missing} bytes of the echo missing`));
    client.onBytes = (bytes, count) => {
      received.push(Buffer.from(bytes.subarray(0, count)));
      missing -= count;
      if (missing === 0) setTimeout(resolve, 10); // whatever comes too much has come by then
    };
    client.socket.write(batch.chunk);
  });
  const echo = Buffer.concat(received);
  if (echo.length !== length) throw new Error(`the echo has ${echo.length} bytes, not ${length}`);
  if (raw) {
    if (!echo.equals(batch.chunk)) throw new Error("the echo differs from what was sent");
    return;
  }
  const messages = readFrames(echo);
  const same = (message: string | Buffer, i: number) => {
    const expected = batch.messages[i];
    if (typeof message === "string" || typeof expected === "string") return message === expected;
    return message.equals(expected);
  };
  if (messages.length !== batch.messages.length || !messages.every(same)) {
    throw new Error("the messages of the echo differ from those sent");
  }
}

async function open(place: Place): Promise<void> {
  clients = await connect(place);
  failure = undefined;
  running = true;
  for (const [i, client] of clients.entries()) attach(client, batchOf(i), place.raw);
}

/** Counts the bytes of one connection. */
function attach(client: Client, batch: Batch, raw: boolean): void {
  const { socket } = client;
  const { chunk } = batch;
  const length = echoLength(batch, raw);
  let missing = length;
  client.onBytes = (_bytes, count) => {
    missing -= count;
    if (missing > 0) return;
    if (missing < 0) fail(new Error(`${-missing} bytes more came back than an echo has`));
    missing = length;
    finished++;
    if (running) socket.write(chunk);
    else if (--waiting === 0) whenQuiet();
  };
  client.onClose = (error) => fail(error ?? new Error("the server closed a connection under load"));
}

function fail(error: Error): void {
  failure ??= error;
  running = false;
}

/** The first batch of every connection. */
function start(): void {
  for (const [i, client] of clients.entries()) client.socket.write(batchOf(i).chunk);
}

function sampleLoad(): LoadSample {
  if (failure !== undefined) throw failure;
  return { ...sample(), messages: finished * workload.inFlight };
}

/** Waits for the last echoes, so that the server has nothing left to do for these connections; then closes. */
async function stop(): Promise<void> {
  waiting = clients.length;
  const quiet = new Promise<void>((resolve) => {
    whenQuiet = resolve;
  });
  running = false;
  await quiet;
  if (failure !== undefined) throw failure;
  for (const client of clients) client.destroy();
  clients = [];
}
