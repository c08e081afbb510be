/** `PerMessageDeflate` of `ws`: its options, mapped to hawser's negotiation and compression. */

import { Compressor, Decompressor } from "../codec/index.js";
import {
  acceptPerMessageDeflate,
  confirmPerMessageDeflate,
  type DeflateParameters,
  type ExtensionInit,
  HandshakeError,
  type PerMessageDeflateOptions as HawserOptions,
  offerPerMessageDeflate,
} from "../protocol/index.js";
import { asBuffer, bytesOf } from "./bytes.js";
import { wordedAsWs } from "./errors.js";
import { type Configuration, extensionsOf } from "./extension.js";

export const EXTENSION_NAME = "permessage-deflate";

/** Of `zlibDeflateOptions`, only `level` and `memLevel` have an effect. */
export interface PerMessageDeflateOptions {
  serverNoContextTakeover?: boolean | undefined;
  clientNoContextTakeover?: boolean | undefined;
  serverMaxWindowBits?: number | undefined;
  clientMaxWindowBits?: number | undefined;
  zlibDeflateOptions?:
    | {
        flush?: number | undefined;
        finishFlush?: number | undefined;
        chunkSize?: number | undefined;
        windowBits?: number | undefined;
        level?: number | undefined;
        memLevel?: number | undefined;
        strategy?: number | undefined;
        dictionary?: Buffer | Buffer[] | DataView | undefined;
        info?: boolean | undefined;
      }
    | undefined;
  zlibInflateOptions?: object | undefined;
  threshold?: number | undefined;
  concurrencyLimit?: number | undefined;
}

export type Parameters = Record<string, string | number | true>;

type Callback = (error: Error | null, data?: Buffer) => void;

const DEFAULT_THRESHOLD = 1024;

/** RFC 7692 §7.1.2.1: "a decimal integer value without leading zeroes between 8 to 15, inclusive". */
const WINDOW_BITS = /^(?:[89]|1[0-5])$/;

export class PerMessageDeflate {
  /** The negotiated parameters, by their names in the header; null before the negotiation. */
  params: Parameters | null = null;
  /** The same parameters in the form that hawser's connections take. */
  agreed: DeflateParameters | undefined = undefined;
  readonly _options: PerMessageDeflateOptions;
  readonly _isServer: boolean;
  readonly _maxPayload: number;
  readonly _threshold: number;
  #compressor: Compressor | undefined = undefined;
  #decompressor: Decompressor | undefined = undefined;

  constructor(
    options: (PerMessageDeflateOptions & { isServer?: boolean; maxPayload?: number }) | null = {},
    isServer = options?.isServer,
    maxPayload = options?.maxPayload,
  ) {
    this._options = options ?? {};
    this._isServer = isServer === true;
    this._maxPayload = Number(maxPayload ?? 0);
    this._threshold = this._options.threshold ?? DEFAULT_THRESHOLD;
  }

  static get extensionName(): typeof EXTENSION_NAME {
    return EXTENSION_NAME;
  }

