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
import { type Connection, connectWithRetry, type RetryOptions, serve } from "hawser";

interface StayOptions extends RetryOptions {
  readonly signal: AbortSignal;
  readonly delay: number;
  readonly maxDelay: number;
  /** Milliseconds that a connection must live to have proven itself. */
  readonly provenAfter: number;
  /** Told how long the next connection is waited for, after some that closed before they had proven themselves. */
  readonly onHastyClose: (inARow: number, delayMs: number) => void;
}

/**
 * Runs `use` over one connection after the other, until the signal aborts.
 *
 * A server that accepts and closes at once (it restarts, it is full, it has banned us) must not make us connect in a
 * tight loop: each time the wait is longer, and only a connection that has proven itself makes it short again.
 *
 * @throws what makes no sense to try again: a wrong URL, a refusal such as 401 or 404, a certificate.
 */
async function stayConnected(
  url: string,
  use: (connection: Connection) => Promise<void>,
  { provenAfter, onHastyClose, ...options }: StayOptions,
): Promise<void> {
  const { signal, delay, maxDelay } = options;
  let hasty = 0;
  while (!signal.aborted) {
    const connection = await connectWithRetry(url, options);
    const openedAt = performance.now();
    const stop = () => void connection.close(1000, "done");
    signal.addEventListener("abort", stop, { once: true });
    try {
      await use(connection);
      const { code, reason } = await connection.closed;
      console.log(`closed: ${code} ${reason}`);
    } finally {
      signal.removeEventListener("abort", stop);
    }
    hasty = performance.now() - openedAt < provenAfter ? hasty + 1 : 0;
    if (hasty === 0 || signal.aborted) continue;
    const delayMs = Math.round(Math.min(maxDelay, delay * 2 ** (hasty - 1)) * (1 - Math.random() / 2));
    onHastyClose(hasty, delayMs);
    await sleep(delayMs, undefined, { signal });
  }
}

/** The channels that this client subscribes to, on each connection. */
const channels = new Set(["weather", "tides"]);

const done = new AbortController();
process.once("SIGINT", () => done.abort());

async function listen(connection: Connection): Promise<void> {
  console.log("connected");
  for (const channel of channels) connection.send(`subscribe ${channel}`);
  for await (const message of connection) console.log(`  ${message}`);
}

const [url = await startDemo()] = process.argv.slice(2);
await stayConnected(url, listen, {
  signal: done.signal,
  delay: 50,
  maxDelay: 5000,
  provenAfter: 10_000,
  onHastyClose: (inARow, delayMs) =>
    console.log(`closed early, ${inARow} in a row; the next one in ${delayMs} ms`),
  onRetry: (error, attempt, delayMs) => {
    const { code, message } = error as NodeJS.ErrnoException;
    console.log(`attempt ${attempt}: ${code ?? message}; the next one in ${delayMs} ms`);
  },
}).catch((error: unknown) => {
  // Given up while no connection was open.
  if (!done.signal.aborted) throw error;
});

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
