/** What the programs share. They run in the folder where the packages are installed, with `ws` replaced or not. */

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** Whether `ws` is the face here: the tests say so. */
const replaced = process.env.HAWSER_DEPENDENTS !== "ws";

/** Asserts that the `ws` which a package gets is hawser's, or the real one if the tests run with that. */
export function assertWsOf(name) {
  const its = createRequire(require.resolve(name));
  assert.equal(its("ws") === require("hawser/ws"), replaced, `the ws of ${name}`);
}

/** Asserts that a socket or a server is one of hawser's, or a real one if the tests run with that. */
export function assertOurs(object) {
  const { WebSocket, WebSocketServer } = require("hawser/ws");
  const ours = object instanceof WebSocket || object instanceof WebSocketServer;
  assert.equal(ours, replaced, `${object?.constructor?.name} is one of hawser/ws`);
}

/** A server of HTTP on a free port of 127.0.0.1. */
export async function listen(listener) {
  const server = listener instanceof http.Server ? listener : http.createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: server.address().port };
}

export function close(server) {
  server.closeAllConnections?.();
  return new Promise((resolve) => server.close(resolve));
}

/** Collects values, and waits for them. */
export class Arrivals {
  #values = [];
  #wake = () => {};

  push(value) {
    this.#values.push(value);
    this.#wake();
  }

  async next() {
    while (this.#values.length === 0) {
      await new Promise((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#values.shift();
  }
}
