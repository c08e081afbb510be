/**
 * Mirrors: a page that wants to see the bytes of a connection first opens /mirror, gets an id, and connects to
 * /echo?mirror=<id>. All bytes of that connection's socket are copied to the mirror: handshakes as JSON, the bytes
 * behind them as binary messages of a direction byte and the bytes.
 */

import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Connection, ConnectionHandlers, UpgradeHandler } from "hawser";
import { buildRefusal, encodeHead } from "hawser/protocol";
import { FROM_CLIENT, FROM_SERVER, type MirrorNote } from "../page/wire/mirror-format.js";
import { type Direction, Tap } from "./tap.js";
import { queryOf } from "./url.js";

/** Bytes that may wait for a page that does not keep up; then it gets a notice, and sees nothing more. */
const MAX_WAITING = 4 << 20;

const NOTHING = new Uint8Array(0);
const END_OF_HEAD = "\r\n\r\n";

export class Mirrors {
  /** Mirrors whose connection was not opened yet, by id. Each is for one connection. */
  readonly #free = new Map<string, Connection>();

  readonly handlers: ConnectionHandlers = {
    open: (mirror) => {
      const id = randomUUID();
      this.#free.set(id, mirror);
      tell(mirror, { note: "id", id });
      void mirror.closed.then(() => this.#free.delete(id));
    },
    // A mirror has nothing to say.
    message(mirror) {
      void mirror.close(1008, "a mirror only listens");
    },
  };

  /** Hands an upgrade on; one that names a mirror, with its socket tapped. */
  watch(request: IncomingMessage, socket: Duplex, head: Uint8Array, upgrade: UpgradeHandler): void {
    const id = queryOf(request.url ?? "/").get("mirror");
    if (id === null) {
      upgrade(request, socket, head);
      return;
    }
    const mirror = this.#free.get(id);
    if (mirror === undefined) {
      socket.on("error", () => socket.destroy());
      socket.end(encodeHead(buildRefusal({ status: 404, body: "there is no such mirror" })));
      return;
    }
    this.#free.delete(id);
    // Then these bytes come by the tap as all others do.
    if (head.length > 0) socket.unshift(head);
    upgrade(request, tap(request, socket, mirror), NOTHING);
  }
}

function tell(mirror: Connection, note: MirrorNote): void {
  mirror.send(JSON.stringify(note));
}

function tap(request: IncomingMessage, socket: Duplex, mirror: Connection): Duplex {
  tell(mirror, { note: "request", head: headOf(request) });
  let response = "";
  let isOpen = false;
  let isLost = false;

  const show = (direction: Direction, bytes: Uint8Array) => {
    if (isLost || bytes.length === 0) return;
    if (mirror.bufferedAmount + bytes.length > MAX_WAITING) {
      // A stream with a gap cannot be decoded any more.
      isLost = true;
      tell(mirror, { note: "lost" });
      return;
    }
    const message = new Uint8Array(1 + bytes.length);
    message[0] = direction === "in" ? FROM_CLIENT : FROM_SERVER;
    message.set(bytes, 1);
    mirror.send(message);
  };

  /** The first thing a server sends is the head of its response, and what the `open` handler sends may follow. */
  const showResponse = (bytes: Uint8Array) => {
    response += Buffer.from(bytes).toString("latin1");
    const end = response.indexOf(END_OF_HEAD);
    if (end < 0) return;
    isOpen = true;
    tell(mirror, { note: "response", head: response.slice(0, end + END_OF_HEAD.length) });
    show("out", Buffer.from(response.slice(end + END_OF_HEAD.length), "latin1"));
  };

  const tapped = new Tap(socket, (direction, bytes) => {
    if (direction === "out" && !isOpen) showResponse(bytes);
    else show(direction, bytes);
  });
  tapped.once("close", () => {
    tell(mirror, { note: "end" });
    void mirror.close(1000, "the connection ended");
  });
  return tapped;
}

/** The request as it was on the wire: Node keeps its lines as they came. */
function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  return lines.join("\r\n") + END_OF_HEAD;
}
