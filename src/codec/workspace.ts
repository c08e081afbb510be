/**
 * The codec's side of the kernel's memory: views that are made once, and the lease on the window. One
 * memory serves every decoder of the thread, so the results of a scan belong to the holder of the lease only until
 * another decoder scans.
 */

import {
  type Kernel,
  kernel,
  RECEIVE,
  RECEIVE_LENGTH,
  SCRATCH,
  UTF16,
  WINDOW,
  WINDOW_LENGTH,
} from "../kernel/index.js";
import { createStringReader, type StringReader, writable } from "./host.js";

/** A scanner whose records or payloads lie in the window. */
export interface WindowHolder {
  /** Copies needed bytes out of the window, which is about to be overwritten. Never throws. */
  evict(): void;
}

/**
 * Views up to this length are kept, and one of the length that long payloads are masked by; making a view
 * costs more than masking a small payload (`bench/micro/masking.ts`).
 */
const KEPT_VIEW_LENGTH = 1024;

/** Bytes that go through SCRATCH at a time: few enough to stay in the first-level cache. */
export const SCRATCH_PIECE = 0x4000;

export class Workspace {
  readonly kernel: Kernel;
  /** Reads strings at addresses. */
  readonly strings: StringReader;
  /** All of linear memory, as `writeUtf8` wants it. */
  readonly memory: Uint8Array;
  readonly doubles: Float64Array;
  /** The code units of UTF16. */
  readonly units: Uint16Array;
  holder: WindowHolder | undefined = undefined;
  /** The result of `receiveBuffer`, once it was called. */
  receive: Uint8Array | undefined = undefined;
  readonly #scratchViews: Uint8Array[] = [];
  readonly #windowViews: Uint8Array[] = [];
  readonly #scratchPiece: Uint8Array;
  readonly #buffer: ArrayBufferLike;

  constructor(of: Kernel) {
    this.kernel = of;
    this.#buffer = of.bytes.buffer;
    this.strings = createStringReader(of.bytes);
    this.memory = writable(of.bytes);
    this.#scratchPiece = of.bytes.subarray(SCRATCH, SCRATCH + SCRATCH_PIECE);
    this.doubles = new Float64Array(of.bytes.buffer);
    this.units = new Uint16Array(of.bytes.buffer, UTF16, WINDOW_LENGTH);
  }

  /** The first `length` bytes of SCRATCH, to be copied out at once. */
  scratch(length: number): Uint8Array {
    if (length === SCRATCH_PIECE) return this.#scratchPiece;
    return this.#view(this.#scratchViews, SCRATCH, length);
  }

  /** The first `length` bytes of the window, to be copied out at once. */
  window(length: number): Uint8Array {
    return this.#view(this.#windowViews, WINDOW, length);
  }

  /** Bytes at an address; valid until they are overwritten. */
  view(address: number, length: number): Uint8Array {
    return new Uint8Array(this.#buffer, address, length);
  }

  #view(kept: Uint8Array[], address: number, length: number): Uint8Array {
    if (length > KEPT_VIEW_LENGTH) return this.kernel.bytes.subarray(address, address + length);
    return (kept[length] ??= this.kernel.bytes.subarray(address, address + length));
  }

  /** Makes `holder` the one whose data is in the window. */
  lease(holder: WindowHolder): void {
    const before = this.holder;
    this.holder = holder;
    if (before !== holder) before?.evict();
  }
}

const made = /* @__PURE__ */ new Map<Kernel, Workspace>();
let current: Workspace | undefined;

/** The workspace of the kernel in use; each kernel has one. */
export function workspace(): Workspace {
  const inUse = kernel();
  return current?.kernel === inUse ? current : workspaceOf(inUse);
}

function workspaceOf(inUse: Kernel): Workspace {
  current = made.get(inUse) ?? new Workspace(inUse);
  made.set(inUse, current);
  return current;
}

/**
 * A region of kernel memory that a socket may read to: a chunk that lies there (a view of it, from its
 * beginning) is scanned in place, which spares two copies. One region serves all sockets of the thread, so
 * before the next read, read all frames of a chunk that was pushed, or call `retain` of its decoder.
 *
 * @returns 512 KiB, the same at every call.
 */
export function receiveBuffer(): Uint8Array {
  return (workspace().receive ??= workspace().view(RECEIVE, RECEIVE_LENGTH));
}

/** Which kernel is in use: WebAssembly, or plain TypeScript where that is forbidden. */
export function kernelBackend(): Kernel["backend"] {
  return kernel().backend;
}
