/**
 * Feeds the decoder very many small streams, most of them wrong in some way:
 * `node --import tsx test/property/soak.ts [count]`, 10 million by default; HAWSER_SEED=… repeats a run.
 *
 * Each input goes to one decoder in one chunk and to another cut at random; both see the same. Some
 * decoders are fresh, some go on with the stream they have. Then the other backend sees what the first did.
 */

import { FrameDecoder, type FrameDecoderOptions } from "../../src/codec/index.js";
import { type KernelBackend, selectKernel } from "../../src/kernel/index.js";
import { randomNumbers, SEED } from "../support/property.js";

const count = Number(process.argv[2] ?? 10_000_000);
const BATCH_LENGTH = 10_000;
const PROGRESS_MS = 5000;

type Random = () => number;

const OPTIONS: readonly FrameDecoderOptions[] = [
  { role: "server" },
  { role: "client" },
  { role: "server", maxFrameSize: 100 },
  { role: "client", maxFrameSize: 65535, partial: true },
  { role: "server", partial: true },
  { role: "any", allowRsv1: true },
  { role: "server", allowRsv1: true, maxFrameSize: Infinity },
  { role: "any", midMessage: true, partial: true },
];

// Inputs ──────────────────────────────────────────────────────────────────────────────────────────

/** Where an input is written before it is copied. */
const draft = new Uint8Array(1 << 18);

/** Characters of every length, and the beginnings and ends of some. */
const PIECES = [
  [0x61],
  [0x7e, 0x20, 0x30],
  [0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b],
  [0xc3, 0xa9],
  [0xe6, 0xb0, 0xb4],
  [0xed, 0x9f, 0xbf],
  [0xf0, 0x9f, 0x98, 0x80],
  [0xf4, 0x8f, 0xbf, 0xbf],
];
const BROKEN = [[0x80], [0xc3], [0xe6, 0xb0], [0xf0, 0x9f], [0xff], [0xed, 0xa0], [0xc0], [0xf4, 0x90]];

/** Length of a payload: small nearly always. */
function payloadLength(random: Random): number {
  const choice = random() & 0xfff;
  if (choice === 0) return 65530 + (random() % 16);
  if (choice < 12) return random() % 5000;
  if (choice < 100) return 120 + (random() % 12);
  return random() % 40;
}

/** Writes a frame as the peer sends it; now and then one that it should not send. */
function writeFrame(random: Random, at: number, masked: boolean): number {
  const odd = random() & 63;
  let opcode = [1, 1, 1, 2, 2, 0, 0, 9, 10, 8][random() % 10];
  if (odd === 0) opcode = random() & 15;
  let first = opcode | (opcode >= 8 || random() & 3 ? 0x80 : 0);
  if (odd === 1) first ^= 0x10 << (random() & 3);
  if (opcode < 3 && odd >= 2 && odd < 6) first |= 0x40;
  let length = payloadLength(random);
  if (opcode >= 8) length %= 126;
  if (opcode === 8) length = length < 2 ? 0 : length;
  const wide = odd === 6 ? 2 : odd === 7 ? 8 : length < 126 ? 0 : length < 65536 ? 2 : 8;
  if (odd === 8) masked = !masked;
  draft[at++] = first;
  draft[at++] = (masked ? 0x80 : 0) | (wide === 0 ? length : wide === 2 ? 126 : 127);
  const announced = odd === 9 ? random() : length;
  for (let i = wide - 1; i >= 0; i--) draft[at++] = i < 4 ? announced >>> (8 * i) : odd === 10 ? random() : 0;
  const key = random();
  if (masked) for (let i = 0; i < 4; i++) draft[at++] = key >>> (8 * i);
  const start = at;
  const end = at + length;
  if (opcode === 8 && length > 0) {
    const code = random() & 7 ? 1000 + (random() & 3) : random() & 0x1fff;
    draft[at++] = code >> 8;
    draft[at++] = code;
  }
  if (opcode === 2 || (opcode !== 1 && random() & 1)) {
    while (at < end) draft[at++] = random();
  } else {
    while (at < end) {
      const piece = random() & 63 ? PIECES[random() & 7] : BROKEN[random() & 7];
      for (let i = 0; i < piece.length; i++) draft[at++] = piece[i];
      // A piece that does not fit is cut, or gives way to something that does.
      if (at > end && random() & 7) draft.fill(0x2e, at - piece.length, end);
    }
    at = end;
  }
  if (masked) for (let i = start; i < end; i++) draft[i] ^= key >>> (((i - start) & 3) << 3);
  return end;
}

