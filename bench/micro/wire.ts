/** A socket without a system behind it: reading and writing cost what Node's streams take, and the library above them. */

import net from "node:net";

/** Where Node keeps what it calls for bytes that were read into a buffer of the socket's owner. */
const READ_CALLBACK = Object.getOwnPropertySymbols(new net.Socket()).find(
  ({ description }) => description === "kBufferCb",
);

type OnRead = (length: number, buffer: Uint8Array) => boolean;

export class Wire {
  readonly socket: net.Socket;
  /** Receives the written bytes: one call for each system call. */
  onWrite: (chunks: readonly Uint8Array[]) => void = () => {};
  #readBuffer: Uint8Array | undefined;

  constructor() {
    const handle = {
      useUserBuffer: (buffer: Uint8Array) => {
        this.#readBuffer = buffer;
      },
      readStart: () => 0,
      readStop: () => 0,
      writeBuffer: (_request: object, chunk: Uint8Array) => {
        this.onWrite([chunk]);
        return 0;
      },
      writev: (_request: object, chunks: readonly (Uint8Array | string)[], areBuffers: boolean) => {
        // Where some are strings, the encoding of each follows it.
        if (areBuffers) this.onWrite(chunks as readonly Uint8Array[]);
        else this.onWrite(chunks.filter((_, i) => i % 2 === 0).map((chunk) => Buffer.from(chunk)));
        return 0;
      },
      writeLatin1String: () => 0,
      writeUtf8String: () => 0,
      shutdown: () => 0,
      close: (callback?: () => void) => callback?.(),
    };
    // A socket whose own members are Node's: hawser reads and writes it as it does a server's.
    this.socket = new net.Socket({ handle } as unknown as net.SocketConstructorOpts);
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
