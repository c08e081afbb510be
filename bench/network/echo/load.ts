/**
 * The load's process of `npm run bench:echo`. Each connection has a script of chunks, encoded before: one is written
 * at once, and the next when the echo of the one before came back. What the bytes say is compared before any timing;
 * while the clock runs bytes are counted, and one echo of many compared.
 */

import { type Frame, splitFrames } from "../../micro/payloads.js";
import { answer } from "../calls.js";
import { type Client, openClients } from "../client.js";
import { type Compression, checkAnswer, Inflater, offerOf } from "../deflate.js";
import { ByteCounter, type EchoCounter, FrameCounter } from "../echo-counter.js";
import { sampleLoad, spin } from "../spin.js";
import type { LoadSample } from "../usage.js";
import { chunkOf, type Message, type Script, writeScripts } from "./script.js";
import type { Workload } from "./workloads.js";

/** Where the server is, and how to talk to it. */
export interface Place {
  readonly port: number;
  /** Whether it is a bare echo of bytes, masks and all. */
  readonly raw: boolean;
  readonly compression: Compression;
}

/** A moment of the load, and the messages that had come back by then. */
export interface EchoSample extends LoadSample {
  readonly messages: number;
}

/** What verifying found: bytes of messages, and what they took in frames, without the headers. */
export interface Volume {
  readonly messages: number;
  readonly payloads: number;
}

const BAD_ECHO = "an echo is longer than the message, or differs from it";

let workload: Workload;
let scripts: Partial<Record<Compression, Promise<readonly Script[]>>> = {};
/** Of the connections that are open: how each begins. */
let starts: (() => void)[] = [];
let clients: Client[] = [];
let running = false;
let finished = 0;
/** Connections that still wait for an echo, while the load is being stopped. */
let waiting = 0;
let whenQuiet = () => {};
let failure: Error | undefined;

const methods = { prepare, verify, open, start, sample: sampleEchoes, stop };
export type LoadMethods = typeof methods;

answer(methods);

function prepare(next: Workload): void {
  workload = next;
  scripts = {};
}

/** The scripts of a workload, written when they are first asked for. */
function scriptsFor(compression: Compression): Promise<readonly Script[]> {
  return (scripts[compression] ??= Promise.resolve(writeScripts(workload, compression)));
}

/** A bare server sends back what it gets; of others the bytes are known, unless they compress. */
function counterFor({ raw }: Place, { echo }: Script): EchoCounter {
  return raw || echo !== undefined ? new ByteCounter() : new FrameCounter(workload.inFlight);
}

function echoOf(chunk: Buffer, { raw }: Place, { echo }: Script): Buffer {
  return raw ? chunk : (echo ?? chunk);
}

async function connect({ port, raw, compression }: Place, count: number): Promise<Client[]> {
  const opened = await openClients(count, () => ({ port, raw, extensions: offerOf(compression) }));
  for (const client of opened) checkAnswer(compression, client.extensions);
  return opened;
}

/**
 * Goes through scripts on connections of their own; throws unless each answer is the same messages, framed as they
 * must be. Those of more than one chunk are gone through twice, and once more begun.
 */
async function verify(place: Place): Promise<Volume> {
  const all = await scriptsFor(place.compression);
  const isCycle = all[0].messages.length > 1;
  const opened = await connect(place, isCycle ? all.length : workload.connections);
  const volumes = await Promise.all(
    opened.map(async (client, i) => {
      const script = all[i % all.length];
      const counter = counterFor(place, script);
      const inflater = new Inflater(place.compression);
      const volume = { messages: 0, payloads: 0 };
      for (let j = 0; j < (isCycle ? 2 * script.messages.length + 1 : 1); j++) {
        const chunk = chunkOf(script, j);
        const echo = await exchange(client, counter, chunk, echoOf(chunk, place, script));
        if (place.raw) {
          if (!echo.equals(chunk)) throw new Error("the echo differs from the message");
          continue;
        }
        const frames = splitFrames(echo);
        await compare(frames, script.messages[j % script.messages.length], place.compression, inflater);
        for (const { payload } of frames) volume.payloads += payload.length;
        for (const message of script.messages[j % script.messages.length])
          volume.messages += Buffer.byteLength(message);
      }
      inflater.close();
      return volume;
    }),
  );
  await settled();
  if (failure !== undefined) throw failure;
  for (const client of opened) client.destroy();
  const total = (pick: (volume: Volume) => number) => volumes.reduce((sum, volume) => sum + pick(volume), 0);
  return { messages: total(({ messages }) => messages), payloads: total(({ payloads }) => payloads) };
}

