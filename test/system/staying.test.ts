/**
 * Clients that stay connected against servers in processes of their own, which are killed, stopped, restarted, or send
 * their clients away. Attempts and messages are counted, time is not measured.
 */

import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type StayingConnection, stayConnected } from "../../src/index.js";
import { until } from "../support/sockets.js";
import type { StayingServerOptions, Told } from "../support/staying-server.js";
import { root } from "./package/support.js";

interface Child {
  readonly process: ChildProcess;
  readonly url: string;
  readonly port: number;
  /** The messages that it received. */
  readonly messages: string[];
  readonly counts: { open: number; refused: number };
  /** Ends it without a word. */
  kill(): Promise<void>;
}

async function start(t: TestContext, options: Partial<StayingServerOptions> = {}): Promise<Child> {
  const file = path.join(root, "test/support/staying-server.ts");
  const child = fork(file, [JSON.stringify({ port: 0, ...options })], { execArgv: ["--import", "tsx"] });
  t.after(() => child.kill("SIGKILL"));
  const messages: string[] = [];
  const counts = { open: 0, refused: 0 };
  const port = await new Promise<number>((resolve, reject) => {
    child.once("exit", () => reject(new Error("the server ended")));
    child.on("message", (told: Told) => {
      if (told.type === "listening") resolve(told.port);
      else if (told.type === "message") messages.push(told.text);
      else counts[told.type]++;
    });
  });
  const kill = async () => {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  return { process: child, url: `ws://127.0.0.1:${port}`, port, messages, counts, kill };
}

const FAST = { delay: 1, maxDelay: 20, jitter: 0.5, minUptime: 0 };

/** Sends so many messages, and says which. */
function sendMany(stay: StayingConnection<undefined>, count: number, name: string): string[] {
  const sent = Array.from({ length: count }, (_, i) => `${name} ${i}`);
  for (const text of sent) assert.notEqual(stay.send(text), undefined);
  return sent;
}

describe("a client that stays connected", () => {
  it("loses and doubles nothing that waited for a server that was killed", {
    timeout: 120_000,
  }, async (t) => {
    let server = await start(t);
    const { port, url } = server;
    const stay = stayConnected(url, { ...FAST, open: (connection) => void connection.send("subscribe") });
    t.after(() => stay.close());
    await stay.opened();
    for (let round = 0; round < 3; round++) {
      await server.kill();
      await until(() => stay.state !== "open");
      const sent = sendMany(stay, 1000, `round ${round}`);
      server = await start(t, { port });
      await until(() => server.messages.length >= 1001);
      assert.deepEqual(server.messages, ["subscribe", ...sent]);
      assert.equal(server.counts.open, 1);
    }
    assert.equal(stay.counters.connections, 4);
    assert.equal(stay.counters.messagesDropped, 0);
  });

  it("sends no message twice, and all that waited, while its server comes and goes", {
    timeout: 120_000,
  }, async (t) => {
    let server = await start(t);
    const { port, url } = server;
    const stay = stayConnected(url, FAST);
    t.after(() => stay.close());
    await stay.opened();
    const received: string[] = [];
    const waited: string[] = [];
    let next = 0;
    const sending = setInterval(() => {
      const text = String(next++);
      if (stay.state !== "open") waited.push(text);
      stay.send(text);
    }, 1);
    t.after(() => clearInterval(sending));
    for (let round = 0; round < 3; round++) {
      // Messages in flight are lost when the server is killed, so all queued messages must have arrived before.
      await until(() => waited.length === 0 || server.messages.includes(waited.at(-1) as string));
      const before = server.messages.length;
      await until(() => server.messages.length >= before + 20);
      await server.kill();
      received.push(...server.messages);
      await until(() => stay.state === "waiting");
      const length = waited.length;
      await until(() => waited.length >= length + 20);
      server = await start(t, { port });
      await stay.opened();
    }
    clearInterval(sending);
    const last = stay.send("end");
    assert.equal(typeof last, "boolean");
    await until(() => server.messages.includes("end"));
    received.push(...server.messages);
    const numbers = received.slice(0, -1).map(Number);
    for (let i = 1; i < numbers.length; i++)
      assert.ok(numbers[i] > numbers[i - 1], "in order, and none twice");
    const known = new Set(received);
    assert.deepEqual(
      waited.filter((text) => !known.has(text)),
      [],
    );
    t.diagnostic(
      `${next} sent, ${waited.length} waited, ${next - numbers.length} were lost with a connection`,
    );
  });

  it("notices a server that stands still, and comes back when it goes on", {
    timeout: 120_000,
  }, async (t) => {
    const server = await start(t);
    const limits = { pingIntervalMs: 20, pingTimeoutMs: 20, timeout: 50 };
    const errors: string[] = [];
    const stay = stayConnected(server.url, {
      ...FAST,
      ...limits,
      onRetry: (error) => void errors.push((error as Error).name),
    });
    t.after(() => stay.close());
    await stay.opened();
    server.process.kill("SIGSTOP");
    await until(() => errors.includes("TimeoutError"));
    assert.equal(errors[0], "ConnectionClosedError");
    const sent = sendMany(stay, 500, "paused");
    server.process.kill("SIGCONT");
    await until(() => server.messages.length >= 500);
    assert.deepEqual(server.messages, sent);
  });

  it("wastes nothing on a server that accepts and closes", { timeout: 60_000 }, async (t) => {
    const server = await start(t, { hasty: 6 });
    const delays: number[] = [];
    const stay = stayConnected(server.url, {
      delay: 1,
      jitter: 0,
      onRetry: (error, attempt, delayMs) => {
        assert.equal((error as { closeCode?: number }).closeCode, 4401);
        assert.equal(attempt, delays.length + 1);
        delays.push(delayMs);
      },
    });
    t.after(() => stay.close());
    const sent = sendMany(stay, 100, "kept");
    await until(() => server.messages.length >= 100);
    assert.deepEqual(server.messages, sent);
    assert.equal(server.counts.open, 7);
    assert.deepEqual(delays, [1, 2, 4, 8, 16, 32]);
  });

  it("does not return to a server that closes with 4401, if finalCodes has it", {
    timeout: 60_000,
  }, async (t) => {
    const server = await start(t, { hasty: 100 });
    const stay = stayConnected(server.url, { ...FAST, finalCodes: [1008, 4401] });
    stay.send("kept");
    const { code, error } = await stay.closed;
    assert.equal(code, 4401);
    assert.equal((error as Error).message, "the connection closed (4401)");
    assert.equal(server.counts.open, 1);
    assert.deepEqual(server.messages, []);
    assert.equal(stay.counters.messagesDropped, 1);
  });

  it("waits as long as a server asks by Retry-After", { timeout: 60_000 }, async (t) => {
    const server = await start(t, { refuse: 3, lines: "Retry-After: 30\r\n" });
    const delays: number[] = [];
    const stay = stayConnected(server.url, {
      delay: 1,
      jitter: 0,
      maxRetryAfter: 40,
      onRetry: (_error, _attempt, delayMs) => void delays.push(delayMs),
    });
    t.after(() => stay.close());
    const sent = sendMany(stay, 10, "kept");
    await until(() => server.messages.length >= 10);
    assert.deepEqual(delays, [40, 40, 40]);
    assert.deepEqual(server.messages, sent);
    assert.deepEqual(server.counts, { open: 1, refused: 3 });
  });
});
