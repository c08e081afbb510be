/** Feeds a FrameDecoder and writes down, as plain values, everything it said. */

import assert from "node:assert/strict";
import { FrameDecoder, type FrameDecoderOptions, LimitError } from "../../src/codec/index.js";
import { toHex } from "./hex.js";

export interface SeenFrame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly rsv1: boolean;
  readonly masked: boolean;
  readonly headerLength: number;
  readonly payloadLength: number;
  readonly maskingKey: number;
  readonly frameOffset: number;
  readonly isFirstPart: boolean;
  readonly isLastPart: boolean;
  readonly isAscii: boolean;
  /** In hexadecimal, so that a failure is readable. */
  readonly payload: string;
  /** Undefined where `text` is not for this frame. */
  readonly text: string | undefined;
}

export interface SeenError {
  readonly name: string;
  readonly message: string;
  readonly code: string;
  readonly closeCode: number;
  readonly offset: number;
  readonly limit: number | undefined;
  readonly actual: number | undefined;
}

export interface Seen {
  readonly frames: SeenFrame[];
  readonly error: SeenError | undefined;
}

/** The current frame. `textFirst` asks for the string first, else a copy of the payload: three different paths. */
export function seeFrame(decoder: FrameDecoder, textFirst = true): SeenFrame {
  const { opcode, fin, rsv1, masked, headerLength, payloadLength, maskingKey } = decoder;
  const { frameOffset, isFirstPart, isLastPart, isAscii } = decoder;
  assert.equal(decoder.error, undefined, "an error shows only once everything before it was delivered");
  const isText = opcode === 1 && fin && !rsv1 && isFirstPart && isLastPart;
  let text = isText && textFirst ? decoder.text() : undefined;
  const copied = textFirst ? undefined : copyOf(decoder);
  const payload = toHex(decoder.payload);
  if (copied !== undefined) assert.equal(copied, payload, "the copy is the payload");
  if (isText && !textFirst) text = decoder.text();
  return {
    opcode,
    fin,
    rsv1,
    masked,
    headerLength,
    payloadLength,
    maskingKey,
    frameOffset,
    isFirstPart,
    isLastPart,
    isAscii,
    payload,
    text,
  };
}

/** What `copyPayload` copies, which must not touch the bytes around it. */
function copyOf(decoder: FrameDecoder): string {
  const { length } = decoder;
  const target = new Uint8Array(length + 5).fill(0xee);
  decoder.copyPayload(target, 2);
  const around = [...target.subarray(0, 2), ...target.subarray(2 + length)];
  assert.deepEqual(around, [0xee, 0xee, 0xee, 0xee, 0xee]);
  return toHex(target.subarray(2, 2 + length));
}

export function seeError(decoder: FrameDecoder): SeenError | undefined {
  const { error } = decoder;
  if (error === undefined) return undefined;
  const { name, message, code, closeCode, offset } = error;
  const limit = error instanceof LimitError ? error.limit : undefined;
  const actual = error instanceof LimitError ? error.actual : undefined;
  return { name, message, code, closeCode, offset, limit, actual };
}

/** Reads all there is to read now. */
export function drain(decoder: FrameDecoder, frames: SeenFrame[] = [], textFirst = true): SeenFrame[] {
  while (decoder.next()) frames.push(seeFrame(decoder, textFirst));
  return frames;
}

export type Reading = "text first" | "payload first" | "queued";

/**
 * Decodes chunks: each read before the next is pushed, or all pushed before the first is read. The chunks
 * are the decoder's: it unmasks them. Payloads are looked at once more at the end: they are the caller's,
 * so nothing that came later may have changed them.
 */
export function decodeChunks(
  chunks: readonly Uint8Array[],
  options: FrameDecoderOptions,
  reading: Reading = "text first",
): Seen {
  const decoder = new FrameDecoder(options);
  const frames: SeenFrame[] = [];
  const payloads: Uint8Array[] = [];
  const read = () => {
    while (decoder.next()) {
      frames.push(seeFrame(decoder, reading !== "payload first"));
      payloads.push(decoder.payload);
    }
  };
  for (const chunk of chunks) {
    decoder.push(chunk);
    if (reading !== "queued") read();
  }
  if (reading === "queued") read();
  const kept = payloads.map((payload) => toHex(payload));
  assert.deepEqual(
    kept,
    frames.map(({ payload }) => payload),
    "payloads stay as they were handed out",
  );
  return { frames, error: seeError(decoder) };
}
