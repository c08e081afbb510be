/** The sending half of an open WebSocket: maps `send`, `ping` and `pong` of `ws` to hawser's connection. */

import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Connection } from "../node/index.js";
import { Message } from "../protocol/index.js";
import { BlobQueue } from "./blob-queue.js";
import { byteLengthOf, bytesOf, isBlob, payloadOf } from "./bytes.js";
import { notOpen } from "./errors.js";
import { EXTENSION_NAME } from "./per-message-deflate.js";
import { assertControlLength, type Extensions, type GenerateMask, Sender } from "./sender.js";
import type { SendOptions } from "./types.js";
import { type Callback, WriteCallbacks } from "./write-callbacks.js";

/** The `readyState`. */
const CLOSING = 2;

/** If the system took all bytes so far, it is assumed to have room for this many queued bytes. */
const LEAST_COUNTED = 0x4000;

/** By default, strings are sent as text and bytes as binary. */
const AS_TEXT = { type: "text" } as const;
const AS_BINARY = { type: "binary" } as const;
const COMPRESSED = {
  text: { type: "text", compress: true },
  binary: { type: "binary", compress: true },
} as const;
const UNCOMPRESSED = {
  text: { type: "text", compress: false },
  binary: { type: "binary", compress: false },
} as const;

export class Outgoing {
  readonly #connection: Connection<unknown>;
  readonly #socket: Duplex;
  readonly #extensions: Extensions;
  readonly #generateMask: GenerateMask | undefined;
  /** Whether `sendPlain` may be used: no compression, no `generateMask`, and no Blob or message in parts so far. */
  #isPlain: boolean;
  #sender: Sender | undefined = undefined;
  #callbacks: WriteCallbacks | undefined = undefined;
  /** The type of the message that is currently sent in parts. */
  #begun: "text" | "binary" | undefined = undefined;
  /** Made for the first Blob. */
  #queue: BlobQueue | undefined = undefined;
  readonly #mayWrite: () => boolean;
  readonly #failed: (error: Error) => void;

  /**
   * @param mayWrite - returns whether the peer's Close came and ours has not left: hawser's connection takes no more
   *   messages then, but those that waited for a Blob are still sent.
   * @param failed - called with the error if a message that waited for a Blob cannot be sent.
   */
  constructor(
    connection: Connection<unknown>,
    socket: Duplex,
    extensions: Extensions,
    generateMask: GenerateMask | undefined,
    mayWrite: () => boolean,
    failed: (error: Error) => void,
  ) {
    this.#mayWrite = mayWrite;
    this.#failed = failed;
    this.#connection = connection;
    this.#socket = socket;
    this.#extensions = extensions;
    this.#generateMask = generateMask;
    this.#isPlain = generateMask === undefined && extensions[EXTENSION_NAME] === undefined;
  }

  /** The Sender, which writes ready-made frames after the queued ones. */
  get sender(): Sender {
    if (this.#sender === undefined) {
      const before = () => this.#connection.flush();
      this.#sender = new Sender(this.#socket, this.#extensions, this.#generateMask, before);
      this.#sender.onerror = this.#failed;
    }
    return this.#sender;
  }

