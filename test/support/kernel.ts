/** Calls a kernel the way tests want it: bytes in, plain values out, nothing left of the call before. */

import * as layout from "../../src/kernel/generated/layout.js";
import type { Kernel } from "../../src/kernel/index.js";

export interface SeenRecord {
  readonly firstByte: number;
  readonly masked: boolean;
  readonly first: boolean;
  readonly last: boolean;
  readonly ascii: boolean;
  readonly headerLength: number;
  /** Relative to the window. */
  readonly start: number;
  readonly length: number;
  readonly key: number;
}

export interface SeenScan {
  readonly records: SeenRecord[];
  readonly status: number;
  /** Relative to the window. */
  readonly position: number;
  /** Only when it is what broke a rule. */
  readonly length: number | undefined;
  readonly state: SeenState;
  /** The window behind the scan, as long as the scanned bytes. */
  readonly window: Uint8Array;
}

/** STATE, as far as the contract says what it holds. */
export interface SeenState {
  readonly frame: number;
  readonly key: number;
  readonly remaining: number;
  readonly message: number;
  readonly utf8: number;
  readonly spill: readonly number[];
}

/** What one scan goes on from: the bytes of STATE. */
export type State = Uint8Array;

export const FRESH: State = new Uint8Array(layout.STATE_LENGTH);

/** Of a stream that may begin inside a message. */
export const MID_MESSAGE: State = FRESH.slice();
MID_MESSAGE[layout.STATE_MESSAGE] = layout.MESSAGE_ANY;

function readRecord(kernel: Kernel, index: number): SeenRecord {
  const at = (layout.RECORDS + index * layout.RECORD_LENGTH) >> 2;
  const [word, address, length, key] = kernel.words.subarray(at, at + 4);
  return {
    firstByte: word & 0xff,
    masked: (word & layout.RECORD_MASKED) !== 0,
    first: (word & layout.RECORD_FIRST) !== 0,
    last: (word & layout.RECORD_LAST) !== 0,
    ascii: (word & layout.RECORD_ASCII) !== 0,
    headerLength: word >>> layout.RECORD_HEADER_SHIFT,
    start: address - layout.WINDOW,
    length,
    key: key >>> 0,
  };
}

function readState(kernel: Kernel): SeenState {
  const view = new DataView(kernel.bytes.buffer, layout.STATE, layout.STATE_LENGTH);
  const spillLength = view.getUint32(layout.STATE_SPILL_LENGTH, true);
  return {
    frame: view.getUint32(layout.STATE_FRAME, true),
    key: view.getUint32(layout.STATE_MASKING_KEY, true),
    remaining: view.getFloat64(layout.STATE_REMAINING, true),
    message: view.getUint32(layout.STATE_MESSAGE, true),
    utf8: view.getUint32(layout.STATE_UTF8, true),
    spill: [
      ...new Uint8Array(kernel.bytes.buffer, layout.STATE + layout.STATE_SPILL, Math.min(spillLength, 14)),
    ],
  };
}

/** STATE as the next scan needs it. */
export function copyState(kernel: Kernel): State {
  return kernel.bytes.slice(layout.STATE, layout.STATE + layout.STATE_LENGTH);
}

/** Scans `bytes` put at the beginning of the window. */
export function scan(
  kernel: Kernel,
  bytes: Uint8Array,
  options = 0,
  maxFrameSize = Infinity,
  state: State = FRESH,
): SeenScan {
  kernel.bytes.set(state, layout.STATE);
  kernel.bytes.set(bytes, layout.WINDOW);
  return rescan(kernel, 0, bytes.length, options, maxFrameSize);
}

/** Scans the bytes that are in the window already, from where STATE is now. */
export function rescan(
  kernel: Kernel,
  start: number,
  end: number,
  options: number,
  maxFrameSize: number,
): SeenScan {
  const count = kernel.scan(layout.WINDOW + start, layout.WINDOW + end, options, maxFrameSize);
  const view = new DataView(kernel.bytes.buffer, layout.RESULT, 64);
  const status = view.getUint32(layout.RESULT_STATUS, true);
  const aboutLength = status >= layout.STATUS_LENGTH_NOT_MINIMAL && status <= layout.STATUS_FRAME_TOO_BIG;
  return {
    records: Array.from({ length: count }, (_, index) => readRecord(kernel, index)),
    status,
    position: view.getUint32(layout.RESULT_POSITION, true) - layout.WINDOW,
    length: aboutLength ? view.getFloat64(layout.RESULT_LENGTH, true) : undefined,
    state: readState(kernel),
    window: kernel.bytes.slice(layout.WINDOW, layout.WINDOW + end),
  };
}

/** The payload bytes of a record. */
export function payloadOf(seen: SeenScan, index: number): Uint8Array {
  const { start, length } = seen.records[index];
  return seen.window.subarray(start, start + length);
}

/** Names of the STATUS_ numbers, so that a failure says which rule it is about. */
export const STATUS_NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(layout)
    .filter(([name]) => name.startsWith("STATUS_"))
    .map(([name, value]) => [value, name.slice("STATUS_".length)]),
);
