/**
 * UTF-8: validating it, and making strings of it. "In the kernel" means bytes that lie in its memory, as
 * the payloads of a chunk do; `isValidUtf8` copies them there first.
 */

import { isUtf8 } from "node:buffer";
import { type Contest, check, type Field, type Rival, Sink } from "./harness.js";
import { isValidUtf8, kernel, layout } from "./hawser.js";
import { SIZES, TEXT_KINDS, type TextKind, texts } from "./payloads.js";
import { loadUtf8Validate } from "./rivals.js";

const IS_UTF8 = "buffer.isUtf8";
const UTF8_SLICE = "utf8Slice";

const utf8Validate = loadUtf8Validate();

/** Kinds that get every size; the others get a few. */
const MAIN_KINDS: readonly TextKind[] = ["ascii", "mixed"];
const FEW_SIZES = [16, 64, 1024, 65_536];
const WINDOW_SIZES = SIZES.filter((size) => size <= layout.WINDOW_LENGTH);

/** Methods of Buffer that Node's documentation leaves out. */
type SlicingBuffer = Buffer & {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
};

interface Validator extends Rival {
  readonly judge: (bytes: Buffer) => boolean;
}

export function* utf8Contests(field: Field): Generator<Contest> {
  for (const kind of TEXT_KINDS) {
    for (const size of MAIN_KINDS.includes(kind) ? SIZES : FEW_SIZES) yield validation(field, kind, size);
  }
  for (const kind of TEXT_KINDS) {
    for (const size of MAIN_KINDS.includes(kind) ? WINDOW_SIZES : FEW_SIZES)
      yield decoding(field, kind, size);
  }
}

/** Texts that take turns: as many as fit in the kernel's memory, so that branches are not learned by heart. */
function variants(kind: TextKind, size: number): SlicingBuffer[] {
  const count = Math.min(16, layout.WINDOW_LENGTH / size) | 0;
  return texts(kind, size, Math.max(1, count)).map((text) => Buffer.from(text) as SlicingBuffer);
}

/** Turns of one sample. */
function timesFor(size: number, count: number): number {
  return Math.max(1, Math.min(256, (1 << 18) / size / count)) | 0;
}

/** Places texts behind each other in the kernel's memory; returns their addresses. */
function place(buffers: readonly Buffer[], bytes: Uint8Array): number[] {
  return buffers.map((buffer, i) => {
    const address = layout.SCRATCH + i * buffer.length;
    bytes.set(buffer, address);
    return address;
  });
}

function validation(field: Field, kind: TextKind, size: number): Contest {
  const table = `validate UTF-8, ${kind}`;
  // Text larger than the kernel's memory repeats one piece, for every rival.
  const piece = Math.min(size, layout.WINDOW_LENGTH);
  const pieces = size / piece;
  const inputs = variants(kind, piece);
  const buffers = pieces === 1 ? inputs : [Buffer.concat(Array(pieces).fill(inputs[0]))];
  const times = timesFor(size, buffers.length);
  const sink = new Sink();
  const rivals =
    field === "duel"
      ? [inKernel("hawser, in the kernel"), hawser(), host(), addon()]
      : [host(), inKernel("hawser reference, in its kernel")];

  const cases = buffers.flatMap((buffer) => [buffer, ...corrupted(buffer)]);
  const expected = cases.map((bytes) => String(isText(bytes)));
  for (const { name, judge } of rivals) {
    const verdicts = cases.map((bytes) => String(judge(bytes)));
    check(`${table}, ${size} B`, name, verdicts, expected);
  }
  const operations = times * buffers.length;
  return { suite: "utf8", table, size, operations, peer: IS_UTF8, rivals };

  function inKernel(name: string): Validator {
    const { bytes, validateUtf8 } = kernel();
    const judge = (buffer: Buffer) => {
      let state = 0;
      for (let at = 0; at < buffer.length && state !== layout.UTF8_INVALID; at += piece) {
        bytes.set(buffer.subarray(at, at + piece), layout.SCRATCH);
        state = validateUtf8(layout.SCRATCH, layout.SCRATCH + Math.min(piece, buffer.length - at), state);
      }
      return state === 0;
    };
    let addresses: number[] = [];
    const prepare = () => {
      addresses = place(inputs, bytes);
    };
    const run = () => {
      let valid = 0;
      for (let i = 0; i < times; i++) {
        for (const address of addresses) {
          let state = 0;
          for (let n = 0; n < pieces; n++) state = validateUtf8(address, address + piece, state);
          if (state === 0) valid++;
        }
      }
      sink.sum += valid;
    };
    return { name, prepare, run, judge };
  }

  function hawser(): Validator {
    const run = () => {
      let valid = 0;
      for (let i = 0; i < times; i++) for (const buffer of buffers) if (isValidUtf8(buffer)) valid++;
      sink.sum += valid;
    };
    return { name: "hawser", run, judge: isValidUtf8 };
  }

  function host(): Validator {
    const run = () => {
      let valid = 0;
      for (let i = 0; i < times; i++) for (const buffer of buffers) if (isUtf8(buffer)) valid++;
      sink.sum += valid;
    };
    return { name: IS_UTF8, run, judge: isUtf8 };
  }

  function addon(): Validator {
    const run = () => {
      let valid = 0;
      for (let i = 0; i < times; i++) for (const buffer of buffers) if (utf8Validate(buffer)) valid++;
      sink.sum += valid;
    };
    return { name: "utf-8-validate", run, judge: utf8Validate };
  }
}

