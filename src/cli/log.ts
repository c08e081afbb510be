/** What `hawser serve` tells of its connections, on standard error. */

import type { IncomingMessage } from "node:http";
import type { Connection } from "../node/index.js";
import { count, escapeLine, type Paint } from "./print.js";
import { messageOf, type Output } from "./shell.js";

/** The address of a client as one text. */
export function addressOf({ remoteAddress = "?", remotePort = 0 }: Connection): string {
  return `${remoteAddress.includes(":") ? `[${remoteAddress}]` : remoteAddress}:${remotePort}`;
}

/** A line for each connection that opens, and for each that closes. */
export class Log {
  readonly #output: Output;
  readonly #paint: Paint;

  constructor(output: Output, paint: Paint) {
    this.#output = output;
    this.#paint = paint;
  }

  opened(connection: Connection, request: IncomingMessage | undefined): void {
    const origin = request?.headers.origin;
    const from = origin === undefined ? "" : ` from ${origin}`;
    const { protocol } = connection;
    const spoken = protocol === "" ? "" : `, subprotocol ${protocol}`;
    this.#write("green", "open", `${addressOf(connection)} ${request?.url ?? "/"}${from}${spoken}`);
  }

  closed(connection: Connection, code: number, reason: string): void {
    const { messagesIn, messagesOut } = connection.counters;
    const why = connection.error === undefined ? reason : `${reason} (${messageOf(connection.error)})`;
    this.#write(
      code === 1006 || connection.error !== undefined ? "red" : "dim",
      "close",
      `${addressOf(connection)} ${code}${why === "" ? "" : ` ${why}`}, ` +
        `${count(messagesIn, "message")} in, ${messagesOut.toLocaleString("en")} out`,
    );
  }

  /** @param rest - partly from outside: a client chooses its path and its reason. */
  #write(style: "green" | "red" | "dim", what: string, rest: string): void {
    this.#output.write(`${this.#paint(style, what)} ${escapeLine(rest)}\n`);
  }
}
