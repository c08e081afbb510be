/** Compression of connections: its options, and what handshakes agree on. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Connection,
  connect,
  createConnection,
  createUpgradeHandler,
  type DeflateParameters,
  HandshakeError,
  type PerMessageDeflateOptions,
  serve,
  tryConnect,
} from "../../src/index.js";
import { AGREED, ALONE, TEXTS } from "../support/agreed.js";
import { listen } from "../support/connections.js";
import { TEXT } from "../support/frames.js";
import { utf8 } from "../support/hex.js";
import { acceptingServer, rawClient, requestText } from "../support/sockets.js";
import { duplexPair } from "../support/streams.js";

const EXTENSIONS = "Sec-WebSocket-Extensions";

describe("options of compression", () => {
  const wrong: readonly [name: string, value: unknown, error: typeof TypeError | typeof RangeError][] = [
    ["serverNoContextTakeover", 1, TypeError],
    ["serverNoContextTakeover", null, TypeError],
    ["clientNoContextTakeover", "true", TypeError],
    ["serverMaxWindowBits", 7, RangeError],
    ["serverMaxWindowBits", 16, RangeError],
    ["serverMaxWindowBits", 9.5, RangeError],
    ["serverMaxWindowBits", "9", TypeError],
    ["serverMaxWindowBits", true, TypeError],
    ["clientMaxWindowBits", 7, RangeError],
    ["clientMaxWindowBits", 16, RangeError],
    ["clientMaxWindowBits", null, TypeError],
    ["level", -1, RangeError],
    ["level", 10, RangeError],
    ["level", Number.NaN, RangeError],
    ["memLevel", 0, RangeError],
    ["memLevel", 10, RangeError],
    ["memLevel", "5", TypeError],
    ["threshold", -1, RangeError],
    ["threshold", Number.NaN, RangeError],
    ["threshold", "1024", TypeError],
  ];

  for (const [name, value, error] of wrong) {
    it(`${name}: ${JSON.stringify(value)} is refused by name, wherever it is given`, {
      timeout: 60_000,
    }, async () => {
      const perMessageDeflate = { [name]: value } as PerMessageDeflateOptions;
      const expected = { name: error.name, message: new RegExp(`^${name} of perMessageDeflate must be`) };
      // There is no listener: the call is judged before anything is sent.
      const url = "ws://127.0.0.1:1";
      await assert.rejects(serve({ perMessageDeflate }), expected);
      await assert.rejects(connect(url, { perMessageDeflate }), expected);
      await assert.rejects(tryConnect(url, { perMessageDeflate }), expected);
      assert.throws(() => createUpgradeHandler({}, { perMessageDeflate }), expected);
    });
  }

  it("may be a boolean or an object, and nothing else", { timeout: 60_000 }, async () => {
    for (const value of ["yes", 1, null]) {
      const perMessageDeflate = value as unknown as boolean;
      const expected = { name: "TypeError", message: /^perMessageDeflate must be a boolean or an object/ };
      await assert.rejects(serve({ perMessageDeflate }), expected);
      assert.throws(() => createUpgradeHandler({}, { perMessageDeflate }), expected);
      await assert.rejects(connect("ws://127.0.0.1:1", { perMessageDeflate }), expected);
      await assert.rejects(tryConnect("ws://127.0.0.1:1", { perMessageDeflate }), expected);
    }
  });

  it("of a connection over a stream are what a handshake agreed on", { timeout: 60_000 }, (t) => {
    const [left, right] = duplexPair();
    t.after(() => {
      left.destroy();
      right.destroy();
    });
    for (const [value, expected] of [
      [true, TypeError],
      ["yes", TypeError],
      [{ ...AGREED, windowBits: 16 }, RangeError],
      [{ ...AGREED, serverMaxWindowBits: 7 }, RangeError],
      [{ ...AGREED, clientMaxWindowBits: undefined }, TypeError],
    ] as const) {
      const perMessageDeflate = value as unknown as DeflateParameters;
      assert.throws(
        () => createConnection(left, { role: "server", perMessageDeflate }),
        expected,
        String(value),
      );
    }
  });
});

describe("a server that accepts compression", () => {
  const illegal = [
    "permessage-deflate; foo",
    "permessage-deflate; foo=1",
    "permessage-deflate; server_no_context_takeover=1",
    'permessage-deflate; server_no_context_takeover="true"',
    "permessage-deflate; client_no_context_takeover=false",
    "permessage-deflate; server_max_window_bits",
    "permessage-deflate; server_max_window_bits=7",
    "permessage-deflate; server_max_window_bits=16",
    "permessage-deflate; server_max_window_bits=08",
    "permessage-deflate; server_max_window_bits=10.0",
    "permessage-deflate; client_max_window_bits=7",
    "permessage-deflate; client_max_window_bits=16",
    "permessage-deflate; client_max_window_bits=1e1",
    "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
    "permessage-deflate; client_max_window_bits; client_max_window_bits=9",
    "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    "permessage-deflate; Server_No_Context_Takeover",
    "PERMESSAGE-DEFLATE",
    "x-webkit-deflate-frame",
    "permessage-deflate-2",
  ];

  it("declines anything that is not an offer, and goes on without", { timeout: 30_000 }, async (t) => {
    const server = await listen(t, {
      perMessageDeflate: true,
      message: (connection, message) => connection.send(message.data),
    });
    const text = "a".repeat(1000);
    for (const offer of illegal) {
      const peer = await rawClient(t, server.port, requestText({ [EXTENSIONS]: offer }));
      assert.doesNotMatch(peer.head, /sec-websocket-extensions/i, offer);
      peer.send({ opcode: TEXT, payload: utf8(text) });
      assert.equal(await peer.next(), `text ${text}`, offer);
      // Parameters without an agreement are an error.
      peer.send({ opcode: TEXT, rsv: 4, payload: Uint8Array.of(2, 0) });
      assert.match(await peer.next(), /^close 1002/, offer);
    }
  });

  it("takes the first legal offer behind those, in one header or in several", {
    timeout: 30_000,
  }, async (t) => {
    const server = await listen(t, { perMessageDeflate: true });
    for (const offer of illegal) {
      for (const value of [
        `${offer}, permessage-deflate; server_max_window_bits=10`,
        [offer, "permessage-deflate; server_max_window_bits=10"],
      ]) {
        const peer = await rawClient(t, server.port, requestText({ [EXTENSIONS]: value }));
        assert.match(
          peer.head,
          /^sec-websocket-extensions: permessage-deflate; ?server_max_window_bits=10\r$/im,
          offer,
        );
      }
    }
  });

  it("refuses what breaks the header's grammar", { timeout: 60_000 }, async (t) => {
    const server = await listen(t, { perMessageDeflate: true });
    for (const value of [
      "permessage-deflate;",
      "permessage-deflate; =9",
      "; foo",
      "permessage-deflate foo",
    ]) {
      const peer = await rawClient(t, server.port, requestText({ [EXTENSIONS]: value })).catch(
        () => undefined,
      );
      assert.equal(peer, undefined, value);
    }
    assert.deepEqual(Object.values(server.counters.refused), [4]);
  });

  it("asks authorize, for each connection", { timeout: 60_000 }, async (t) => {
    const wanted = new Map<string, boolean | PerMessageDeflateOptions | undefined>([
      ["/default", undefined],
      ["/none", false],
      ["/any", true],
      ["/tight", { level: 9, memLevel: 9 }],
      ["/alone", { serverNoContextTakeover: true, clientNoContextTakeover: true }],
      ["/small", { serverMaxWindowBits: 9, clientMaxWindowBits: 10, threshold: 7 }],
    ]);
    const server = await listen(t, {
      // In the response the same as some of the others.
      perMessageDeflate: { threshold: 50 },
      authorize: (_request, { path }) => ({ perMessageDeflate: wanted.get(path) }),
      message: (connection, message) => connection.send(message.data),
    });
    const expected: Record<string, [extensions: string, parameters: DeflateParameters | undefined]> = {
      "/default": ["permessage-deflate", { ...AGREED, threshold: 50 }],
      "/none": ["", undefined],
      "/any": ["permessage-deflate", AGREED],
      "/tight": ["permessage-deflate", { ...AGREED, level: 9, memLevel: 9 }],
      "/alone": ["permessage-deflate; server_no_context_takeover; client_no_context_takeover", ALONE],
      "/small": [
        "permessage-deflate; server_max_window_bits=9; client_max_window_bits=10",
        { ...AGREED, serverMaxWindowBits: 9, clientMaxWindowBits: 10, windowBits: 9, threshold: 7 },
      ],
    };
    // Twice, and the other way round: what one agreed on is not what the next one gets.
    for (const path of [...wanted.keys(), ...[...wanted.keys()].reverse()]) {
      const connection = await connect(`${server.url}${path}`, { perMessageDeflate: true });
      const accepted = [...server.connections].at(-1) as Connection;
      const [extensions, parameters] = expected[path];
      assert.deepEqual([accepted.extensions, accepted.perMessageDeflate], [extensions, parameters], path);
      assert.equal(connection.extensions, extensions, path);
      for (const text of TEXTS) {
        connection.send(text);
        assert.equal((await connection.receive())?.data, text, path);
      }
      await connection.close();
    }
  });

  it("answers 500 where authorize returns wrong options", { timeout: 60_000 }, async (t) => {
    const server = await listen(t, {
      authorize: () => ({ perMessageDeflate: { level: 99 } }),
    });
    await assert.rejects(connect(server.url, { perMessageDeflate: true }), { status: 500 });
  });

  it("may leave it to authorize alone", { timeout: 60_000 }, async (t) => {
    const server = await listen(t, { authorize: () => ({ perMessageDeflate: true }) });
    const connection = await connect(server.url, { perMessageDeflate: true });
    t.after(() => connection.terminate());
    assert.deepEqual(connection.perMessageDeflate, AGREED);
    // Who does not offer gets none.
    const other = await connect(server.url);
    t.after(() => other.terminate());
    assert.deepEqual([other.perMessageDeflate, other.extensions], [undefined, ""]);
  });
});

describe("a client that offers compression", () => {
  const answers: readonly [answer: string, options: boolean | PerMessageDeflateOptions][] = [
    ["permessage-deflate; foo", true],
    ["permessage-deflate; server_no_context_takeover=1", true],
    ["permessage-deflate; client_no_context_takeover=true", true],
    ["permessage-deflate; server_max_window_bits", true],
    ["permessage-deflate; server_max_window_bits=7", true],
    ["permessage-deflate; server_max_window_bits=16", true],
    ["permessage-deflate; client_max_window_bits", true],
    ["permessage-deflate; client_max_window_bits=7", true],
    ["permessage-deflate; client_max_window_bits=9; client_max_window_bits=9", true],
    ["permessage-deflate; server_no_context_takeover; server_no_context_takeover", true],
    ["permessage-deflate, permessage-deflate", true],
    ["permessage-deflate, x-other", true],
    ["x-other", true],
    ["permessage-deflate", false],
    ["permessage-deflate", { serverNoContextTakeover: true }],
    ["permessage-deflate; client_max_window_bits=10", { clientMaxWindowBits: false }],
    ["permessage-deflate; client_max_window_bits=11", { clientMaxWindowBits: 10 }],
  ];

  for (const [answer, perMessageDeflate] of answers) {
    it(`${JSON.stringify(perMessageDeflate)} fails for "${answer}"`, { timeout: 60_000 }, async (t) => {
      const port = await acceptingServer(t, () => {}, { [EXTENSIONS]: answer });
      const url = `ws://127.0.0.1:${port}`;
      await assert.rejects(connect(url, { perMessageDeflate }), (error: HandshakeError) => {
        assert.equal(error instanceof HandshakeError, true, String(error));
        assert.deepEqual([error.code, error.status], ["WS_ERR_UNEXPECTED_EXTENSION", 101]);
        return true;
      });
      assert.equal(await tryConnect(url, { perMessageDeflate }), undefined);
    });
  }

  it("takes what it may", { timeout: 60_000 }, async (t) => {
    for (const [answer, options, expected] of [
      ["permessage-deflate", true, AGREED],
      [
        "permessage-deflate; client_max_window_bits=9",
        true,
        { ...AGREED, clientMaxWindowBits: 9, windowBits: 9 },
      ],
      ["permessage-deflate; server_max_window_bits=8", true, { ...AGREED, serverMaxWindowBits: 8 }],
      // It asked for 9, in its first offer; the second one was accepted.
      ["permessage-deflate", { serverMaxWindowBits: 9 }, AGREED],
      [
        "permessage-deflate",
        { clientMaxWindowBits: 10 },
        { ...AGREED, clientMaxWindowBits: 10, windowBits: 10 },
      ],
      ["permessage-deflate; server_no_context_takeover; client_no_context_takeover", true, ALONE],
    ] as const) {
      const port = await acceptingServer(t, () => {}, { [EXTENSIONS]: answer });
      const connection = await connect(`ws://127.0.0.1:${port}`, { perMessageDeflate: options });
      assert.deepEqual(connection.perMessageDeflate, expected, answer);
      connection.terminate();
    }
  });
});