  /** Bytes that the system has not taken. Queued frames are written first, unless they are few and it took the rest. */
  get bufferedAmount(): number {
    const { writableLength } = this.#socket;
    const isTaken = this.#socket instanceof Socket && writableLength === 0;
    if (!isTaken || this.#connection.bufferedAmount > LEAST_COUNTED) this.#connection.flush();
    return (this.#queue?.byteLength ?? 0) + (this.#sender?._bufferedBytes ?? 0) + this.#socket.writableLength;
  }

  /**
   * The fast path for most messages: sends a string as text, or bytes as binary, whole and uncompressed.
   *
   * @returns false if the message does not qualify or cannot be sent. Nothing is sent then.
   */
  sendPlain(data: unknown): boolean {
    if (!this.#isPlain || (typeof data !== "string" && !(data instanceof Uint8Array))) return false;
    return this.#connection.send(data) !== undefined;
  }

  /** @throws {TypeError} if the data cannot be sent. */
  send(given: unknown, options: SendOptions | undefined, callback: Callback | undefined): void {
    const isString = typeof given === "string";
    // As in `ws`, an option counts if it is present, even if its value is undefined.
    const asked = options !== undefined && "binary" in options;
    const isBinary = asked ? Boolean(options.binary) : !isString && typeof given !== "number";
    const fin = options === undefined || !("fin" in options) || Boolean(options.fin);
    const mayCompress = options === undefined || !("compress" in options) || Boolean(options.compress);
    const data = isString ? given : payloadOf(given);
    if (this.#generateMask !== undefined) {
      const mask = this.#connection.role === "client";
      this.sender.send(data, { binary: isBinary, compress: mayCompress, fin, mask }, callback);
      return;
    }
    const deflate = this.#extensions[EXTENSION_NAME];
    const compresses = mayCompress && deflate?.compresses(byteLengthOf(data)) === true;
    const type = isBinary ? "binary" : "text";
    if (isBlob(data)) {
      this.#isPlain = false;
      this.#queue ??= new BlobQueue(() => this.#socket.destroyed, this.#failed);
      const sendBytes = (bytes: Uint8Array) => this.#sendNow(bytes, type, compresses, fin, callback);
      this.#queue.read(data, callback, sendBytes);
    } else if (this.#queue?.isReading === true) {
      // The caller may change the bytes while they wait.
      const copy = typeof data === "string" ? data : Buffer.from(bytesOf(data));
      const sendCopy = () => this.#sendNow(copy, type, compresses, fin, callback);
      this.#queue.run(sendCopy, byteLengthOf(copy), callback);
    } else {
      this.#sendNow(data, type, compresses, fin, callback);
    }
  }

  #sendNow(
    data: unknown,
    type: "text" | "binary",
    compresses: boolean,
    fin: boolean,
    callback: Callback | undefined,
  ): void {
    const isCompressed = this.#extensions[EXTENSION_NAME] !== undefined;
    const isPart = !fin || this.#begun !== undefined;
    const sent = isPart
      ? this.#sendPart(data, type, compresses, !fin)
      : this.#sendWhole(data, type, isCompressed ? compresses : undefined);
    if (sent !== undefined) this.#whenWritten(callback);
    else if (isPart || !this.#mayWrite()) this.#refuse(callback);
    else {
      const options = { binary: type === "binary", fin: true, mask: this.#connection.role === "client" };
      // Uncompressed: a compressor of its own would not share the connection's context.
      this.sender.send(data, options, callback);
    }
  }

  /** The connection closed while the message waited. */
  #refuse(callback: Callback | undefined): void {
    if (typeof callback === "function") process.nextTick(callback, notOpen(CLOSING));
  }

  /** Runs a function after the Blobs that are being read. */
  whenRead(work: () => void, byteLength = 0, callback?: Callback): void {
    const queue = this.#generateMask === undefined ? this.#queue : this.#sender?._queue;
    if (queue === undefined) work();
    else queue.run(work, byteLength, callback);
  }

  #sendWhole(data: unknown, type: "text" | "binary", compress: boolean | undefined): boolean | undefined {
    const value = typeof data === "string" ? data : bytesOf(data);
    if (compress !== undefined)
      return this.#connection.send(value, compress ? COMPRESSED[type] : UNCOMPRESSED[type]);
    if ((typeof value === "string") === (type === "text")) return this.#connection.send(value);
    return this.#connection.send(value, type === "text" ? AS_TEXT : AS_BINARY);
  }

  #sendPart(
    data: unknown,
    type: "text" | "binary",
    compress: boolean,
    partial: boolean,
  ): boolean | undefined {
    this.#isPlain = false;
    this.#begun ??= type;
    const value = typeof data === "string" && this.#begun === "text" ? data : bytesOf(data);
    const sent = this.#connection.sendAll(new Message(value, this.#begun, partial), { compress });
    if (!partial) this.#begun = undefined;
    return sent;
  }

  /** @throws {RangeError} for more than 125 bytes. */
  control(type: "ping" | "pong", given: unknown, callback: Callback | undefined): void {
    const data = payloadOf(given);
    assertControlLength(data);
    if (this.#generateMask !== undefined || isBlob(data)) {
      this.sender[type](data, this.#connection.role === "client", callback);
      return;
    }
    const bytes = bytesOf(data);
    const sendNow = () => {
      if (this.#connection.sendAll(new Message(bytes, type)) !== undefined) this.#whenWritten(callback);
      else if (this.#mayWrite()) this.sender[type](bytes, this.#connection.role === "client", callback);
      else this.#refuse(callback);
    };
    this.whenRead(sendNow, bytes.length, callback);
  }

  #whenWritten(callback: Callback | undefined): void {
    if (typeof callback !== "function") return;
    this.#callbacks ??= new WriteCallbacks(this.#socket);
    this.#callbacks.add(callback);
  }

  /** Writes queued frames, and calls the callbacks of frames that the system has taken. */
  flush(): void {
    this.#connection.flush();
    this.#callbacks?.settle();
  }
}

/** Whether the options only set `binary` to its default. */
export function isDefault(data: unknown, options: unknown): boolean {
  if (typeof options !== "object" || options === null || !("binary" in options)) return false;
  if ("fin" in options || "compress" in options) return false;
  return options.binary === (typeof data !== "string");
}