  get #settings(): HawserOptions {
    const { serverNoContextTakeover, clientNoContextTakeover, zlibDeflateOptions = {} } = this._options;
    const { serverMaxWindowBits, clientMaxWindowBits }: Record<string, unknown> = { ...this._options };
    const { level, memLevel } = zlibDeflateOptions;
    return {
      serverNoContextTakeover: serverNoContextTakeover === true,
      clientNoContextTakeover: clientNoContextTakeover === true,
      serverMaxWindowBits: typeof serverMaxWindowBits === "number" ? serverMaxWindowBits : undefined,
      clientMaxWindowBits: (clientMaxWindowBits ?? undefined) as number | boolean | undefined,
      // In zlib, -1 stands for the default level.
      level: level === -1 ? undefined : level,
      memLevel,
    };
  }

  /** The parameters of a client's offer. */
  offer(): Parameters {
    return statedIn(offerPerMessageDeflate(this.#settings)[0]);
  }

  /**
   * On a server, accepts one of the offers; on a client, checks the server's answer.
   *
   * @throws {Error} with the message of `ws` if nothing can be accepted.
   */
  accept(configurations: readonly Configuration[]): Parameters {
    for (const configuration of configurations) checkParameters(configuration, this._isServer);
    return this._isServer ? this.#acceptOffer(configurations) : this.#acceptAnswer(configurations);
  }

  #acceptOffer(configurations: readonly Configuration[]): Parameters {
    const offers = configurations.filter((offer) => this.#mayAccept(firstValues(offer)));
    const answer = acceptPerMessageDeflate(extensionsOf(EXTENSION_NAME, offers), this.#settings);
    if (answer === undefined) throw new Error("None of the extension offers can be accepted");
    this.agreed = answer.parameters;
    this.params = statedIn(answer.response, emptyLike(configurations[0]));
    return this.params;
  }

  /** Whether the options allow an offer: its parameters and its window sizes. */
  #mayAccept(offer: Readonly<Record<string, unknown>>): boolean {
    const { serverNoContextTakeover, clientMaxWindowBits } = this._options;
    const { serverMaxWindowBits }: { serverMaxWindowBits?: unknown } = this._options;
    const serverBits = offer.server_max_window_bits;
    const clientBits = offer.client_max_window_bits;
    if (serverNoContextTakeover === false && offer.server_no_context_takeover !== undefined) return false;
    if (serverBits !== undefined && serverMaxWindowBits === false) return false;
    if (serverBits !== undefined && Number(serverMaxWindowBits ?? 0) > Number(serverBits)) return false;
    if (typeof clientMaxWindowBits !== "number") return true;
    return clientBits === true || (clientBits !== undefined && clientMaxWindowBits <= Number(clientBits));
  }

  #acceptAnswer(configurations: readonly Configuration[]): Parameters {
    const [answer = {}] = configurations;
    const stated = firstValues(answer);
    const { clientNoContextTakeover, clientMaxWindowBits } = this._options;
    if (clientNoContextTakeover === false && stated.client_no_context_takeover !== undefined) {
      throw new Error('Unexpected parameter "client_no_context_takeover"');
    }
    const bits = stated.client_max_window_bits;
    const most = (clientMaxWindowBits as number | boolean | undefined) ?? true;
    if (bits !== undefined && (most === false || (typeof most === "number" && Number(bits) > most))) {
      throw new Error('Unexpected or invalid parameter "client_max_window_bits"');
    }
    const agreed = confirmPerMessageDeflate(extensionsOf(EXTENSION_NAME, configurations), this.#settings);
    if (agreed === undefined || agreed instanceof HandshakeError) {
      throw agreed ?? new Error("There is no answer to the extension offer");
    }
    this.agreed = agreed;
    const added = bits === undefined && typeof most === "number" ? { client_max_window_bits: most } : {};
    const parameters = { ...stated, ...added };
    this.params = statedIn({ name: EXTENSION_NAME, parameters }, emptyLike(answer));
    return this.params;
  }

  /** Whether to compress an outgoing message of this length, if its options allow compression. */
  compresses(byteLength: number): boolean {
    const { agreed } = this;
    const forgets = this._isServer ? agreed?.serverNoContextTakeover : agreed?.clientNoContextTakeover;
    return forgets !== true || byteLength >= this._threshold;
  }

  /** Compresses data and calls the callback synchronously: no thread pool is used. */
  compress(data: unknown, fin: boolean, callback: Callback): void {
    const { windowBits = 15, level, memLevel } = this.agreed ?? {};
    const { serverNoContextTakeover, clientNoContextTakeover } = this.agreed ?? {};
    const forgets = this._isServer ? serverNoContextTakeover : clientNoContextTakeover;
    this.#compressor ??= new Compressor({ windowBits, level, memLevel, contextTakeover: forgets !== true });
    callback(null, asBuffer(this.#compressor.compress(bytesOf(data), fin)));
  }

  decompress(data: Uint8Array, fin: boolean, callback: Callback): void {
    const { serverMaxWindowBits = 15, clientMaxWindowBits = 15 } = this.agreed ?? {};
    const { serverNoContextTakeover, clientNoContextTakeover } = this.agreed ?? {};
    const forgets = this._isServer ? clientNoContextTakeover : serverNoContextTakeover;
    this.#decompressor ??= new Decompressor({
      windowBits: this._isServer ? clientMaxWindowBits : serverMaxWindowBits,
      contextTakeover: forgets !== true,
      maxLength: this._maxPayload > 0 ? this._maxPayload : Infinity,
    });
    let inflated: Buffer;
    try {
      inflated = asBuffer(this.#decompressor.decompress(data, fin));
    } catch (error) {
      callback(wordedAsWs(error as Error));
      return;
    }
    callback(null, inflated);
  }

  /** Releases the memory used for compression. */
  cleanup(): void {
    this.#compressor?.release();
    this.#decompressor?.release();
    this.#compressor = this.#decompressor = undefined;
  }
}

/** Only the parameters that are stated in the header. */
function statedIn({ parameters = {} }: ExtensionInit, stated: Parameters = {}): Parameters {
  for (const [name, given] of Object.entries(parameters)) {
    const value = Array.isArray(given) ? given[0] : given;
    if (value === undefined || value === false) continue;
    stated[name] = /_bits$/.test(name) && value !== true ? Number(value) : value;
  }
  return stated;
}

/** An empty object with the same prototype, which is null for parsed headers. */
function emptyLike(object: object): Parameters {
  return Object.create(Object.getPrototypeOf(object));
}

function firstValues(configuration: Configuration): Record<string, string | number | true> {
  const first = Object.entries(configuration).map(([name, values]) => [name, [values].flat()[0]]);
  return Object.fromEntries(first);
}

/**
 * Checks the parameters of an offer or an answer.
 *
 * @throws {Error | TypeError} with the messages of `ws`.
 */
function checkParameters(configuration: Configuration, isOffer: boolean): void {
  for (const [name, values] of Object.entries(configuration)) {
    const list = [values].flat();
    const [value] = list;
    if (list.length > 1) throw new Error(`Parameter "${name}" must have only a single value`);
    const isBits = /^(?:client|server)_max_window_bits$/.test(name);
    if (!isBits && !/^(?:client|server)_no_context_takeover$/.test(name)) {
      throw new Error(`Unknown parameter "${name}"`);
    }
    const mayBeBare = isBits ? isOffer && name === "client_max_window_bits" : true;
    const isRight = value === true ? mayBeBare : isBits && WINDOW_BITS.test(String(value));
    if (!isRight) throw new TypeError(`Invalid value for parameter "${name}": ${value}`);
  }
}
