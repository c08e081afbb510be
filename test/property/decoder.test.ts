/** The decoder against the oracle, and against itself: cut anywhere, in parts, among other decoders. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { FrameDecoder, type FrameDecoderOptions } from "../../src/codec/index.js";
import { eachBackend } from "../support/backends.js";
import { decodeChunks, drain, type Seen, type SeenFrame, seeError, seeFrame } from "../support/decoding.js";
import {
  arbitraryCuts,
  arbitraryFrames,
  arbitraryMutatedStream,
  type Bytes,
  cutAt,
  stream,
} from "../support/frames.js";
import { toHex } from "../support/hex.js";
import { itHolds } from "../support/property.js";
import { judgeStream } from "../support/stream-oracle.js";

const arbitraryRole = fc.constantFrom("server" as const, "client" as const);

/** A stream, valid or not, the options of the decoder that gets it, and where it is cut. */
const arbitraryCase: fc.Arbitrary<{ bytes: Bytes; options: FrameDecoderOptions; cuts: number[] }> = fc
  .tuple(arbitraryRole, fc.constantFrom(1 << 20, 65535, 125, Infinity, 0), fc.boolean(), fc.boolean())
  .chain(([role, maxFrameSize, allowRsv1, valid]) =>
    fc.record({
      bytes: valid ? arbitraryFrames(role).map(stream) : arbitraryMutatedStream(role),
      options: fc.constant({ role, maxFrameSize, allowRsv1 }),
      cuts: arbitraryCuts,
    }),
  );

/** As the oracle puts it. */
function judged({ frames, error }: Seen) {
  return {
    frames: frames.map(({ opcode, fin, rsv1, masked, headerLength, frameOffset, payload }) => ({
      opcode,
      fin,
      rsv1,
      masked,
      headerLength,
      frameOffset,
      payload,
    })),
    error: error && { code: error.code, closeCode: error.closeCode, offset: error.offset },
  };
}

eachBackend("decoding", () => {
  itHolds("says what the oracle says", 400, arbitraryCase, ({ bytes, options }) => {
    const wanted = judgeStream(bytes, options as Parameters<typeof judgeStream>[1]);
    const frames = wanted.frames.map((frame) => ({ ...frame, payload: toHex(frame.payload) }));
    assert.deepEqual(judged(decodeChunks([new Uint8Array(bytes)], options)), { ...wanted, frames });
  });

  itHolds("says the same however the stream is cut", 400, arbitraryCase, ({ bytes, options, cuts }) => {
    const whole = decodeChunks([new Uint8Array(bytes)], options);
    for (const reading of ["text first", "payload first", "queued"] as const) {
      assert.deepEqual(decodeChunks(cutAt(bytes, cuts), options, reading), whole, reading);
    }
  });

  itHolds("says the same in parts", 300, arbitraryCase, ({ bytes, options, cuts }) => {
    const whole = decodeChunks([new Uint8Array(bytes)], options);
    const decoder = new FrameDecoder({ ...options, partial: true });
    const parts: SeenFrame[] = [];
    for (const piece of cutAt(bytes, cuts)) {
      decoder.push(piece);
      drain(decoder, parts);
    }
    assert.deepEqual(seeError(decoder), whole.error);
    const joined: { frameOffset: number; opcode: number; payload: string }[] = [];
    let open = false;
    for (const part of parts) {
      assert.equal(part.isFirstPart, !open);
      const { frameOffset, opcode } = part;
      if (part.isFirstPart) joined.push({ frameOffset, opcode, payload: "" });
      joined[joined.length - 1].payload += part.payload;
      open = !part.isLastPart;
    }
    const complete = open ? joined.slice(0, -1) : joined;
    assert.deepEqual(
      complete,
      whole.frames.map(({ frameOffset, opcode, payload }) => ({ frameOffset, opcode, payload })),
    );
    if (open && whole.error?.code === "WS_ERR_INVALID_UTF8") {
      // All that came before the wrong byte was delivered, and not one byte more.
      const { frameOffset, payload } = joined[joined.length - 1];
      const headerLength = parts[parts.length - 1].headerLength;
      assert.equal(frameOffset + headerLength + payload.length / 2, whole.error.offset);
    }
  });

  itHolds(
    "says the same among other decoders",
    200,
    fc.tuple(
      fc.array(arbitraryCase, { minLength: 2, maxLength: 4 }),
      fc.array(fc.nat(), { minLength: 5, maxLength: 60 }),
    ),
    ([cases, turns]) => {
      const wanted = cases.map(({ bytes, options }) => decodeChunks([new Uint8Array(bytes)], options));
      const readers = cases.map(({ bytes, options, cuts }) => ({
        decoder: new FrameDecoder(options),
        chunks: cutAt(bytes, cuts),
        frames: [] as SeenFrame[],
      }));
      const step = (turn: number) => {
        const { decoder, chunks, frames } = readers[turn % readers.length];
        const action = Math.floor(turn / readers.length) % 3;
        if (action === 0 && chunks.length > 0) decoder.push(chunks.shift() as Bytes);
        else if (decoder.next()) frames.push(seeFrame(decoder, action === 1));
      };
      for (const turn of turns) step(turn);
      // Then the rest in turns.
      for (let turn = 0; readers.some(({ chunks }) => chunks.length > 0); turn++) step(turn);
      let progress = true;
      while (progress) {
        progress = false;
        for (const { decoder, frames } of readers) {
          if (!decoder.next()) continue;
          frames.push(seeFrame(decoder));
          progress = true;
        }
      }
      assert.deepEqual(
        readers.map(({ decoder, frames }) => ({ frames, error: seeError(decoder) })),
        wanted,
      );
    },
  );
});
