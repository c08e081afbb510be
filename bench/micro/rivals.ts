/**
 * The other packages, and the inner classes of theirs that do what hawser does. `ws` decides while it loads
 * whether to use bufferutil, so it is loaded a second time without; both copies are checked.
 */

import type { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);

export interface WsReceiver extends EventEmitter {
  write(chunk: Buffer): boolean;
}

export interface WsSocket {
  cork(): void;
  uncork(): void;
  write(data: Buffer | string): boolean;
}

interface WsSendOptions {
  readonly binary: boolean;
  readonly compress: boolean;
  readonly fin: boolean;
  readonly mask: boolean;
}

interface WsFrameOptions {
  readonly fin: boolean;
  readonly mask: boolean;
  readonly opcode: number;
  readonly readOnly: boolean;
  readonly rsv1: boolean;
}

export interface Ws {
  readonly Receiver: new (options: object) => WsReceiver;
  readonly Sender: {
    new (socket: WsSocket): { send(data: Buffer | string, options: WsSendOptions): void };
    frame(data: Buffer | string, options: WsFrameOptions): (Buffer | string)[];
  };
}

interface BufferUtil {
  mask(source: Uint8Array, mask: Uint8Array, output: Uint8Array, offset: number, length: number): void;
  unmask(buffer: Uint8Array, mask: Uint8Array): void;
}

/** What WebSocketServer of ws 8.23 gives its receivers by default. */
export const WS_RECEIVER_LIMITS = {
  allowSynchronousEvents: true,
  binaryType: "nodebuffer",
  maxBufferedChunks: 256 * 1024,
  maxFragments: 16 * 1024,
  maxPayload: 100 * 1024 * 1024,
  skipUTF8Validation: false,
} as const;

/** The native addon; never its fallback in JavaScript. */
export function loadBufferUtil(): BufferUtil {
  return loadAddon("bufferutil") as BufferUtil;
}

/** The native addon; never its fallback in JavaScript. */
export function loadUtf8Validate(): (bytes: Uint8Array) => boolean {
  return loadAddon("utf-8-validate") as (bytes: Uint8Array) => boolean;
}

function loadAddon(name: string): unknown {
  const addon: unknown = require(name);
  const native = Object.keys(require.cache).some((path) => path.includes(name) && path.endsWith(".node"));
  if (!native) throw new Error(`${name} has no native addon for this platform: nothing to compare with`);
  return addon;
}

/** A copy of `ws` of its own, with or without bufferutil. */
export function loadWs(withBufferUtil: boolean): Ws {
  if (withBufferUtil) loadBufferUtil();
  const folder = dirname(require.resolve("ws/package.json"));
  for (const path of Object.keys(require.cache)) if (path.startsWith(folder)) delete require.cache[path];
  const before = process.env.WS_NO_BUFFER_UTIL;
  if (withBufferUtil) delete process.env.WS_NO_BUFFER_UTIL;
  else process.env.WS_NO_BUFFER_UTIL = "1";
  const Receiver = require(join(folder, "lib/receiver.js"));
  const Sender = require(join(folder, "lib/sender.js"));
  if (before === undefined) delete process.env.WS_NO_BUFFER_UTIL;
  else process.env.WS_NO_BUFFER_UTIL = before;

  const module = require.cache[join(folder, "lib/buffer-util.js")];
  const uses = module?.children.some((child) => child.id === require.resolve("bufferutil")) ?? false;
  const plain = module?.exports.unmask.name === "_unmask";
  if (uses !== withBufferUtil || plain === withBufferUtil) {
    throw new Error(`ws was to be loaded with${withBufferUtil ? "" : "out"} bufferutil and was not`);
  }
  return { Receiver, Sender };
}

/** The server driver of websocket-driver, behind its handshake. */
export interface Driver extends EventEmitter {
  parse(chunk: Buffer): void;
}

export function createDriver(): Driver {
  const driver = require("websocket-driver").http(
    {
      method: "GET",
      url: "/",
      headers: {
        host: "localhost",
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        "sec-websocket-version": "13",
      },
    },
    { maxLength: WS_RECEIVER_LIMITS.maxPayload, requireMasking: true },
  );
  driver.start();
  if (driver.getState() !== "open") throw new Error("websocket-driver did not open");
  return driver;
}
