/** `Sender` of `ws`: writes frames to a socket, encoded by hawser's codec. A WebSocket uses it for raw frames. */

import type { Duplex } from "node:stream";
import { encodeCloseBody, encodeFrame, FrameEncoder, isValidCloseCode, Opcode } from "../codec/index.js";
import { BlobQueue } from "./blob-queue.js";
import { asBuffer, byteLengthOf, bytesOf, EMPTY, isBlob } from "./bytes.js";
import { EXTENSION_NAME, type PerMessageDeflate } from "./per-message-deflate.js";
import type { Callback } from "./write-callbacks.js";

export type Extensions = Record<string, PerMessageDeflate>;
export type GenerateMask = (mask: Buffer) => void;

export interface FrameOptions {
  opcode: number;
  fin?: boolean;
  rsv1?: boolean;
  mask?: boolean;
  /** Has no effect: the bytes are never changed. */
  readOnly?: boolean;
  generateMask?: GenerateMask | undefined;
  maskBuffer?: Buffer | undefined;
}

/** The longest payload of a control frame, and of a close reason, in bytes. */
const MAX_CONTROL_LENGTH = 125;
const MAX_REASON_LENGTH = 123;

let headers: FrameEncoder | undefined;

export class Sender {
  onerror: (error: Error) => void = () => undefined;
  readonly _socket: Duplex;
  readonly _extensions: Extensions;
  /** Called before frames are written: writes queued frames first. */
  readonly #before: () => void;
  readonly #generateMask: GenerateMask | undefined;
  #isFirst = true;
  #compresses = false;
  /** Messages that wait for a Blob. @internal */
  readonly _queue: BlobQueue;

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
    this._queue = new BlobQueue(
      () => socket.destroyed,
      (error) => this.onerror(error),
    );
  }

  /** Bytes that wait for a Blob to be read and are not in the socket yet. */
  get _bufferedBytes(): number {
    return this._queue.byteLength;
  }

  /**
   * Encodes a frame.
   *
   * @returns the frame: one Buffer if it is masked, else the header and the payload.
   */
  static frame(data: string | Uint8Array, options: FrameOptions): Buffer[] {
    const { opcode, fin = false, rsv1 = false, mask = false, generateMask } = options;
    const payload = bytesOf(data);
    if (!mask) {
      headers ??= new FrameEncoder({ role: "server" });
      headers.header(opcode as Opcode, payload.length, { fin, rsv1 });
      const header = Buffer.from(headers.take());
      headers.recycle();
      return payload.length === 0 ? [header] : [header, asBuffer(payload)];
    }
    let key: boolean | Uint8Array = mask;
    if (generateMask !== undefined) {
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
    this._queue.run(() =>
      this.#write(body, { opcode: Opcode.Close, fin: true, mask: mask === true }, callback),
    );
  }

  /** Writes the bytes of whole frames immediately. */
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

  #whenRead(data: unknown, callback: Callback | undefined, use: (data: string | Uint8Array) => void): void {
    if (isBlob(data)) {
      this._queue.read(data, callback, use);
      return;
    }
    const bytes = typeof data === "string" ? data : bytesOf(data ?? EMPTY);
    this._queue.run(() => use(bytes), this._queue.isReading ? byteLengthOf(bytes) : 0, callback);
  }
}

/** @throws {RangeError} if the data is longer than a control frame allows. */
export function assertControlLength(data: unknown): void {
  if (byteLengthOf(data ?? EMPTY) <= MAX_CONTROL_LENGTH) return;
  throw new RangeError("The data size must not be greater than 125 bytes");
}

/**
 * Checks the arguments of `close`.
 *
 * @returns the reason, "" for none.
 * @throws {TypeError | RangeError} with the messages of `ws`.
 */
export function closeReasonOf(code: unknown, data: unknown): string {
  if (code === undefined) return "";
  if (typeof code !== "number" || !isValidCloseCode(code)) {
    throw new TypeError("First argument must be a valid error code number");
  }
  if (!(data as string | undefined)?.length) return "";
  if (typeof data !== "string" && !(data instanceof Uint8Array)) {
    throw new TypeError("Second argument must be a string or a Uint8Array");
  }
  if (Buffer.byteLength(data) > MAX_REASON_LENGTH) {
    throw new RangeError("The message must not be greater than 123 bytes");
  }
  return typeof data === "string" ? data : asBuffer(data).toString();
}
