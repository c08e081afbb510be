/** The recipe of docs/observability.md for proxies that are trusted, and what a server keeps of a request. */

import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { BlockList } from "node:net";
import { after, before, describe, it } from "node:test";
import { connect, type KeptRequest } from "../../../src/index.js";
import { listen } from "../../support/connections.js";
import { until } from "../../support/sockets.js";
import { createFolder, documented, removeFolder } from "../package/support.js";

type ClientAddress = (
  request: IncomingMessage,
  trusted: BlockList,
  header?: "x-forwarded-for" | "forwarded",
) => string | undefined;

describe("the address of a client behind proxies", () => {
  let folder = "";
  let clientAddress: ClientAddress;
  let trusted: BlockList;

  before(async () => {
    const text = await documented(
      "docs/observability.md",
      'ts\\nimport type \\{ IncomingMessage \\} from "node:http";',
    );
    folder = await createFolder({
      "package.json": { type: "module" },
      "recipe.ts": `import type { IncomingMessage } from "node:http";\n${text}`,
    });
    ({ clientAddress, trusted } = await import(`${folder}/recipe.ts`));
  });
  after(() => removeFolder(folder));

  /** What the recipe says of a request that comes over loopback with these headers. */
  async function addressOf(
    t: import("node:test").TestContext,
    headers: [string, string][],
    header?: "x-forwarded-for" | "forwarded",
    proxies = trusted,
  ): Promise<string | undefined> {
    let address: string | undefined;
    const server = await listen(t, {
      authorize: (request) => {
        address = clientAddress(request, proxies, header);
        return { data: { address } };
      },
    });
    const connection = await connect(server.url, { headers });
    await until(() => server.connections.size === 1);
    assert.deepEqual([...server.connections][0].data, { address });
    connection.terminate();
    return address;
  }

  it("is what the last trusted proxy says, however much a client says before", async (t) => {
    const cases: [headers: [string, string][], expected: string][] = [
      [[], "127.0.0.1"],
      [[["X-Forwarded-For", "203.0.113.9"]], "203.0.113.9"],
      [[["X-Forwarded-For", "1.2.3.4, 203.0.113.9, 10.0.0.7"]], "203.0.113.9"],
      [
        [
          ["X-Forwarded-For", "1.2.3.4"],
          ["X-Forwarded-For", "2001:db8::1,10.1.1.1"],
        ],
        "2001:db8::1",
      ],
      [[["X-Forwarded-For", "[2001:db8::2]:443"]], "2001:db8::2"],
      [[["X-Forwarded-For", "203.0.113.9:1234"]], "203.0.113.9"],
      [[["X-Forwarded-For", "::ffff:203.0.113.9"]], "203.0.113.9"],
      // All are trusted: the first of them.
      [[["X-Forwarded-For", "10.0.0.1, 10.0.0.2"]], "10.0.0.1"],
      // No address: the last known one is the proxy's.
      [[["X-Forwarded-For", "unknown, 10.0.0.2"]], "10.0.0.2"],
      [[["X-Forwarded-For", "999.1.1.1"]], "127.0.0.1"],
      // Not the header that the proxies set.
      [[["Forwarded", "for=203.0.113.9"]], "127.0.0.1"],
    ];
    for (const [headers, expected] of cases) {
      assert.equal(await addressOf(t, headers), expected, JSON.stringify(headers));
    }
  });

  it("is read from Forwarded where that is what proxies set", async (t) => {
    const cases: [value: string, expected: string][] = [
      ["for=203.0.113.9;proto=https", "203.0.113.9"],
      ['for=1.2.3.4, For="[2001:db8::1]:80";by=10.0.0.2, for=10.0.0.3', "2001:db8::1"],
      ["for=_hidden, for=10.0.0.3", "10.0.0.3"],
      ["proto=https", "127.0.0.1"],
    ];
    for (const [value, expected] of cases) {
      const headers: [string, string][] = [
        ["Forwarded", value],
        ["X-Forwarded-For", "1.1.1.1"],
      ];
      assert.equal(await addressOf(t, headers, "forwarded"), expected, value);
    }
  });

  it("is that of the socket where the proxy is not trusted", async (t) => {
    const others = new BlockList();
    others.addSubnet("10.0.0.0", 8);
    assert.equal(await addressOf(t, [["X-Forwarded-For", "203.0.113.9"]], undefined, others), "127.0.0.1");
  });
});

describe("the kept part of a request", () => {
  it("keepRequest: path and headers, as long as the connection lives, and nothing of the socket", async (t) => {
    const seen: (KeptRequest | undefined)[] = [];
    const server = await listen(t, {
      keepRequest: true,
      open: (connection) => seen.push(connection.request),
      close: (connection) => seen.push(connection.request),
    });
    const connection = await connect(`${server.url}/a?b=c`, { headers: { "X-One": "1" } });
    await connection.close();
    await until(() => seen.length === 2);
    const [request] = seen;
    assert.equal(seen[1], request);
    assert.deepEqual(Object.keys(request ?? {}), ["url", "headers"]);
    assert.equal(request?.url, "/a?b=c");
    assert.equal(request?.headers["x-one"], "1");
    assert.equal(Object.getPrototypeOf(request?.headers), Object.prototype);
    assert.equal(connection.request, undefined, "a client has none");
  });

  it("nothing, without it", async (t) => {
    const server = await listen(t);
    await connect(server.url);
    await until(() => server.connections.size === 1);
    assert.equal([...server.connections][0].request, undefined);
  });

  it("remoteAddress survives the socket: for handlers, for code that waits, and for subscribers", async (t) => {
    const waiting: Promise<unknown>[] = [];
    for (const handlers of [
      { close: () => {} },
      { error: () => {}, message: () => {} },
      {
        open: (connection: import("../../../src/index.js").Connection) => {
          waiting.push(
            (async () => {
              for await (const _ of connection) {
              }
              assert.equal(connection.remoteAddress, "127.0.0.1");
              assert.ok(Number(connection.remotePort) > 0);
            })(),
          );
        },
      },
      {
        message: () => {},
        open: (connection: import("../../../src/index.js").Connection) => {
          waiting.push(connection.closed.then(() => assert.equal(connection.remoteAddress, "127.0.0.1")));
        },
      },
    ]) {
      const server = await listen(t, handlers);
      const client = await connect(server.url);
      await until(() => server.connections.size === 1);
      const [connection] = server.connections;
      client.terminate();
      await until(() => connection.state === "closed");
      assert.equal(connection.remoteAddress, "127.0.0.1", Object.keys(handlers).join());
    }
    await Promise.all(waiting);
    assert.equal(waiting.length, 2);
  });
});
