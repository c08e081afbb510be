/** `Receiver` of `ws`: a Writable that makes messages of chunks, by hawser's Endpoint. */

import { Writable } from "node:stream";
import { type AnyMessage, Endpoint } from "../protocol/index.js";
import { asBuffer, type BinaryType, EMPTY, shapeOf } from "./bytes.js";
import { wordedAsWs } from "./errors.js";
import { EXTENSION_NAME } from "./per-message-deflate.js";
import type { Extensions } from "./sender.js";

export interface ReceiverOptions {
  allowSynchronousEvents?: boolean;
  binaryType?: BinaryType;
  extensions?: Extensions;
  isServer?: boolean;
  maxPayload?: number;
  maxBufferedChunks?: number;
  maxFragments?: number;
  skipUTF8Validation?: boolean;
}

/** Emits message(data, isBinary), ping(data), pong(data), conclude(code, reason) and error. */
export class Receiver extends Writable {
  _binaryType: BinaryType;
  readonly #endpoint: Endpoint;
  readonly #isPaced: boolean;
  #hasConcluded = false;

  constructor(options: ReceiverOptions = {}) {
    super();
    const { binaryType = "nodebuffer", extensions = {}, isServer = false, maxPayload = 0 } = options;
    this._binaryType = binaryType;
    this.#isPaced = options.allowSynchronousEvents === false;
    this.#endpoint = new Endpoint({
      role: isServer ? "server" : "client",
      text: "bytes",
      autoPong: false,
      autoClose: false,
      maxMessageSize: maxPayload > 0 ? maxPayload : Infinity,
      perMessageDeflate: extensions[EXTENSION_NAME]?.agreed,
    });
  }

  /** @param chunk - the receiver's from here on: unmasked in place. */
  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    if (!this.#hasConcluded) this.#endpoint.receiveData(chunk);
    this.#deliver(callback);
  }

  #deliver(callback: (error?: Error | null) => void): void {
    const endpoint = this.#endpoint;
    for (let event: AnyMessage | null; (event = endpoint.nextEvent() as AnyMessage | null) !== null; ) {
      const told = event;
      if (told.type === "close") {
        this.#hasConcluded = true;
        this.emit("conclude", told.code ?? 1005, told.data === "" ? EMPTY : Buffer.from(told.data));
        this.end();
      } else if (!this.#isPaced) {
        this.#tell(told);
      } else {
        setImmediate(() => {
          this.#tell(told);
          this.#deliver(callback);
        });
        return;
      }
    }
    callback(endpoint.error === undefined ? null : wordedAsWs(endpoint.error));
  }

  #tell({ type, data }: AnyMessage): void {
    const bytes = data as Uint8Array;
    if (type === "binary") this.emit("message", shapeOf(bytes, this._binaryType), true);
    else if (type === "text") this.emit("message", asBuffer(bytes), false);
    else this.emit(type, asBuffer(bytes));
  }
}
