/**
 * The two modules that the scripts drive: `ws` and the face. A script sees only this interface, so that it cannot
 * know which of the two it drives.
 */

import type { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import type { Duplex, Writable } from "node:stream";
import * as real from "ws";

export type WebSocketClass = typeof real.WebSocket;
export type WebSocketServerClass = typeof real.WebSocketServer;
export type Socket = real.WebSocket;
export type Server = real.WebSocketServer;

/** What a synchronous verifyClient gets. */
export type VerifyInfo = Parameters<real.VerifyClientCallbackSync>[0];

/** The members that `ws` does not document and that its dependents call. */
export interface Internals {
  _socket: Duplex | null;
  _isServer: boolean;
  _sender: SenderLike;
  setSocket(socket: Duplex, head: Buffer, options: object): void;
}

export interface SenderLike {
  onerror: (error: Error) => void;
  close(code: number | undefined, data: unknown, mask: boolean, callback?: (error?: Error) => void): void;
  ping(data: unknown, mask: boolean, callback?: (error?: Error) => void): void;
  pong(data: unknown, mask: boolean, callback?: (error?: Error) => void): void;
  send(data: unknown, options: object, callback?: (error?: Error) => void): void;
  sendFrame(list: readonly unknown[], callback?: (error?: Error) => void): void;
}

export interface SenderClass {
  new (socket: Duplex, extensions?: object, generateMask?: (mask: Buffer) => void): SenderLike;
  frame(data: unknown, options: object): (Buffer | string)[];
}

export type ReceiverClass = new (options?: object) => Writable;

export interface DeflateLike {
  params: Record<string, unknown> | null;
  offer(): Record<string, unknown>;
  accept(configurations: Record<string, unknown>[]): Record<string, unknown>;
  compress(data: unknown, fin: boolean, callback: (error: Error | null, data?: Buffer) => void): void;
  decompress(data: Buffer, fin: boolean, callback: (error: Error | null, data?: Buffer) => void): void;
  cleanup(): void;
}

export interface DeflateClass {
  readonly extensionName: string;
  new (options?: object): DeflateLike;
}

export interface Implementation {
  /** What `require()` gives. */
  readonly module: object;
  /** What `import()` gives. */
  readonly namespace: object;
  readonly WebSocket: WebSocketClass;
  readonly WebSocketServer: WebSocketServerClass;
  readonly createWebSocketStream: typeof real.createWebSocketStream;
  readonly Sender: SenderClass;
  readonly Receiver: ReceiverClass;
  readonly PerMessageDeflate: DeflateClass;
  readonly extension: {
    parse(header: string): Record<string, Record<string, unknown>[]>;
    format(extensions: object): string;
  };
  readonly subprotocol: { parse(header: string): Set<string> };
}

/** The undocumented members of a socket. */
export function internals(socket: EventEmitter): Internals {
  return socket as unknown as Internals;
}

/** An implementation made of the results of `require()` and `import()` of a module. */
export function implementation(module: object, namespace: object): Implementation {
  return { ...(namespace as Implementation), module, namespace };
}

// Its members are on the class only once the CommonJS module has run.
export const ws: Implementation = implementation(createRequire(import.meta.url)("ws"), real);