/** Bytes of the same length that end inside a character, and that have a stray byte in the middle. */
function corrupted(buffer: Buffer): Buffer[] {
  const cut = Buffer.from(buffer);
  cut[cut.length - 1] = 0xe2;
  const stray = Buffer.from(buffer);
  stray[stray.length >> 1] = 0xff;
  return [cut, stray];
}

/** The verdict of the Encoding Standard. */
function isText(bytes: Buffer): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function decoding(field: Field, kind: TextKind, size: number): Contest {
  const table = `UTF-8 to string, ${kind}`;
  const buffers = variants(kind, size);
  const expected = buffers.map((buffer) => buffer.toString());
  const times = timesFor(size, buffers.length);
  const sink = new Sink();
  const rivals =
    field === "duel"
      ? [transcoding("hawser, in the kernel"), slicing(), textDecoder()]
      : [slicing(), transcoding("hawser reference, in its kernel")];
  if (field === "duel" && kind === "ascii") rivals.push(latin1());
  for (const { name, prepare, run } of rivals) {
    sink.kept = [];
    prepare?.();
    run();
    check(`${table}, ${size} B`, name, sink.kept.slice(-expected.length), expected);
  }
  sink.kept = undefined;
  const operations = times * buffers.length;
  return { suite: "utf8", table, size, operations, peer: UTF8_SLICE, rivals };

  function transcoding(name: string): Rival {
    const { bytes, utf8ToUtf16 } = kernel();
    const memory = Buffer.from(bytes.buffer) as SlicingBuffer;
    const run = () => {
      for (let i = 0; i < times; i++) {
        for (let n = 0; n < buffers.length; n++) {
          const address = layout.SCRATCH + n * size;
          const units = utf8ToUtf16(address, address + size, layout.UTF16);
          sink.text(memory.ucs2Slice(layout.UTF16, layout.UTF16 + 2 * units));
        }
      }
    };
    return { name, prepare: () => place(buffers, bytes), run };
  }

  function slicing(): Rival {
    const run = () => {
      for (let i = 0; i < times; i++) {
        for (const buffer of buffers) sink.text(buffer.utf8Slice(0, size));
      }
    };
    return { name: UTF8_SLICE, run };
  }

  function textDecoder(): Rival {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    const run = () => {
      for (let i = 0; i < times; i++) {
        for (const buffer of buffers) sink.text(decoder.decode(buffer));
      }
    };
    return { name: "TextDecoder", run };
  }

  /** What hawser does with text that the kernel found to be ASCII. */
  function latin1(): Rival {
    const run = () => {
      for (let i = 0; i < times; i++) {
        for (const buffer of buffers) sink.text(buffer.latin1Slice(0, size));
      }
    };
    return { name: "latin1Slice", run };
  }
}