function makeInput(random: Random, masked: boolean): Uint8Array {
  const kind = random() & 0xffff;
  let length = 0;
  if (kind < 0x1000) {
    length = random() & 63;
    for (let i = 0; i < length; i++) draft[i] = random();
  } else if (kind === 0x1000) {
    // More frames than a scan has records for.
    for (let frames = 1000 + (random() & 127); frames > 0; frames--)
      length = writeTiny(random, length, masked);
  } else {
    for (let frames = 1 + (random() & 3); frames > 0 && length < 0x20000; frames--) {
      length = writeFrame(random, length, masked);
    }
    if (kind & 1) {
      for (let changes = 1 + (random() & 1); changes > 0 && length > 0; changes--) {
        draft[random() % (random() & 1 ? length : Math.min(length, 16))] = random();
      }
    }
    if ((kind & 14) === 0) length = random() % (length + 1);
  }
  return draft.slice(0, length);
}

function writeTiny(random: Random, at: number, masked: boolean): number {
  draft[at++] = 0x89;
  draft[at++] = masked ? 0x81 : 0x01;
  if (masked) for (let i = 0; i < 4; i++) draft[at++] = 0x55;
  draft[at++] = random();
  return at;
}

// Decoders and what they say ─────────────────────────────────────────────────────────────────────

const PRIME = 0x01000193;

/** One of the two decoders of a pair, and all that it said, in one number. */
interface Reader {
  readonly decoder: FrameDecoder;
  digest: number;
  frames: number;
}

function newReader(options: FrameDecoderOptions): Reader {
  return { decoder: new FrameDecoder(options), digest: 0, frames: 0 };
}

function mix(digest: number, value: number): number {
  return Math.imul(digest ^ value, PRIME) ^ (digest >>> 15);
}

/** Reads all there is; `most` frames at most, or the decoder hangs. */
function read(reader: Reader, partial: boolean, textFirst: boolean, most: number): void {
  const { decoder } = reader;
  let { digest } = reader;
  for (let frames = 0; decoder.next(); frames++) {
    if (frames > most) throw new Error("more frames than bytes");
    const { opcode, fin, isFirstPart, isLastPart } = decoder;
    if (isFirstPart) {
      digest = mix(
        digest,
        opcode | (fin ? 0x10 : 0) | (decoder.rsv1 ? 0x20 : 0) | (decoder.masked ? 0x40 : 0),
      );
      digest = mix(digest, decoder.headerLength);
      digest = mix(digest, decoder.payloadLength);
      digest = mix(digest, decoder.maskingKey);
      digest = mix(digest, decoder.frameOffset);
    }
    const isText = opcode === 1 && fin && !decoder.rsv1 && isFirstPart && isLastPart && !partial;
    const text = isText && textFirst ? decoder.text() : "";
    const { payload } = decoder;
    for (let i = 0; i < payload.length; i++) digest = mix(digest, payload[i]);
    if (isText) digest = mixText(digest, textFirst ? text : decoder.text());
    if (!partial) digest = mix(digest, decoder.isAscii ? 1 : 2);
    if (isLastPart) {
      digest = mix(digest, 3);
      reader.frames++;
    }
  }
  reader.digest = digest;
}

function mixText(digest: number, text: string): number {
  for (let i = 0; i < text.length; i++) digest = mix(digest, text.charCodeAt(i));
  return digest;
}

/** All that is the same for both readers of a pair. */
function stateOf({ decoder, digest, frames }: Reader): number {
  const { error } = decoder;
  const state = mix(digest, frames);
  if (error === undefined) return mix(state, decoder.isBetweenMessages ? 1 : 0);
  return mix(mix(mixText(state, error.code), error.closeCode), error.offset);
}

const outcomes = new Map<string, number>();
let framesSeen = 0;

