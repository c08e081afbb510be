/**
 * Chunks that a socket read to the kernel's memory: the same frames as from any other chunk, even if others read
 * to the same place meanwhile.
 */

import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { encodeText, FrameDecoder, type FrameDecoderOptions, receiveBuffer } from "../../src/codec/index.js";
import { RECEIVE, RECEIVE_LENGTH } from "../../src/kernel/generated/layout.js";
import { eachBackend } from "../support/backends.js";
import { decodeChunks, type SeenFrame, seeError, seeFrame } from "../support/decoding.js";
import {
  arbitraryCuts,
  arbitraryFrames,
  arbitraryMutatedStream,
  BINARY,
  type Bytes,
  CONTINUATION,
  cutAt,
  cutEvery,
  frame,
  KEY,
  stream,
  TEXT,
} from "../support/frames.js";
import { hex, toHex, utf8 } from "../support/hex.js";
import { itHolds, randomBytes, randomNumbers } from "../support/property.js";

const SERVER = { role: "server" } as const;
const CLIENT = { role: "client" } as const;
const GARBAGE = 0xdb;

/** Puts a chunk where a socket would have read it to. */
function place(chunk: Uint8Array): Uint8Array {
  const region = receiveBuffer();
  region.set(chunk);
  return region.subarray(0, chunk.length);
}

/** What the next read does to the chunk before. */
function overwrite(length: number): void {
  receiveBuffer().fill(GARBAGE, 0, length);
}

/** How one chunk is treated. */
interface Step {
  readonly inPlace: boolean;
  /** Frames that are read before the next chunk comes; the others later. */
  readonly reads: number;
  /** How a payload is looked at. */
  readonly look: "payload" | "text" | "copied" | "borrowed" | "after retain";
}

const arbitrarySteps = fc.array(
  fc.record<Step>({
    inPlace: fc.boolean(),
    reads: fc.oneof({ weight: 1, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: fc.constant(Infinity) }),
    look: fc.constantFrom("payload", "text", "copied", "borrowed", "after retain"),
  }),
  { minLength: 1, maxLength: 6 },
);

/** Reads a stream chunk by chunk, in the way that `steps` say in turn. */
class Reader {
  readonly decoder: FrameDecoder;
  readonly frames: SeenFrame[] = [];
  readonly #payloads: Uint8Array[] = [];
  readonly #chunks: readonly Uint8Array[];
  readonly #steps: readonly Step[];
  #next = 0;

  constructor(chunks: readonly Uint8Array[], options: FrameDecoderOptions, steps: readonly Step[]) {
    this.decoder = new FrameDecoder(options);
    this.#chunks = chunks;
    this.#steps = steps;
  }

  get isDone(): boolean {
    return this.#next === this.#chunks.length;
  }

  step(): void {
    const { inPlace, reads, look } = this.#steps[this.#next % this.#steps.length];
    const chunk = this.#chunks[this.#next++];
    this.decoder.push(inPlace ? place(chunk) : new Uint8Array(chunk));
    let left = reads;
    while (left > 0 && this.decoder.next()) {
      left--;
      if (look === "after retain" && left === 0) break;
      this.#see(look);
    }
    this.decoder.retain();
    if (inPlace) overwrite(chunk.length);
    if (look === "after retain" && reads !== Infinity && reads > 0 && left === 0) this.#see("payload");
  }

  rest(): void {
    while (this.decoder.next()) this.#see("payload");
  }

  #see(look: Step["look"]): void {
    const { decoder } = this;
    const borrowed = look === "borrowed" ? toHex(decoder.borrowedPayload) : undefined;
    const seen = seeFrame(decoder, look === "text");
    if (borrowed !== undefined) assert.equal(borrowed, seen.payload, "borrowed bytes are the payload's");
    this.frames.push(seen);
    this.#payloads.push(decoder.payload);
  }

  /** Payloads are the caller's: later reads have not changed them. */
  assertKept(): void {
    this.#payloads.forEach((payload, i) => {
      assert.ok(toHex(payload) === this.frames[i].payload, `payload ${i} stays as it was handed out`);
      assert.notEqual(payload.buffer, receiveBuffer().buffer, "no view of the kernel's memory leaves");
    });
  }
}

/** Parts of frames, put together: cuts of chunks must not show in them. */
function joined(frames: readonly SeenFrame[]) {
  const whole: { opcode: number; fin: boolean; payload: string; ended: boolean }[] = [];
  for (const { opcode, fin, payload, isFirstPart, isLastPart } of frames) {
    if (isFirstPart) whole.push({ opcode, fin, payload: "", ended: false });
    const last = whole[whole.length - 1];
    last.payload += payload;
    last.ended = isLastPart;
  }
  return whole.filter(({ payload, ended }) => ended || payload !== "");
}

function assertSame(bytes: Bytes, cuts: number[], steps: readonly Step[], options: FrameDecoderOptions) {
  const wanted = decodeChunks(cutAt(bytes, cuts), options);
  const reader = new Reader(cutAt(bytes, cuts), options, steps);
  while (!reader.isDone) reader.step();
  reader.rest();
  reader.assertKept();
  assert.deepEqual(seeError(reader.decoder), wanted.error);
  if (options.partial === true) assert.deepEqual(joined(reader.frames), joined(wanted.frames));
  else assert.deepEqual(reader.frames, wanted.frames);
}

