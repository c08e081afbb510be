/**
 * A client that stays connected: it tries until the server is there, and when the connection closes, it opens
 * another and subscribes again to everything that it had subscribed to.
 *
 *     node --import tsx examples/reconnect.ts [url]
 *
 * Without a URL it talks to a server of its own, which goes away now and then.
 */

import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { serve, stayConnected } from "hawser";

/** The channels that this client subscribes to, on each connection. */
const channels = new Set(["weather", "tides"]);

const done = new AbortController();
process.once("SIGINT", () => done.abort());

const [url = await startDemo()] = process.argv.slice(2);
const client = stayConnected(url, {
  signal: done.signal,
  delay: 50,
  maxDelay: 5000,
  open(connection) {
    console.log("connected");
    for (const channel of channels) connection.send(`subscribe ${channel}`);
  },
  message: (_connection, message) => console.log(`  ${message}`),
  close: (_connection, code, reason) => console.log(`closed: ${code} ${reason}`),
  onRetry: (error, attempt, delayMs) => console.log(`${attempt} in a row: ${error}; again in ${delayMs} ms`),
});
const { error } = await client.closed;
// Given up: the server refuses us, or its certificate is not trusted.
if (!done.signal.aborted) throw error;

/** A server that closes when it was asked for two channels, and comes back on the same port: twice. */
async function startDemo(): Promise<string> {
  const start = async (port: number) => {
    let asked = 0;
    const subscribed = new EventTarget();
    const server = await serve({
      port,
      hostname: "127.0.0.1",
      message(connection, message) {
        connection.send(`news of ${message.toString().replace("subscribe ", "")}`);
        if (++asked === channels.size) subscribed.dispatchEvent(new Event("all"));
      },
    });
    return { server, all: once(subscribed, "all") };
  };
  const first = await start(0);
  const { port, url: address } = first.server;
  const demo = async () => {
    let current = first;
    for (let restarts = 0; ; restarts++) {
      await current.all;
      await current.server.close();
      if (restarts === 2) break;
      await sleep(120);
      current = await start(port);
    }
    done.abort();
  };
  void demo();
  return address;
}
