/** `Sender` of `ws`: frames for a socket, by hawser's codec. A WebSocket uses one for frames that others made. */

import type { Duplex } from "node:stream";
import { encodeCloseBody, encodeFrame, FrameEncoder, isValidCloseCode, Opcode } from "../codec/index.js";
import { asBuffer, byteLengthOf, bytesOf, EMPTY, isBlob } from "./bytes.js";
import { throwLater } from "./errors.js";
import { EXTENSION_NAME, type PerMessageDeflate } from "./per-message-deflate.js";

export type Callback = (error?: Error | null) => void;
export type Extensions = Record<string, PerMessageDeflate>;
export type GenerateMask = (mask: Buffer) => void;

export interface FrameOptions {
  opcode: number;
  fin?: boolean;
  rsv1?: boolean;
  mask?: boolean;
  /** It has no effect: the bytes are never changed. */
  readOnly?: boolean;
  generateMask?: GenerateMask | undefined;
  maskBuffer?: Buffer | undefined;
}

/** Payloads from this length on are not copied behind their header, where they need not be masked. */
const LEAST_UNCOPIED_LENGTH = 0x4000;

/** The longest payload of a control frame, and of a close reason, in bytes. */
const MAX_CONTROL_LENGTH = 125;
const MAX_REASON_LENGTH = 123;

let headers: FrameEncoder | undefined;

export class Sender {
  onerror: (error: Error) => void = () => undefined;
  /** Bytes that are counted, and not in the socket: of messages that wait, and of those that cannot be sent. */
  _bufferedBytes = 0;
  readonly _socket: Duplex;
  readonly _extensions: Extensions;
  /** Runs before frames are written: others may have to go first. */
  readonly #before: () => void;
  readonly #generateMask: GenerateMask | undefined;
  #isFirst = true;
  #compresses = false;
  /** Work that waits for a Blob to be read. */
  #queue: (() => void)[] | undefined = undefined;

  constructor(
    socket: Duplex,
    extensions: Extensions = {},
    generateMask?: GenerateMask,
    before: () => void = () => undefined,
  ) {
    this._socket = socket;
    this._extensions = extensions;
    this.#generateMask = generateMask;
    this.#before = before;
  }

  /**
   * Encodes a frame.
   *
   * @returns the bytes of the frame, in one piece or two.
   */
  static frame(data: string | Uint8Array, options: FrameOptions): Buffer[] {
    const { opcode, fin = false, rsv1 = false, mask = false, generateMask } = options;
    const payload = typeof data === "string" ? data : bytesOf(data);
    if (!mask && typeof payload !== "string" && payload.length >= LEAST_UNCOPIED_LENGTH) {
      headers ??= new FrameEncoder({ role: "server" });
      headers.header(opcode as Opcode, payload.length, { fin, rsv1 });
      const header = Buffer.from(headers.take());
      headers.recycle();
      return [header, asBuffer(payload)];
    }
    let key: boolean | Uint8Array = mask;
    if (mask && generateMask !== undefined) {
      key = options.maskBuffer ?? Buffer.alloc(4);
      generateMask(key as Buffer);
    }
    return [asBuffer(encodeFrame(opcode as Opcode, payload, { fin, rsv1, mask: key }))];
  }

