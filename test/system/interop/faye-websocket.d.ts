/** What the tests use of a package that comes without types. */

declare module "faye-websocket" {
  import type { EventEmitter } from "node:events";
  import type { IncomingMessage } from "node:http";
  import type { Duplex } from "node:stream";

  class Connection extends EventEmitter {
    readonly protocol: string;
    send(message: string | Buffer): boolean;
    ping(payload: string, answered: () => void): boolean;
    close(code?: number, reason?: string): boolean;
  }

  class Client extends Connection {
    constructor(url: string, protocols: string[], options: { tls?: { ca: string }; extensions?: object[] });
  }

  class WebSocket extends Connection {
    static readonly Client: typeof Client;
    constructor(
      request: IncomingMessage,
      socket: Duplex,
      body: Buffer,
      protocols: string[],
      options: { extensions?: object[] },
    );
  }

  namespace WebSocket {
    export type { Connection };
  }

  export default WebSocket;
}
