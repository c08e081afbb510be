/**
 * Masking: in the kernel's own memory, as the decoder does it, and on ordinary Buffers, as code does that
 * has bufferutil today.
 */

import { type Contest, check, type Field, type Rival, Sink } from "./harness.js";
import { kernel, layout, mask, unmask } from "./hawser.js";
import { binaries, maskedCopy, SIZES } from "./payloads.js";
import { loadBufferUtil } from "./rivals.js";

const BUFFERUTIL = "bufferutil";
const KEY = Buffer.from("37fa213d", "hex");
const bufferUtil = loadBufferUtil();

interface Masker extends Rival {
  /** The payload, masked once, in the way that `run` does it many times. */
  readonly output: () => Buffer;
}

export function* maskingContests(field: Field): Generator<Contest> {
  for (const size of SIZES) yield inPlace(field, size);
  if (field === "duel") for (const size of SIZES) yield intoAnother(size);
}

function timesFor(size: number): number {
  return Math.max(4, Math.min(4096, (1 << 20) / size));
}

/** Payloads lie in chunks behind a header: 6, 8 or 14 bytes from the beginning, aligned to nothing. */
function offsetFor(size: number): number {
  return size < 126 ? 6 : size < 65_536 ? 8 : 14;
}

function verified(table: string, size: number, payload: Buffer, rivals: readonly Masker[]): Contest {
  const expected = [maskedCopy(payload, KEY)];
  for (const { name, output } of rivals) check(`${table}, ${size} B`, name, [output()], expected);
  return { suite: "masking", table, size, operations: timesFor(size), peer: BUFFERUTIL, rivals };
}

function inPlace(field: Field, size: number): Contest {
  const [payload] = binaries(size, 1);
  const times = timesFor(size);
  const offset = offsetFor(size);
  const sink = new Sink();
  const rivals =
    field === "duel"
      ? [inKernel("hawser, in the kernel"), hawserUnmask(), bufferUtilUnmask(), loop()]
      : [bufferUtilUnmask(), inKernel("hawser reference, in its kernel")];
  return verified("unmask in place", size, payload, rivals);

  function chunked(): Buffer {
    const chunk = Buffer.allocUnsafeSlow(offset + size);
    payload.copy(chunk, offset);
    return chunk.subarray(offset);
  }

  /** More than fits is masked window by window, as a large frame is: 64 KiB that stay in the cache. */
  function inKernel(name: string): Masker {
    const { bytes, mask } = kernel();
    const start = layout.SCRATCH + offset;
    const length = Math.min(size, layout.WINDOW_LENGTH);
    const pieces = size / length;
    const key = KEY.readInt32LE();
    const output = () => {
      const whole = Buffer.alloc(size);
      let rotated = key;
      for (let at = 0; at < size; at += length) {
        bytes.set(payload.subarray(at, at + length), start);
        rotated = mask(start, start, length, rotated);
        whole.set(bytes.subarray(start, start + length), at);
      }
      return whole;
    };
    const run = () => {
      for (let i = 0; i < times; i++) {
        for (let piece = 0; piece < pieces; piece++) mask(start, start, length, key);
      }
      sink.bytes(bytes.subarray(start, start + length));
    };
    return { name, output, run };
  }

  function hawserUnmask(): Masker {
    const bytes = chunked();
    const output = () => {
      const fresh = chunked();
      unmask(fresh, KEY);
      return fresh;
    };
    const run = () => {
      for (let i = 0; i < times; i++) unmask(bytes, KEY);
      sink.bytes(bytes);
    };
    return { name: "hawser", output, run };
  }

  function bufferUtilUnmask(): Masker {
    const bytes = chunked();
    const output = () => {
      const fresh = chunked();
      bufferUtil.unmask(fresh, KEY);
      return fresh;
    };
    const run = () => {
      for (let i = 0; i < times; i++) bufferUtil.unmask(bytes, KEY);
      sink.bytes(bytes);
    };
    return { name: BUFFERUTIL, output, run };
  }

  function loop(): Masker {
    const bytes = chunked();
    const once = (target: Buffer) => {
      for (let at = 0; at < target.length; at++) target[at] ^= KEY[at & 3];
      return target;
    };
    const run = () => {
      for (let i = 0; i < times; i++) once(bytes);
      sink.bytes(bytes);
    };
    return { name: "a loop", output: () => once(chunked()), run };
  }
}

function intoAnother(size: number): Contest {
  const [payload] = binaries(size, 1);
  const times = timesFor(size);
  const offset = offsetFor(size);
  const target = Buffer.allocUnsafeSlow(offset + size);
  const output = target.subarray(offset);
  const sink = new Sink();
  return verified("mask into another buffer", size, payload, [hawserMask(), bufferUtilMask(), loop()]);

  function hawserMask(): Masker {
    const run = () => {
      for (let i = 0; i < times; i++) mask(payload, KEY, target, offset, size);
      sink.bytes(output);
    };
    return { name: "hawser", output: () => ran(run), run };
  }

  function bufferUtilMask(): Masker {
    const run = () => {
      for (let i = 0; i < times; i++) bufferUtil.mask(payload, KEY, target, offset, size);
      sink.bytes(output);
    };
    return { name: BUFFERUTIL, output: () => ran(run), run };
  }

  function loop(): Masker {
    const run = () => {
      for (let i = 0; i < times; i++) {
        for (let at = 0; at < size; at++) target[offset + at] = payload[at] ^ KEY[at & 3];
      }
      sink.bytes(output);
    };
    return { name: "a loop", output: () => ran(run), run };
  }

  function ran(run: () => void): Buffer {
    output.fill(0);
    run();
    return Buffer.from(output);
  }
}
