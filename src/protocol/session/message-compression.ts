/** The agreed parameters of compression, made into a compressor and a decompressor (RFC 7692 §7.2). */

import {
  Compressor,
  Decompressor,
  InvalidStateError,
  isCompressionAvailable,
  type Role,
} from "../../codec/index.js";
import { checkDeflateParameters, type DeflateParameters } from "../handshake/deflate-offer.js";
import type { JoinedFrames, PreparedBatch } from "./prepared-batch.js";
import type { CompressedMessage, PreparedMessage } from "./prepared-message.js";

/** Bytes from which a message is compressed by default: with the history before it even short ones shrink. */
const TAKEOVER_THRESHOLD = 32;
const ALONE_THRESHOLD = 256;

/**
 * A short message that compression makes this much longer, at most, is sent compressed all the same, if later messages
 * can refer to it: a stream of short messages that are alike would never begin to shrink otherwise.
 */
const MOST_GROWTH = 3;
const LONGEST_GROWN = 512;

/** What we send: the compressor, and which messages are for it. */
export class MessageCompression {
  readonly #parameters: DeflateParameters;
  readonly #contextTakeover: boolean;
  readonly #threshold: number;
  /** Since the first message that was compressed. */
  #compressor: Compressor | undefined = undefined;

  /**
   * @throws {TypeError | RangeError} for parameters that make no sense.
   * @throws {InvalidStateError} where there is no compression.
   */
  constructor(role: Role, parameters: DeflateParameters) {
    checkDeflateParameters(parameters);
    if (!isCompressionAvailable()) {
      throw new InvalidStateError("perMessageDeflate needs WebAssembly: ask isCompressionAvailable() first");
    }
    const { serverNoContextTakeover, clientNoContextTakeover, threshold } = parameters;
    this.#parameters = parameters;
    this.#contextTakeover = !(role === "server" ? serverNoContextTakeover : clientNoContextTakeover);
    this.#threshold = threshold ?? (this.#contextTakeover ? TAKEOVER_THRESHOLD : ALONE_THRESHOLD);
  }

  /**
   * Whether to compress a message.
   *
   * @param length - its length, in bytes or in UTF-16 units.
   * @param compress - the caller's choice for it.
   */
  isFor(length: number, compress: boolean | undefined): boolean {
    return length > 0 && (compress ?? length >= this.#threshold);
  }

  /**
   * Compresses a message.
   *
   * @returns bytes that the next call of any compressor overwrites; undefined if the message is to be sent as it is,
   *   because it does not shrink.
   */
  compress(data: string | Uint8Array): Uint8Array | undefined {
    const compressor = (this.#compressor ??= this.#begin());
    if (!compressor.reserve(data.length)) return undefined;
    const payload = compressor.compressBorrowed(data);
    const { rawLength } = compressor;
    const isKept = this.#contextTakeover && rawLength <= LONGEST_GROWN;
    if (payload.length < rawLength + (isKept ? MOST_GROWTH + 1 : 0)) return payload;
    // §7.2.1: the peer's window holds the messages sent compressed, and so must ours.
    compressor.drop();
    return undefined;
  }

  /**
   * Whether to compress a message that is sent in parts. Its length is not known; such are long, but with a
   * threshold of Infinity none is long enough.
   */
  isForParts(compress: boolean | undefined): boolean {
    if (!this.isFor(Number.MAX_VALUE, compress)) return false;
    this.#compressor ??= this.#begin();
    return this.#compressor.reserve(Infinity);
  }

  /** Compresses a part of such a message; whether they shrink is known too late. */
  compressPart(data: string | Uint8Array, final: boolean): Uint8Array {
    return (this.#compressor as Compressor).compressBorrowed(data, final);
  }

  /** The same for a message that goes to many, and which refers to none before it. */
  prepared(message: PreparedMessage): CompressedMessage | undefined {
    const { windowBits, level, memLevel } = this.#parameters;
    const compressed = message.compressed(windowBits, level, memLevel);
    if (compressed !== undefined) this.#compressor?.skip(message.payload);
    return compressed;
  }

  /** The same for messages that leave together, but for those at the positions `left`. */
  batch(batch: PreparedBatch, left: ReadonlySet<number> | undefined): JoinedFrames {
    const { windowBits, level, memLevel } = this.#parameters;
    const joined = batch.compressed({ windowBits, level, memLevel, threshold: this.#threshold });
    const compressor = this.#compressor;
    if (compressor !== undefined && this.#contextTakeover) {
      for (const [position, message] of joined.compressed) {
        if (!left?.has(position)) compressor.skip(message.payload);
      }
    }
    return joined;
  }

  #begin(): Compressor {
    const { windowBits, level, memLevel } = this.#parameters;
    return new Compressor({ windowBits, level, memLevel, contextTakeover: this.#contextTakeover });
  }

  release(): void {
    this.#compressor?.release();
  }
}

/** What inflates what we receive. */
export function decompressorFor(role: Role, parameters: DeflateParameters, maxLength: number): Decompressor {
  const { serverNoContextTakeover, clientNoContextTakeover } = parameters;
  const { serverMaxWindowBits, clientMaxWindowBits } = parameters;
  return new Decompressor({
    windowBits: role === "server" ? clientMaxWindowBits : serverMaxWindowBits,
    contextTakeover: !(role === "server" ? clientNoContextTakeover : serverNoContextTakeover),
    maxLength,
  });
}
