/** The sending half of an open WebSocket: what `send`, `ping` and `pong` of `ws` mean for hawser's connection. */

import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Connection } from "../node/index.js";
import { Message } from "../protocol/index.js";
import { BlobQueue } from "./blob-queue.js";
import { byteLengthOf, bytesOf, isBlob, payloadOf } from "./bytes.js";
import { EXTENSION_NAME } from "./per-message-deflate.js";
import { assertControlLength, type Extensions, type GenerateMask, Sender } from "./sender.js";
import type { SendOptions } from "./types.js";
import { type Callback, WriteCallbacks } from "./write-callbacks.js";

/** Up to this many queued bytes the system is taken to have room for, if it took all that came before. */
const LEAST_COUNTED = 0x4000;

/** A string is text by itself, and bytes are binary. */
const AS_TEXT = { type: "text" } as const;
const AS_BINARY = { type: "binary" } as const;

const DEFAULTS = { compress: true, fin: true };

export class Outgoing {
  readonly #connection: Connection<unknown>;
  readonly #socket: Duplex;
  readonly #extensions: Extensions;
  readonly #generateMask: GenerateMask | undefined;
  #sender: Sender | undefined = undefined;
  #callbacks: WriteCallbacks | undefined = undefined;
  /** The type of the message that is being sent in parts. */
  #begun: "text" | "binary" | undefined = undefined;
  /** Since the first Blob. */
  #queue: BlobQueue | undefined = undefined;
  readonly #failed: (error: Error) => void;

  constructor(
    connection: Connection<unknown>,
    socket: Duplex,
    extensions: Extensions,
    generateMask: GenerateMask | undefined,
    failed: (error: Error) => void,
  ) {
    this.#failed = failed;
    this.#connection = connection;
    this.#socket = socket;
    this.#extensions = extensions;
    this.#generateMask = generateMask;
  }

  /** Writes frames that others made, behind those that are queued. */
  get sender(): Sender {
    this.#sender ??= new Sender(this.#socket, this.#extensions, this.#generateMask, () =>
      this.#connection.flush(),
    );
    return this.#sender;
  }

  /** Bytes that the system has not taken. Frames that leave at the end of the turn are offered to it first. */
  get bufferedAmount(): number {
    const { writableLength } = this.#socket;
    const isTaken = this.#socket instanceof Socket && writableLength === 0;
    if (!isTaken || this.#connection.bufferedAmount > LEAST_COUNTED) this.#connection.flush();
    return (this.#queue?.byteLength ?? 0) + (this.#sender?._bufferedBytes ?? 0) + this.#socket.writableLength;
  }

  /** @throws {TypeError} for what cannot be sent. */
  send(given: unknown, options: SendOptions | undefined, callback: Callback | undefined): void {
    const isString = typeof given === "string";
    // Most messages.
    if (options === undefined && this.#isPlain && (isString || given instanceof Uint8Array)) {
      this.#connection.send(given);
      if (callback !== undefined) this.#whenWritten(callback);
      return;
    }
    const { compress, fin }: SendOptions = { ...DEFAULTS, ...options };
    const isText = typeof given === "string" || typeof given === "number";
    const isBinary = options !== undefined && "binary" in options ? Boolean(options.binary) : !isText;
    const data = isString ? given : payloadOf(given);
    if (this.#generateMask !== undefined) {
      const mask = this.#connection.role === "client";
      const sending = { binary: isBinary, compress: Boolean(compress), fin: Boolean(fin), mask };
      this.sender.send(data, sending, callback);
      return;
    }
    const compresses =
      Boolean(compress) && this.#extensions[EXTENSION_NAME]?.compresses(byteLengthOf(data)) === true;
    const type = isBinary ? "binary" : "text";
    const queue = this.#queue;
    if (isBlob(data)) {
      const fail = (error: Error) => this.#failed(error);
      (this.#queue ??= new BlobQueue(() => this.#socket.destroyed)).read(
        data,
        callback,
        (bytes) => this.#sendNow(bytes, type, { compresses, fin: Boolean(fin) }, callback),
        fail,
      );
    } else if (queue?.isReading === true) {
      // It may change while it waits.
      const copy = typeof data === "string" ? data : Buffer.from(bytesOf(data));
      queue.run(
        () => this.#sendNow(copy, type, { compresses, fin: Boolean(fin) }, callback),
        byteLengthOf(copy),
        callback,
      );
    } else {
      this.#sendNow(data, type, { compresses, fin: Boolean(fin) }, callback);
    }
  }

  #sendNow(
    data: unknown,
    type: "text" | "binary",
    { compresses, fin }: { readonly compresses: boolean; readonly fin: boolean },
    callback: Callback | undefined,
  ): void {
    const isCompressed = this.#extensions[EXTENSION_NAME] !== undefined;
    if (!fin || this.#begun !== undefined) this.#sendPart(data, type, compresses, !fin);
    else this.#sendWhole(data, type, isCompressed ? compresses : undefined);
    this.#whenWritten(callback);
  }

  /** Does something behind the Blobs that are being read. */
  whenRead(work: () => void): void {
    if (this.#queue === undefined) work();
    else this.#queue.run(work);
  }

  get #isPlain(): boolean {
    return (
      this.#begun === undefined &&
      this.#generateMask === undefined &&
      this.#queue?.isReading !== true &&
      this.#extensions[EXTENSION_NAME] === undefined
    );
  }

  #sendWhole(data: unknown, type: "text" | "binary", compress: boolean | undefined): void {
    const value = typeof data === "string" ? data : bytesOf(data);
    if (compress !== undefined) this.#connection.send(value, { type, compress });
    else if ((typeof value === "string") === (type === "text")) this.#connection.send(value);
    else this.#connection.send(value, type === "text" ? AS_TEXT : AS_BINARY);
  }

  #sendPart(data: unknown, type: "text" | "binary", compress: boolean, partial: boolean): void {
    this.#begun ??= type;
    const value = typeof data === "string" && this.#begun === "text" ? data : bytesOf(data);
    this.#connection.sendAll(new Message(value, this.#begun, partial), { compress });
    if (!partial) this.#begun = undefined;
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
    this.whenRead(() => {
      this.#connection.sendAll(new Message(bytes, type));
      this.#whenWritten(callback);
    });
  }

  #whenWritten(callback: Callback | undefined): void {
    if (typeof callback !== "function") return;
    this.#callbacks ??= new WriteCallbacks(this.#socket);
    this.#callbacks.add(callback);
  }

  /** Writes what is queued, and finds out what the system has taken. */
  flush(): void {
    this.#connection.flush();
    this.#callbacks?.settle();
  }
}
