/** Implementations under test: a server and a client that echo every message, with the options that they have by default. */

import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { type Connection, connect, type DataMessage, serve } from "../../src/index.js";

export interface RunningServer {
  readonly port: number;
  close(): Promise<void>;
}

/** How an attempt to connect ended. */
export type Opening =
  | { readonly ok: true; readonly protocol: string; readonly extensions: string }
  | { readonly ok: false; readonly error: string };

export interface Subject {
  readonly name: string;
  /** A server on loopback. */
  serve(settings: Settings): Promise<RunningServer>;
  /** A client; resolves once it is open, or failed to open. Never rejects. */
  connect(url: string, settings: Settings): Promise<Opening>;
}

export interface Settings {
  /** Whether permessage-deflate may be used. Default: what the implementation does by itself. */
  readonly deflate?: boolean;
  /** Subprotocols that it speaks. */
  readonly protocols?: readonly string[];
}

const echo = { message: (connection: Connection, { data }: DataMessage) => connection.send(data) };

const deflateOf = ({ deflate }: Settings) => (deflate === undefined ? {} : { perMessageDeflate: deflate });

export const hawser: Subject = {
  name: "hawser",
  async serve(settings) {
    const { protocols = [] } = settings;
    const server = await serve({ hostname: "127.0.0.1", ...echo, ...deflateOf(settings), protocols });
    return { port: server.port, close: () => server.close({ timeoutMs: 0 }) };
  },
  async connect(url, settings) {
    try {
      const { protocols = [] } = settings;
      const { protocol, extensions } = await connect(url, {
        ...echo,
        ...deflateOf(settings),
        protocol: protocols,
      });
      return { ok: true, protocol, extensions };
    } catch (error) {
      const { code, name } = error as Error & { code?: string };
      return { ok: false, error: code ?? name };
    }
  },
};

/** `ws`, with options for one that is wrong on purpose. */
export function wsSubject(name = "ws", extra: Record<string, unknown> = {}): Subject {
  const echoes = (socket: WebSocket) => {
    socket.on("error", () => undefined);
    socket.on("message", (data: Buffer, binary: boolean) => socket.send(data, { binary }));
  };
  return {
    name,
    async serve(settings) {
      const { protocols = [] } = settings;
      const server = new WebSocketServer({
        port: 0,
        host: "127.0.0.1",
        ...deflateOf(settings),
        ...extra,
        handleProtocols: (offered) => [...offered].find((one) => protocols.includes(one)) ?? false,
      });
      server.on("connection", echoes);
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const close = async () => {
        for (const client of server.clients) client.terminate();
        server.close();
      };
      return { port, close };
    },
    connect(url, settings) {
      return new Promise((resolve) => {
        const { protocols = [] } = settings;
        const socket = new WebSocket(url, [...protocols], { ...deflateOf(settings), ...extra });
        echoes(socket);
        socket.on("error", ({ message }) => resolve({ ok: false, error: message }));
        socket.on("open", () =>
          resolve({ ok: true, protocol: socket.protocol, extensions: socket.extensions }),
        );
      });
    },
  };
}

export const ws = wsSubject();

/** Listens on loopback for raw sockets. */
export async function listenRaw(accept: (socket: net.Socket) => void): Promise<RunningServer> {
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => undefined);
    socket.setNoDelay(true);
    accept(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    for (const socket of open) socket.destroy();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, close };
}
