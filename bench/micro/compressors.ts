/**
 * Ways to compress and decompress the messages of one direction of a connection (RFC 7692 §7.2): hawser, Node's
 * zlib, pako, and the class that `ws` has for it. All take bytes and give bytes that are the caller's.
 */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { constants, createDeflateRaw, createInflateRaw, deflateRawSync, inflateRawSync } from "node:zlib";
import { Deflate, Inflate, Z_SYNC_FLUSH } from "pako";
import type { ZlibHandle } from "../../test/support/zlib-streams.js";
import { Compressor, Decompressor } from "./hawser.js";

/** What a flush ends with, and a message on the wire does not. */
const TAIL_LENGTH = 4;
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/** What both peers agreed on, and how hard our side tries. */
export interface Setting {
  readonly level: number;
  readonly takeover: boolean;
  /** Bytes of the longest message: for rivals that reserve memory. */
  readonly longest: number;
}

/** One direction of a connection; messages go through it in their order. */
export interface Coder<Coded = Uint8Array> {
  readonly name: string;
  readonly code: (bytes: Uint8Array) => Coded;
  /** Whether payloads come to it with the end of the flush, which hawser and ws append themselves. */
  readonly wantsTail?: boolean;
  readonly close: () => void;
}

/** Makes a coder. */
export type Maker<Coded = Uint8Array> = (setting: Setting) => Coder<Coded>;

export function withTail(payload: Uint8Array): Uint8Array {
  return Buffer.concat([payload, TAIL]);
}

function nothing(): void {}

// hawser ──────────────────────────────────────────────────────────────────────────────────────────

export const HAWSER = "hawser";

export function hawserCompressor({ level, takeover }: Setting, memLevel?: number): Coder {
  const compressor = new Compressor({ level, memLevel, contextTakeover: takeover });
  return {
    name: HAWSER,
    code: (message) => compressor.compress(message),
    close: () => compressor.release(),
  };
}

export function hawserDecompressor({ takeover, longest }: Setting): Coder {
  const decompressor = new Decompressor({ contextTakeover: takeover, maxLength: longest });
  return {
    name: HAWSER,
    code: (payload) => decompressor.decompress(payload),
    close: () => decompressor.release(),
  };
}

// zlib ────────────────────────────────────────────────────────────────────────────────────────────

export const ZLIB_ONE_SHOT = "zlib one-shot";
export const ZLIB_KEPT = "zlib kept";

export function zlibOneShotCompressor({ level }: Setting): Coder {
  const options = { level, finishFlush: constants.Z_SYNC_FLUSH };
  return {
    name: ZLIB_ONE_SHOT,
    code: (message) => {
      const flushed = deflateRawSync(message, options);
      return flushed.subarray(0, flushed.length - TAIL_LENGTH);
    },
    close: nothing,
  };
}

export function zlibOneShotDecompressor(): Coder {
  const options = { finishFlush: constants.Z_SYNC_FLUSH };
  return {
    name: ZLIB_ONE_SHOT,
    code: (payload) => inflateRawSync(payload, options),
    wantsTail: true,
    close: nothing,
  };
}

/** What zlib's streams have inside. */
interface Kept {
  readonly _handle: ZlibHandle & { reset(): void };
  /** Bytes of output, and of input, that the last call left. */
  readonly _writeState: Uint32Array;
  close(): void;
}

/**
 * A stream of zlib, driven without its thread pool. Node has no documented way: of `_processChunk`, which is
 * internal too, the synchronous form closes the stream behind each call. So this calls what that calls, which also
 * leaves out all that Node does around it: no user of Node has zlib as fast as this.
 */
function kept(stream: Kept, { takeover }: Setting, mostOutput: number, tailLength: number): Coder {
  const { _handle: handle, _writeState: left } = stream;
  const output = new Uint8Array(mostOutput);
  const code = (bytes: Uint8Array) => {
    handle.writeSync(constants.Z_SYNC_FLUSH, bytes, 0, bytes.length, output, 0, mostOutput);
    if (left[0] === 0 || left[1] !== 0) throw new Error("zlib: there was not enough room");
    if (!takeover) handle.reset();
    return new Uint8Array(output.subarray(0, mostOutput - left[0] - tailLength));
  };
  return { name: ZLIB_KEPT, code, close: () => stream.close() };
}

