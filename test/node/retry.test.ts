/** connectWithRetry: how often, how long between, and when not. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { connectWithRetry, HandshakeError, type RetryOptions } from "../../src/index.js";
import { certificate } from "../support/certificate.js";
import { listen } from "../support/connections.js";
import { rawServer, responseText, until } from "../support/sockets.js";

/** A server that answers with each status in turn, the last one again and again; 0 resets, 101 accepts. */
function answering(t: TestContext, ...statuses: number[]) {
  return answeringWith(t, "", ...statuses);
}

/** The same, with more header lines in each refusal. */
async function answeringWith(t: TestContext, lines: string, ...statuses: number[]) {
  let requests = 0;
  const port = await rawServer(t, async (peer) => {
    await until(() => peer.head !== "" || peer.isClosed);
    const status = statuses[Math.min(requests++, statuses.length - 1)];
    const key = /sec-websocket-key: (.*)\r\n/i.exec(peer.head)?.[1] ?? "";
    if (status === 0) peer.reset();
    else if (status === 101) peer.write(responseText(key));
    else peer.write(`HTTP/1.1 ${status} x\r\n${lines}Content-Length: 0\r\n\r\n`);
  });
  return { url: `ws://127.0.0.1:${port}`, count: () => requests };
}

const FAST = { delay: 1, jitter: 0 };

