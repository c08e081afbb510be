/** `PerMessageDeflate` of `ws`: its options and its negotiation, by hawser's; it compresses by hawser's codec. */

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

/** Members of `zlibDeflateOptions` that have an effect here are `level` and `memLevel`. */
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

export class PerMessageDeflate {
  /** What was agreed on, by the names of the header; null before. */
  params: Parameters | null = null;
  /** The same, as hawser's connections take it. */
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
      // zlib's -1 is its default.
      level: level === -1 ? undefined : level,
      memLevel,
    };
  }

  /** What a client offers. */
  offer(): Parameters {
    return statedIn(offerPerMessageDeflate(this.#settings)[0]);
  }

  /**
   * A server answers offers, a client judges the answer.
   *
   * @throws {Error} when none can be accepted.
   */
  accept(configurations: readonly Configuration[]): Parameters {
    const extensions = extensionsOf(EXTENSION_NAME, configurations);
    if (this._isServer) {
      const answer = acceptPerMessageDeflate(extensions, this.#settings);
      if (answer === undefined) throw new Error("None of the extension offers can be accepted");
      this.agreed = answer.parameters;
      this.params = statedIn(answer.response);
    } else {
      const agreed = confirmPerMessageDeflate(extensions, this.#settings);
      if (agreed === undefined || agreed instanceof HandshakeError) {
        throw agreed ?? new Error("There is no answer to the extension offer");
      }
      this.agreed = agreed;
      this.params = statedIn({
        name: EXTENSION_NAME,
        parameters: Object.fromEntries(extensions[0].parameters),
      });
    }
    return this.params;
  }

  /** Whether a message of ours is to be compressed that may be. */
  compresses(byteLength: number): boolean {
    const { agreed } = this;
    const forgets = this._isServer ? agreed?.serverNoContextTakeover : agreed?.clientNoContextTakeover;
    return forgets !== true || byteLength >= this._threshold;
  }

  /** Calls back in this turn: nothing waits for a pool of threads. */
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

  /** Gives up the memory of compression. */
  cleanup(): void {
    this.#compressor?.release();
    this.#decompressor?.release();
    this.#compressor = this.#decompressor = undefined;
  }
}

/** The parameters that are said, and no others. */
function statedIn({ parameters = {} }: ExtensionInit): Parameters {
  const stated: Parameters = {};
  for (const [name, given] of Object.entries(parameters)) {
    const value = Array.isArray(given) ? given[0] : given;
    if (value === undefined || value === false) continue;
    stated[name] = /_bits$/.test(name) && value !== true ? Number(value) : value;
  }
  return stated;
}