/** Room for messages that do not shrink. */
function bound(length: number): number {
  return length + (length >> 8) + 128;
}

export function zlibKeptCompressor(setting: Setting): Coder {
  const stream = createDeflateRaw({ level: setting.level }) as unknown as Kept;
  return kept(stream, setting, bound(setting.longest), TAIL_LENGTH);
}

export function zlibKeptDecompressor(setting: Setting): Coder {
  const stream = createInflateRaw() as unknown as Kept;
  return { ...kept(stream, setting, setting.longest + 1, 0), wantsTail: true };
}

// pako ────────────────────────────────────────────────────────────────────────────────────────────

export const PAKO = "pako";

/** What `push` gave, with what `Deflate` and `Inflate` share. */
interface PakoStream {
  push(bytes: Uint8Array, flush: typeof Z_SYNC_FLUSH): boolean;
  onData: (chunk: Uint8Array<ArrayBuffer>) => void;
  readonly msg: string;
}

function pako(create: () => PakoStream, { takeover }: Setting, tailLength: number): Coder {
  let output: Uint8Array | undefined;
  const begin = () => {
    const stream = create();
    stream.onData = (chunk) => {
      output = output === undefined ? chunk : Buffer.concat([output, chunk]);
    };
    return stream;
  };
  const stream = takeover ? begin() : undefined;
  const code = (bytes: Uint8Array) => {
    output = undefined;
    const current = stream ?? begin();
    if (!current.push(bytes, Z_SYNC_FLUSH) || output === undefined) throw new Error(`pako: ${current.msg}`);
    const flushed: Uint8Array = output;
    return tailLength === 0 ? flushed : flushed.subarray(0, flushed.length - tailLength);
  };
  return { name: PAKO, code, close: nothing };
}

export function pakoCompressor(setting: Setting): Coder {
  const options = { raw: true, level: setting.level, chunkSize: bound(setting.longest) };
  return pako(() => new Deflate(options), setting, TAIL_LENGTH);
}

export function pakoDecompressor(setting: Setting): Coder {
  const options = { raw: true, chunkSize: setting.longest + 1 };
  return { ...pako(() => new Inflate(options), setting, 0), wantsTail: true };
}

// ws ──────────────────────────────────────────────────────────────────────────────────────────────

export const WS = "ws";

type Done = (error: Error | null | undefined, bytes: Uint8Array) => void;

/** What the Sender and the Receiver of a connection use. */
interface PerMessageDeflate {
  accept(offers: readonly object[]): object;
  compress(bytes: Uint8Array, fin: boolean, done: Done): void;
  decompress(bytes: Uint8Array, fin: boolean, done: Done): void;
  cleanup(): void;
}

const require = createRequire(import.meta.url);

function createPerMessageDeflate({ level, takeover }: Setting): PerMessageDeflate {
  const folder = dirname(require.resolve("ws/package.json"));
  const WsDeflate = require(join(folder, "lib/permessage-deflate.js"));
  const deflate: PerMessageDeflate = new WsDeflate({
    isServer: true,
    zlibDeflateOptions: { level },
    serverNoContextTakeover: !takeover,
    clientNoContextTakeover: !takeover,
  });
  deflate.accept([{}]);
  return deflate;
}

function ws(setting: Setting, direction: "compress" | "decompress"): Coder<Promise<Uint8Array>> {
  const deflate = createPerMessageDeflate(setting);
  const code = (bytes: Uint8Array) =>
    new Promise<Uint8Array>((resolve, reject) => {
      deflate[direction](bytes, true, (error, coded) => (error ? reject(error) : resolve(coded)));
    });
  return { name: WS, code, close: () => deflate.cleanup() };
}

export const wsCompressor: Maker<Promise<Uint8Array>> = (setting) => ws(setting, "compress");
export const wsDecompressor: Maker<Promise<Uint8Array>> = (setting) => ws(setting, "decompress");
