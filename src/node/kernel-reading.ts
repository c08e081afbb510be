/**
 * Makes a plain socket read straight into the kernel's memory, where a chunk is scanned without a copy.
 *
 * Node documents the option `onread` for sockets that one makes oneself. The sockets of a server have the same
 * members, so they can be set later to read into a buffer of ours. The members are found by looking at a socket that
 * was made with the option. Where that fails (TLS, other streams, other runtimes), chunks come by 'data'.
 */

import net from "node:net";
import type { Duplex } from "node:stream";
import { receiveBuffer } from "../codec/index.js";

/** The members that the option sets. */
interface OnRead {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly generator: symbol;
}

/** Null where it does not work; undefined until the first socket. */
let onRead: OnRead | null | undefined;

function findOnRead(): OnRead | null {
  const buffer = new Uint8Array(1);
  const callback = () => true;
  // `onread` is documented for `new net.Socket`, and missing from the types.
  const options: net.SocketConstructorOpts & { onread: unknown } = { onread: { buffer, callback } };
  const socket = new net.Socket(options);
  const members = socket as unknown as Record<symbol, unknown>;
  const symbols = Object.getOwnPropertySymbols(socket);
  const holding = (value: unknown) => symbols.find((symbol) => members[symbol] === value);
  const found = {
    buffer: holding(buffer),
    callback: holding(callback),
    generator: symbols.find((symbol) => symbol.description === "kBufferGen"),
  };
  const isKnown = Object.values(found).every((symbol) => symbol !== undefined);
  // A socket without the option must have the same members, or setting them later means nothing.
  const plain = Object.getOwnPropertySymbols(new net.Socket());
  return isKnown && plain.includes(found.buffer as symbol) && !isOtherRuntime() ? (found as OnRead) : null;
}

/** Bun and Deno have a net.Socket of their own making. */
function isOtherRuntime(): boolean {
  return process.versions.bun !== undefined || process.versions.deno !== undefined;
}

interface UserBufferHandle {
  useUserBuffer?(buffer: Uint8Array): void;
}

/** For tests, which run over both ways to read. */
export const readingOptions = { toKernel: true };

/**
 * Whether the bytes that a handle reads reach this socket and no one else. An interceptor's socket may have the handle
 * of another socket, to which the bytes go then; a socket can have its own way to read, and an observer its own
 * listener.
 */
function readsItself(socket: Duplex, handle: object): boolean {
  const owner = Object.getOwnPropertySymbols(handle).find((symbol) => symbol.description === "owner_symbol");
  return (
    owner !== undefined &&
    (handle as Record<symbol, unknown>)[owner] === socket &&
    !Object.hasOwn(socket, "_read") &&
    !Object.hasOwn(socket, "push") &&
    socket.listenerCount("data") === 0
  );
}

/** Runs for each read, with the socket as `this`. @returns false to stop reading. */
export type ReadCallback = (length: number, buffer: Uint8Array) => boolean;

/**
 * Makes a socket read to the beginning of `receiveBuffer()`, if it can.
 *
 * @param mostLength - bytes of one read, at most.
 */
export function readToKernel(socket: Duplex, callback: ReadCallback, mostLength: number): void {
  onRead = onRead === undefined ? findOnRead() : onRead;
  if (onRead === null || !readingOptions.toKernel || socket.constructor !== net.Socket) return;
  const handle = (socket as unknown as { _handle?: UserBufferHandle })._handle;
  if (typeof handle?.useUserBuffer !== "function" || !readsItself(socket, handle)) return;
  const members = socket as unknown as Record<symbol, unknown>;
  const buffer = receiveBuffer().subarray(0, mostLength);
  members[onRead.buffer] = buffer;
  members[onRead.generator] = null;
  members[onRead.callback] = callback;
  handle.useUserBuffer(buffer);
}