/** By then, surplus answers have arrived. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}

/** Sends a chunk. Resolves with its echo. */
function exchange(client: Client, counter: EchoCounter, chunk: Buffer, expected: Buffer): Promise<Buffer> {
  const received: Buffer[] = [];
  return new Promise<Buffer>((resolve, reject) => {
    client.onClose = (error) => reject(error ?? new Error("closed before the echo was complete"));
    client.onBytes = (bytes, length) => {
      received.push(Buffer.from(bytes.subarray(0, length)));
      const missing = counter.take(bytes, length);
      if (missing < 0) reject(new Error(BAD_ECHO));
      if (missing !== 0) return;
      client.onBytes = (_bytes, more) => fail(new Error(`${more} bytes more came back than an echo has`));
      resolve(Buffer.concat(received));
    };
    counter.begin(expected);
    client.socket.write(chunk);
  });
}

async function compare(
  frames: readonly Frame[],
  expected: readonly Message[],
  compression: Compression,
  inflater: Inflater,
): Promise<void> {
  if (frames.length !== expected.length) throw new Error(`${frames.length} frames, not ${expected.length}`);
  const isCompressed = compression !== "none";
  for (const [i, { flags, payload }] of frames.entries()) {
    const isText = workload.kind !== "binary";
    const expectedFlags = 0x80 | (isCompressed ? 0x40 : 0) | (isText ? 1 : 2);
    if (flags !== expectedFlags) throw new Error(`a frame that begins with ${flags}, not ${expectedFlags}`);
    const message = isCompressed ? await inflater.inflate(payload) : payload;
    if (!message.equals(Buffer.from(expected[i]))) {
      throw new Error("the messages of the echo differ from those sent");
    }
  }
}

async function open(place: Place): Promise<void> {
  const all = await scriptsFor(place.compression);
  clients = await connect(place, workload.connections);
  failure = undefined;
  running = true;
  starts = clients.map((client, i) => {
    const script = all[i % all.length];
    return attach(client, script, place);
  });
}

/** Counts the echoes of one connection. Returns what begins. */
function attach(client: Client, script: Script, place: Place): () => void {
  const { socket } = client;
  const counter = counterFor(place, script);
  let next = 0;
  const send = () => {
    const chunk = chunkOf(script, next++);
    counter.begin(echoOf(chunk, place, script));
    socket.write(chunk);
  };
  client.onBytes = (bytes, length) => {
    const missing = counter.take(bytes, length);
    if (missing > 0) return;
    if (missing < 0) fail(new Error(BAD_ECHO));
    finished++;
    if (running) send();
    else if (--waiting === 0) whenQuiet();
  };
  client.onClose = (error) => fail(error ?? new Error("the server closed a connection under load"));
  return send;
}

function fail(error: Error): void {
  failure ??= error;
  running = false;
}

/** Sends the first chunk of every connection. */
function start({ shallSpin }: { readonly shallSpin: boolean }): void {
  spin(shallSpin);
  for (const begin of starts) begin();
}

function sampleEchoes(): EchoSample {
  if (failure !== undefined) throw failure;
  return { ...sampleLoad(), messages: finished * workload.inFlight };
}

/** Waits for the last echoes, so that the server has nothing left to do for these connections; then closes. */
async function stop(): Promise<void> {
  waiting = clients.length;
  const quiet = new Promise<void>((resolve) => {
    whenQuiet = resolve;
  });
  running = false;
  await quiet;
  spin(false);
  if (failure !== undefined) throw failure;
  for (const client of clients) client.destroy();
  clients = [];
}