eachBackend("receiveBuffer", (kernel) => {
  it("is one region of the kernel's memory, the same at every call", () => {
    const region = receiveBuffer();
    assert.deepEqual([region.byteOffset, region.length], [RECEIVE, RECEIVE_LENGTH]);
    assert.equal(region.buffer, kernel().bytes.buffer);
    assert.equal(receiveBuffer(), region);
  });

  for (const options of [SERVER, CLIENT]) {
    for (const partial of [false, true]) {
      itHolds(
        `gives the frames of ordinary chunks, ${options.role}, ${partial ? "in parts" : "whole"}`,
        150,
        fc.tuple(arbitraryFrames(options.role), arbitraryCuts, arbitrarySteps),
        ([frames, cuts, steps]) => assertSame(stream(frames), cuts, steps, { ...options, partial }),
      );
      itHolds(
        `finds the same violations, ${options.role}, ${partial ? "in parts" : "whole"}`,
        150,
        fc.tuple(arbitraryMutatedStream(options.role), arbitraryCuts, arbitrarySteps),
        ([bytes, cuts, steps]) => assertSame(bytes, cuts, steps, { ...options, partial }),
      );
    }
  }

  itHolds(
    "serves several decoders in turn",
    80,
    fc.tuple(
      fc.array(fc.tuple(arbitraryFrames("server"), arbitraryCuts, arbitrarySteps), {
        minLength: 2,
        maxLength: 4,
      }),
      fc.array(fc.nat(3), { minLength: 1, maxLength: 20 }),
    ),
    ([streams, order]) => {
      const readers = streams.map(
        ([frames, cuts, steps]) => new Reader(cutAt(stream(frames), cuts), SERVER, steps),
      );
      for (let i = 0; readers.some(({ isDone }) => !isDone); i++) {
        const open = readers.filter(({ isDone }) => !isDone);
        open[order[i % order.length] % open.length].step();
      }
      // Also the rests are read in turn: each scan evicts the one before.
      for (const reader of readers) reader.rest();
      readers.forEach((reader, i) => {
        reader.assertKept();
        const [frames, cuts] = streams[i];
        assert.deepEqual(reader.frames, decodeChunks(cutAt(stream(frames), cuts), SERVER).frames);
      });
    },
  );

  it("keeps chunks that wait behind others, each read into the same place", () => {
    const decoder = new FrameDecoder(SERVER);
    const chunks = ["one", "two", "three"].map((text) =>
      frame({ opcode: TEXT, payload: utf8(text), key: KEY }),
    );
    for (const chunk of chunks) {
      decoder.push(place(chunk));
      decoder.retain();
      overwrite(100);
    }
    const texts: string[] = [];
    while (decoder.next()) texts.push(decoder.text());
    assert.deepEqual(texts, ["one", "two", "three"]);
  });

  it("tells whether the current chunk lies there", () => {
    const decoder = new FrameDecoder(SERVER);
    const bytes = frame({ opcode: TEXT, payload: utf8("one"), key: KEY });
    decoder.push(place(bytes));
    assert.ok(decoder.next());
    assert.equal(decoder.isInReceiveBuffer, true);
    decoder.retain();
    assert.equal(decoder.isInReceiveBuffer, false);
    assert.equal(decoder.text(), "one");
    decoder.push(bytes.slice());
    assert.ok(decoder.next());
    assert.equal(decoder.isInReceiveBuffer, false);
  });

  it("lends bytes of the region itself, and gives copies", () => {
    const decoder = new FrameDecoder(SERVER);
    decoder.push(place(frame({ opcode: BINARY, payload: hex("01 02 03"), key: KEY })));
    assert.ok(decoder.next());
    const borrowed = decoder.borrowedPayload;
    assert.equal(borrowed.buffer, receiveBuffer().buffer);
    const { payload } = decoder;
    overwrite(100);
    assert.equal(toHex(payload), "010203");
    assert.equal(toHex(borrowed), "dbdbdb");
  });

  it("takes frames as long as the region, and longer ones in parts", () => {
    const next = randomNumbers(7);
    for (const length of [RECEIVE_LENGTH - 14, RECEIVE_LENGTH + 5000]) {
      const payload = randomBytes(next, length);
      const bytes = frame({ opcode: BINARY, payload, key: KEY });
      const decoder = new FrameDecoder({ ...SERVER, maxFrameSize: length });
      let found = 0;
      for (const piece of cutEvery(bytes, RECEIVE_LENGTH)) {
        decoder.push(place(piece));
        for (; decoder.next(); found++) assert.equal(Buffer.compare(decoder.payload, payload), 0);
        decoder.retain();
        overwrite(piece.length);
      }
      assert.deepEqual([found, decoder.error], [1, undefined]);
    }
  });

  it("may be read to while a fragmented text waits for its end, cut inside characters", () => {
    const text = "水😀é".repeat(50);
    const bytes = stream([
      { opcode: TEXT, fin: false, payload: utf8(text).subarray(0, 101), key: KEY },
      { opcode: CONTINUATION, payload: utf8(text).subarray(101), key: KEY },
    ]);
    for (const size of [1, 2, 3, 7, 64]) {
      const decoder = new FrameDecoder(SERVER);
      let seen = "";
      for (const piece of cutEvery(bytes, size)) {
        decoder.push(place(piece));
        while (decoder.next()) seen += toHex(decoder.payload);
        decoder.retain();
        overwrite(piece.length);
      }
      assert.equal(seen, toHex(utf8(text)));
    }
  });

  it("leaves ordinary chunks alone when asked to retain", () => {
    const decoder = new FrameDecoder(CLIENT);
    const chunk = Buffer.from(encodeText("one"));
    decoder.push(chunk);
    decoder.retain();
    assert.ok(decoder.next());
    assert.equal(decoder.payload.buffer, chunk.buffer, "a view of the chunk, not of a copy");
  });
});