/** Runs a batch over a backend, and writes down a digest for each input. */
function runBatch(backend: KernelBackend, seed: number, digests: Int32Array, length: number): void {
  selectKernel(backend);
  const random = randomNumbers(seed);
  let options = OPTIONS[0];
  let whole = newReader(options);
  let cut = newReader(options);
  /** What this pair was fed, for the report of a failure. */
  let fed: Uint8Array[] = [];
  for (let i = 0; i < length; i++) {
    if (random() & 1 || whole.decoder.error !== undefined) {
      options = OPTIONS[random() & 7];
      whole = newReader(options);
      cut = newReader(options);
      fed = [];
    }
    const { role, partial = false } = options;
    const input = makeInput(random, role === "server" || (role === "any" && (random() & 1) === 1));
    fed.push(input);
    try {
      const before = whole.frames;
      const textFirst = (random() & 1) === 1;
      whole.decoder.push(input.slice());
      read(whole, partial, textFirst, input.length + 1);
      const queued = (random() & 3) === 0;
      let at = 0;
      for (let cuts = random() & 3; cuts > 0 && at < input.length; cuts--) {
        const end = Math.min(at + (random() & 15), input.length);
        cut.decoder.push(input.slice(at, end));
        if (!queued) read(cut, partial, !textFirst, input.length + 1);
        at = end;
      }
      cut.decoder.push(input.slice(at));
      read(cut, partial, !textFirst, input.length + 1);
      digests[i] = stateOf(whole);
      if (stateOf(cut) !== digests[i]) throw new Error("whole and cut differ");
      if (backend === "wasm") {
        framesSeen += whole.frames - before;
        const outcome = whole.decoder.error?.code ?? "no error";
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    } catch (error) {
      report(backend, seed, i, options, fed);
      throw error;
    }
  }
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

function report(
  backend: KernelBackend,
  seed: number,
  index: number,
  options: FrameDecoderOptions,
  fed: readonly Uint8Array[],
): void {
  console.error(`failed: HAWSER_SEED=${SEED}, batch seed ${seed}, input ${index}, backend ${backend}`);
  console.error(`options: ${JSON.stringify(options)}`);
  for (const input of fed.slice(-5)) {
    const shown = Buffer.from(input.subarray(0, 200)).toString("hex");
    console.error(`fed: ${input.length} bytes, ${shown}${input.length > 200 ? "…" : ""}`);
  }
}

// The run ─────────────────────────────────────────────────────────────────────────────────────────

const compiled = new Int32Array(BATCH_LENGTH);
const reference = new Int32Array(BATCH_LENGTH);
// Most inputs end in an error: what they cost would mostly be stack traces.
Error.stackTraceLimit = 0;
const started = performance.now();
let reported = started;
let firstRss = 0;
console.log(`soak: ${count} inputs, HAWSER_SEED=${SEED}`);
for (let done = 0, batch = 0; done < count; batch++) {
  const length = Math.min(BATCH_LENGTH, count - done);
  const seed = (SEED + Math.imul(batch, 0x9e3779b1)) | 0;
  runBatch("wasm", seed, compiled, length);
  runBatch("reference", seed, reference, length);
  for (let i = 0; i < length; i++) {
    if (compiled[i] === reference[i]) continue;
    throw new Error(`the backends differ: HAWSER_SEED=${SEED}, batch seed ${seed}, input ${i}`);
  }
  done += length;
  // By then all is compiled and the heap has its size.
  if (batch === 20) firstRss = process.memoryUsage.rss();
  if (performance.now() - reported > PROGRESS_MS) {
    reported = performance.now();
    const seconds = (reported - started) / 1000;
    const rss = mib(process.memoryUsage.rss());
    console.log(`${done} inputs, ${seconds.toFixed(0)} s, ${Math.round(done / seconds)}/s, RSS ${rss}`);
  }
}

const seconds = (performance.now() - started) / 1000;
const rss = process.memoryUsage.rss();
for (const [outcome, times] of [...outcomes].sort((a, b) => b[1] - a[1])) {
  console.log(`${String(times).padStart(10)}  ${outcome}`);
}
const growth = firstRss > 0 ? mib(rss - firstRss) : "unknown (too short a run)";
console.log(
  `soak: ${count} inputs, each whole and cut, on both backends: ${framesSeen} frames in ${seconds.toFixed(1)} s; ` +
    `no throw, no difference; RSS ${mib(rss)}, growth ${growth}; HAWSER_SEED=${SEED}`,
);
