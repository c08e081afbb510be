/**
 * The client side of a load: as little as possible. A socket that reads into one buffer for all connections,
 * the opening handshake (RFC 6455 §4.1), and from then on bytes that are only counted.
 */

import net from "node:net";
import { noteWork } from "./spin.js";

const READ_LENGTH = 1 << 20;
/** All sockets of this process read into it; its bytes are valid until the callback returns. */
const readBuffer = Buffer.allocUnsafeSlow(READ_LENGTH);

/** The key of RFC 6455 §1.3 and its Accept value: a load generator needs no random key. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const EXTENSIONS = /^sec-websocket-extensions: *(.*)$/im;
const HEAD_END = Buffer.from("\r\n\r\n");

export interface ClientOptions {
  readonly port: number;
  /** Without an opening handshake: the server is a bare TCP echo. */
  readonly raw?: boolean;
  /** Default: what the system chooses. */
  readonly localAddress?: string;
  /** The offer in Sec-WebSocket-Extensions. */
  readonly extensions?: string | undefined;
}

export class Client {
  readonly socket: net.Socket;
  /** What the server accepted of the extensions. */
  extensions: string | undefined = undefined;
  /** Gets each chunk's bytes, in the buffer that all connections share. */
  onBytes: (bytes: Buffer, length: number) => void = throwUnexpected;
  /** Told once when the connection is gone, with the reason if it was not an ordinary end. */
  onClose: (error?: Error) => void = () => {};

  constructor(socketOptions: net.TcpNetConnectOpts) {
    let error: Error | undefined;
    this.socket = net.connect({
      ...socketOptions,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (length) => {
          noteWork();
          this.onBytes(readBuffer, length);
          return true;
        },
      },
    });
    this.socket.on("error", (cause) => {
      error = cause;
    });
    this.socket.on("close", () => this.onClose(error));
  }

  destroy(): void {
    this.onBytes = () => {};
    this.onClose = () => {};
    this.socket.destroy();
  }
}

function throwUnexpected(bytes: Buffer, length: number): never {
  throw new Error(`unexpected bytes: ${bytes.toString("latin1", 0, Math.min(length, 80))}`);
}

/** A connection that is open: behind its opening handshake, unless raw. */
export function openClient(options: ClientOptions): Promise<Client> {
  const { port, raw = false, localAddress, extensions } = options;
  return new Promise((resolve, reject) => {
    const address = localAddress === undefined ? {} : { localAddress };
    const client = new Client({ host: "127.0.0.1", port, ...address });
    let head = Buffer.alloc(0);
    const finish = () => {
      client.onBytes = throwUnexpected;
      client.onClose = () => {};
      resolve(client);
    };
    client.onClose = (error) => reject(error ?? new Error(`closed in the handshake after: ${head}`));
    client.socket.on("connect", () => {
      if (raw) finish();
      else client.socket.write(request(port, extensions), "latin1");
    });
    client.onBytes = (bytes, length) => {
      head = Buffer.concat([head, bytes.subarray(0, length)]);
      const end = head.indexOf(HEAD_END);
      if (end < 0) return;
      const text = head.toString("latin1");
      if (!text.startsWith("HTTP/1.1 101") || !text.includes(ACCEPT) || end + 4 !== head.length) {
        client.destroy();
        reject(new Error(`no opening handshake: ${text}`));
      } else {
        client.extensions = EXTENSIONS.exec(text)?.[1];
        finish();
      }
    };
  });
}

function request(port: number, extensions: string | undefined): string {
  const offer = extensions === undefined ? "" : `Sec-WebSocket-Extensions: ${extensions}\r\n`;
  return (
    `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n${offer}\r\n`
  );
}

/** Opens many, so many at a time. */
export async function openClients(
  count: number,
  options: (i: number) => ClientOptions,
  atOnce = 100,
): Promise<Client[]> {
  const clients: Client[] = [];
  let next = 0;
  const lane = async () => {
    while (next < count) clients.push(await openClient(options(next++)));
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, lane));
  return clients;
}