  /** Sends a message, or a part of one. */
  send(
    data: unknown,
    options: { binary?: boolean; compress?: boolean; fin?: boolean; mask?: boolean },
    callback?: Callback,
  ): void {
    const deflate: PerMessageDeflate | undefined = this._extensions[EXTENSION_NAME];
    const { binary, compress, fin = false, mask = false } = options;
    const isFirst = this.#isFirst;
    if (isFirst) {
      const mayCompress = compress === true && deflate !== undefined;
      this.#compresses = mayCompress && deflate.compresses(byteLengthOf(data));
    }
    this.#isFirst = fin;
    const opcode = !isFirst ? Opcode.Continuation : binary === true ? Opcode.Binary : Opcode.Text;
    const rsv1 = isFirst && this.#compresses;
    const compresses = this.#compresses;
    this.#whenRead(data, callback, (bytes) => {
      if (!compresses || deflate === undefined) {
        this.#write(bytes, { opcode, fin, rsv1: false, mask }, callback);
        return;
      }
      deflate.compress(bytes, fin, (_, compressed) => {
        this.#write(compressed as Buffer, { opcode, fin, rsv1, mask }, callback);
      });
    });
  }

  ping(data: unknown, mask?: boolean, callback?: Callback): void {
    this.#control(Opcode.Ping, data, mask, callback);
  }

  pong(data: unknown, mask?: boolean, callback?: Callback): void {
    this.#control(Opcode.Pong, data, mask, callback);
  }

  close(code?: number, data?: string | Uint8Array, mask?: boolean, callback?: Callback): void {
    const body = encodeCloseBody(code, closeReasonOf(code, data));
    this.#run(() => this.#write(body, { opcode: Opcode.Close, fin: true, mask: mask === true }, callback));
  }

  /** Writes the bytes of whole frames, now. */
  sendFrame(list: readonly Uint8Array[], callback?: Callback): void {
    this.#before();
    const socket = this._socket;
    const last = list.length - 1;
    if (last > 0) socket.cork();
    list.forEach((bytes, index) => {
      if (index === last) socket.write(bytes, callback);
      else socket.write(bytes);
    });
    if (last > 0) socket.uncork();
  }

  #control(opcode: Opcode, data: unknown, mask: boolean | undefined, callback: Callback | undefined): void {
    assertControlLength(data);
    this.#whenRead(data, callback, (bytes) =>
      this.#write(bytes, { opcode, fin: true, mask: mask === true }, callback),
    );
  }

  #write(data: string | Uint8Array, options: FrameOptions, callback: Callback | undefined): void {
    this.sendFrame(Sender.frame(data, { ...options, generateMask: this.#generateMask }), callback);
  }

  /** Does something in its order: at once, or behind a Blob that is being read. */
  #run(work: () => void): void {
    if (this.#queue === undefined) work();
    else this.#queue.push(work);
  }

  #whenRead(data: unknown, callback: Callback | undefined, use: (data: string | Uint8Array) => void): void {
    if (isBlob(data)) {
      this.#run(() => this.#read(data, callback, use));
      return;
    }
    const bytes = typeof data === "string" ? data : bytesOf(data ?? EMPTY);
    this.#run(() => use(bytes));
  }

  #read(blob: Blob, callback: Callback | undefined, use: (data: Uint8Array) => void): void {
    this.#queue = [];
    this._bufferedBytes += blob.size;
    const drop = (error: Error) => {
      this.#queue = undefined;
      if (callback !== undefined) process.nextTick(callback, error);
    };
    blob.arrayBuffer().then(
      (buffer) => {
        this._bufferedBytes -= blob.size;
        if (this._socket.destroyed) drop(new Error("The socket was closed while the blob was being read"));
        else this.#goOn(() => use(Buffer.from(buffer)));
      },
      (error: Error) => {
        drop(error);
        this.onerror(error);
      },
    );
  }

  #goOn(first: () => void): void {
    const waiting = this.#queue ?? [];
    this.#queue = undefined;
    try {
      first();
      for (
        let work: (() => void) | undefined;
        this.#queue === undefined && (work = waiting.shift()) !== undefined;
      )
        work();
    } catch (thrown) {
      throwLater(thrown);
    }
    // One of them was a Blob: the others wait behind it.
    (this.#queue as (() => void)[] | undefined)?.push(...waiting);
  }
}

/** @throws {RangeError} for more than a control frame can carry. */
export function assertControlLength(data: unknown): void {
  if (byteLengthOf(data ?? EMPTY) <= MAX_CONTROL_LENGTH) return;
  throw new RangeError("The data size must not be greater than 125 bytes");
}

/**
 * Checks the arguments of `close`.
 *
 * @returns the reason, "" for none.
 * @throws {TypeError | RangeError} in the words of `ws`.
 */
export function closeReasonOf(code: unknown, data: unknown): string {
  if (code === undefined) return "";
  if (typeof code !== "number" || !isValidCloseCode(code)) {
    throw new TypeError("First argument must be a valid error code number");
  }
  if (data === undefined || data === null || (data as string).length === 0) return "";
  if (typeof data !== "string" && !(data instanceof Uint8Array)) {
    throw new TypeError("Second argument must be a string or a Uint8Array");
  }
  if (Buffer.byteLength(data) > MAX_REASON_LENGTH) {
    throw new RangeError("The message must not be greater than 123 bytes");
  }
  return typeof data === "string" ? data : asBuffer(data).toString();
}