describe("connectWithRetry", () => {
  it("tries until it succeeds", async (t) => {
    const { url, count } = await answering(t, 503, 0, 500, 429, 101);
    const told: [number, number][] = [];
    const connection = await connectWithRetry(url, {
      ...FAST,
      onRetry: (error, attempt, delayMs) => {
        assert.ok(error instanceof Error);
        told.push([attempt, delayMs]);
      },
    });
    connection.terminate();
    assert.equal(count(), 5);
    assert.deepEqual(told, [
      [1, 1],
      [2, 2],
      [3, 4],
      [4, 8],
    ]);
  });

  it("gives up after maxAttempts, with the last error", async (t) => {
    const { url, count } = await answering(t, 500, 502, 503);
    await assert.rejects(
      connectWithRetry(url, { ...FAST, maxAttempts: 3 }),
      (error) => error instanceof HandshakeError && error.status === 503,
    );
    assert.equal(count(), 3);
    const once = await answering(t, 503);
    await assert.rejects(connectWithRetry(once.url, { ...FAST, maxAttempts: 1 }));
    assert.equal(once.count(), 1);
  });

  for (const status of [400, 401, 403, 404, 410, 426, 501]) {
    it(`does not try again after ${status}: the server will not change its mind`, async (t) => {
      const { url, count } = await answering(t, status);
      await assert.rejects(
        connectWithRetry(url, FAST),
        (error) => (error as HandshakeError).status === status,
      );
      assert.equal(count(), 1);
    });
  }

  it("does not try again when the call makes no sense", async () => {
    for (const [url, options] of [
      ["nonsense", {}],
      ["ws://127.0.0.1:1", { protocol: "a b" }],
      ["ws://127.0.0.1:1", { maxFrameSize: -1 }],
      ["ws://127.0.0.1:1", { headers: { "X-A": "\n" } }],
    ] as const) {
      let retries = 0;
      await assert.rejects(connectWithRetry(url, { ...FAST, ...options, onRetry: () => retries++ }));
      assert.equal(retries, 0);
    }
  });

  it("waits longer each time, up to maxDelay, jitter included", async (t) => {
    const { url } = await answering(t, 503);
    const delays = async (options: RetryOptions, maxAttempts = 9) => {
      const seen: number[] = [];
      await connectWithRetry(url, {
        maxAttempts,
        ...options,
        onRetry: (_error, _attempt, delayMs) => seen.push(delayMs),
      }).catch(() => undefined);
      return seen;
    };
    assert.deepEqual(
      await delays({ delay: 1, factor: 2, maxDelay: 10, jitter: 0 }),
      [1, 2, 4, 8, 10, 10, 10, 10],
    );
    assert.deepEqual(await delays({ delay: 3, factor: 1, jitter: 0 }, 4), [3, 3, 3]);
    const chance = await delays({ delay: 20, factor: 1, jitter: 0.5 }, 13);
    for (const delay of chance) assert.ok(delay >= 10 && delay <= 20, String(delay));
    assert.ok(new Set(chance).size > 1, "they differ");
    for (const delay of await delays({ delay: 4, factor: 1, jitter: 1 }, 9))
      assert.ok(delay >= 0 && delay <= 4);
    for (const delay of await delays({ delay: 0, factor: 1e300, jitter: 0 }, 9)) assert.equal(delay, 0);
  });

  it("never sets a timer that the host would fire at once", async (t) => {
    const { url, count } = await answering(t, 503);
    const controller = new AbortController();
    let delay = 0;
    const connecting = connectWithRetry(url, {
      delay: 1e12,
      maxDelay: Infinity,
      jitter: 0,
      signal: controller.signal,
      onRetry: (_error, _attempt, delayMs) => {
        delay = delayMs;
        setTimeout(() => controller.abort(), 20);
      },
    });
    await assert.rejects(connecting, { name: "AbortError" });
    assert.equal(count(), 1);
    assert.ok(delay > 1e9 && delay < 2 ** 31);
  });

  it("stops when the signal aborts: while it waits, and while it connects", async (t) => {
    const reason = new Error("enough");
    const waiting = await answering(t, 503);
    const controller = new AbortController();
    await assert.rejects(
      connectWithRetry(waiting.url, {
        delay: 60_000,
        jitter: 0,
        signal: controller.signal,
        onRetry: () => setTimeout(() => controller.abort(reason), 5),
      }),
      reason,
    );
    assert.equal(waiting.count(), 1);
    const silent = await rawServer(t, () => setTimeout(() => second.abort(reason), 5));
    const second = new AbortController();
    await assert.rejects(
      connectWithRetry(`ws://127.0.0.1:${silent}`, { ...FAST, signal: second.signal }),
      reason,
    );
    await assert.rejects(connectWithRetry(waiting.url, { signal: AbortSignal.abort(reason) }), reason);
    assert.equal(waiting.count(), 1);
  });

  for (const [name, tlsOptions, code] of [
    ["a certificate that is not trusted", () => ({}), /SELF_SIGNED|UNABLE_TO_VERIFY/],
    [
      "a wrong name",
      (cert: string) => ({ ca: cert, servername: "other.example" }),
      /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    ],
  ] as const) {
    it(`does not try again after ${name}`, async (t) => {
      const { key, cert } = await certificate();
      const server = await listen(t, { tls: { key, cert } });
      let retries = 0;
      await assert.rejects(
        connectWithRetry(server.url, { ...FAST, tls: tlsOptions(cert), onRetry: () => retries++ }),
        (error: NodeJS.ErrnoException) => code.test(error.code ?? ""),
      );
      assert.equal(retries, 0);
    });
  }

  for (const status of [408, 425, 429]) {
    it(`tries again after ${status}`, async (t) => {
      const { url, count } = await answering(t, status, 101);
      (await connectWithRetry(url, FAST)).terminate();
      assert.equal(count(), 2);
    });
  }

  /** The delays of a client that meets this refusal again and again; the last one is not waited for. */
  async function delaysAfter(t: TestContext, status: number, lines: string, options: RetryOptions = {}) {
    const { url } = await answeringWith(t, lines, status);
    const enough = new AbortController();
    const seen: number[] = [];
    await connectWithRetry(url, {
      ...FAST,
      ...options,
      signal: enough.signal,
      onRetry: (_error, attempt, delayMs) => {
        seen.push(delayMs);
        if (attempt === 2 || delayMs > 100) enough.abort();
      },
    }).catch(() => undefined);
    return seen;
  }

  it("waits as long as Retry-After says: seconds, or until a date by the server's clock", async (t) => {
    const after = (value: string, more = "") => `Retry-After: ${value}\r\n${more}`;
    const date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    for (const status of [429, 503]) assert.deepEqual(await delaysAfter(t, status, after("7")), [7000]);
    for (const until of [
      "Sun, 06 Nov 1994 08:49:44 GMT",
      "Sunday, 06-Nov-94 08:49:44 GMT",
      "Sun Nov  6 08:49:44 1994",
    ]) {
      assert.deepEqual(await delaysAfter(t, 503, after(until, date)), [7000], until);
    }
    const soon = new Date(Date.now() + 3_600_000).toUTCString();
    const [byOurClock] = await delaysAfter(t, 503, after(soon), { maxRetryAfter: 1e9 });
    assert.ok(byOurClock > 3_000_000 && byOurClock <= 3_600_000, String(byOurClock));
  });

  it("takes Retry-After up to maxRetryAfter, and only where it is longer than our own delay", async (t) => {
    const lines = "Retry-After: 99999999999999999999\r\n";
    assert.deepEqual(await delaysAfter(t, 503, lines), [300_000]);
    assert.deepEqual(await delaysAfter(t, 503, lines, { maxRetryAfter: 5000 }), [5000]);
    assert.deepEqual(await delaysAfter(t, 503, lines, { maxRetryAfter: Infinity }), [2 ** 31 - 1]);
    assert.deepEqual(await delaysAfter(t, 503, lines, { maxRetryAfter: 0 }), [1, 2]);
    assert.deepEqual(await delaysAfter(t, 503, "Retry-After: 1\r\n", { delay: 2000 }), [2000]);
    const [spread] = await delaysAfter(t, 503, "Retry-After: 7\r\n", { delay: 1000, jitter: 1 });
    assert.ok(spread >= 7000 && spread <= 8000, String(spread));
  });

  it("passes over a Retry-After that is none", async (t) => {
    const past = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (const value of [
      "",
      "-1",
      "1.5",
      "soon",
      "1e3",
      "0",
      "2030-01-01",
      "Sun, 99 Nov 1994 08:49:37 GMT",
      past,
    ]) {
      assert.deepEqual(await delaysAfter(t, 503, `Retry-After: ${value}\r\n`), [1, 2], value);
    }
  });

  it("reads options once that can be read once only", async (t) => {
    const heads: string[] = [];
    const port = await rawServer(t, async (peer) => {
      await until(() => peer.head !== "" || peer.isClosed);
      heads.push(peer.head);
      peer.write("HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n");
    });
    function* once<T>(value: T): Generator<T> {
      yield value;
    }
    const options = {
      ...FAST,
      maxAttempts: 2,
      headers: once(["X-A", "1"] as const),
      params: once(["a", "b"] as const),
      protocol: once("p") as Iterable<string> as string[],
    };
    await assert.rejects(connectWithRetry(`ws://127.0.0.1:${port}`, options));
    assert.equal(heads.length, 2);
    for (const head of heads) assert.match(head, /^GET \/\?a=b [\s\S]*Protocol: p\r\n[\s\S]*X-A: 1\r\n/);
  });

  it("refuses options that make no sense", async () => {
    for (const [name, wrong] of [
      ["maxAttempts", 0],
      ["maxAttempts", Number.NaN],
      ["delay", -1],
      ["delay", Number.NaN],
      ["factor", -1],
      ["maxDelay", -1],
      ["maxRetryAfter", -1],
      ["maxRetryAfter", Number.NaN],
      ["jitter", -0.1],
      ["jitter", 1.1],
    ] as const) {
      await assert.rejects(
        connectWithRetry("ws://127.0.0.1:1", { [name]: wrong }),
        (error) => error instanceof RangeError && error.message.startsWith(name),
      );
    }
    await assert.rejects(
      connectWithRetry("ws://127.0.0.1:1", { onRetry: "x" as never }),
      /^TypeError: onRetry must be a function/,
    );
  });
});
