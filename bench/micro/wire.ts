/** A socket without a system behind it: reading and writing cost what Node's streams take, and the library above them. */

import net from "node:net";

/** Where Node keeps what it calls for bytes that were read into a buffer of the socket's owner. */
const READ_CALLBACK = Object.getOwnPropertySymbols(new net.Socket()).find(
  ({ description }) => description === "kBufferCb",
);

type Callback = (error?: Error | null) => void;
type OnRead = (length: number, buffer: Uint8Array) => boolean;

export class Wire {
  readonly socket: net.Socket;
  /** Gets what was written, in one call for all that one system call would take. */
  onWrite: (chunks: readonly Uint8Array[]) => void = () => {};
  #readBuffer: Uint8Array | undefined;

  constructor() {
    this.socket = new net.Socket();
    Object.assign(this.socket, {
      _handle: {
        useUserBuffer: (buffer: Uint8Array) => {
          this.#readBuffer = buffer;
        },
        readStart: () => 0,
        readStop: () => 0,
        close: (callback?: () => void) => callback?.(),
      },
      _read: () => {},
      _write: (chunk: Uint8Array, _encoding: string, callback: Callback) => {
        this.onWrite([chunk]);
        callback();
      },
      _writev: (chunks: readonly { readonly chunk: Uint8Array }[], callback: Callback) => {
        this.onWrite(chunks.map(({ chunk }) => chunk));
        callback();
      },
    });
  }

  /** A chunk arrives: in the owner's buffer if there is one, as bytes of its own otherwise. It is left as it is. */
  deliver(chunk: Buffer): void {
    const buffer = this.#readBuffer;
    if (buffer === undefined || READ_CALLBACK === undefined) {
      this.socket.push(Buffer.from(chunk));
      return;
    }
    buffer.set(chunk);
    (this.socket as unknown as Record<symbol, OnRead>)[READ_CALLBACK](chunk.length, buffer);
  }

  /** Delivers chunks, each in a turn of its own, as the event loop does. */
  deliverAll(chunks: readonly Buffer[]): Promise<void> {
    return new Promise((resolve) => {
      let next = 0;
      const deliver = () => {
        if (next === chunks.length) return resolve();
        this.deliver(chunks[next++]);
        process.nextTick(deliver);
      };
      deliver();
    });
  }
}
