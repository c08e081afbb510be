/** permessage-deflate between two sockets, and against a peer of bytes. */

import zlib from "node:zlib";
import type { ClientOptions, ServerOptions } from "ws";
import { type Script, type Stage, script } from "../stage.js";

const EXTENSION = "Sec-WebSocket-Extensions";
const on: ServerOptions = { perMessageDeflate: { threshold: 0 } };
const compressible = (length: number) => "compressible ".repeat(Math.ceil(length / 13)).slice(0, length);

const bothClosed = (stage: Stage) =>
  Promise.all([stage.until("client", "close"), stage.until("server", "close")]);

/** What a peer sends as a compressed message, without the four bytes at its end. */
function deflated(text: string | Buffer): Buffer {
  const bytes = zlib.deflateRawSync(text, { finishFlush: zlib.constants.Z_SYNC_FLUSH });
  return bytes.subarray(0, -4);
}

/** Options of both sides: the scripts log the agreed parameters, and check that messages arrive. */
const AGREED: readonly (readonly [
  string,
  ServerOptions["perMessageDeflate"],
  ClientOptions["perMessageDeflate"],
])[] = [
  ["on both sides", true, true],
  ["off on the server", false, true],
  ["off on the client", true, false],
  [
    "no takeover by the server's will",
    { serverNoContextTakeover: true, clientNoContextTakeover: true },
    true,
  ],
  [
    "no takeover by the client's will",
    true,
    { serverNoContextTakeover: true, clientNoContextTakeover: true },
  ],
  ["windows by the server's will", { serverMaxWindowBits: 9, clientMaxWindowBits: 9 }, true],
  ["windows by the client's will", true, { serverMaxWindowBits: 10, clientMaxWindowBits: 10 }],
  ["windows on both sides", { serverMaxWindowBits: 9, clientMaxWindowBits: 12 }, { clientMaxWindowBits: 13 }],
  [
    "options of zlib",
    { zlibDeflateOptions: { level: 9, memLevel: 7 }, zlibInflateOptions: { chunkSize: 1024 } },
    true,
  ],
];

const agreed: Script[] = AGREED.map(([name, theirs, ours]) =>
  script(`compression ${name}`, async (stage) => {
    const { server, client } = await stage.pair(
      { perMessageDeflate: theirs as never },
      { perMessageDeflate: ours as never },
    );
    stage.say("client", "extensions", client.extensions);
    stage.say("server", "extensions", server.extensions);
    for (const length of [0, 5, 1023, 1024, 20_000, 20_000]) {
      client.send(compressible(length));
      server.send(Buffer.from(compressible(length)));
    }
    await Promise.all([stage.until("client", "message", 6), stage.until("server", "message", 6)]);
    client.close();
    await bothClosed(stage);
  }),
);

type Send = (data: string, options?: object) => void;

/** Sends messages of these lengths. */
const sending =
  (...lengths: readonly number[]) =>
  (send: Send) => {
    for (const length of lengths) send(compressible(length));
  };

/** What a server with these options writes for these calls. */
const WIRE: readonly (readonly [string, string, ServerOptions["perMessageDeflate"], (send: Send) => void])[] =
  [
    ["long and short, with takeover", "permessage-deflate", true, sending(10, 1023, 1024, 5000)],
    [
      "long and short, without takeover",
      "permessage-deflate; server_no_context_takeover",
      true,
      sending(10, 1023, 1024, 5000),
    ],
    [
      "a threshold, without takeover",
      "permessage-deflate; server_no_context_takeover",
      { threshold: 100 },
      sending(99, 100),
    ],
    [
      "the option compress false",
      "permessage-deflate",
      on.perMessageDeflate,
      (send) => send(compressible(2000), { compress: false }),
    ],
    [
      "fragments",
      "permessage-deflate",
      on.perMessageDeflate,
      (send) => {
        send(compressible(500), { fin: false });
        send(compressible(600), { fin: false });
        send(compressible(700), { fin: true });
        send(compressible(800));
      },
    ],
    [
      "fragments that are not compressed",
      "permessage-deflate",
      on.perMessageDeflate,
      (send) => {
        send(compressible(500), { fin: false, compress: false });
        send(compressible(600), { fin: true });
      },
    ],
    ["an empty message", "permessage-deflate", on.perMessageDeflate, (send) => send("")],
  ];

const wire: Script[] = WIRE.map(([name, offer, options, run]) =>
  script(`compression on the wire: ${name}`, async (stage) => {
    const { server, peer } = await stage.rawPair(
      { perMessageDeflate: options as never },
      { headers: { [EXTENSION]: offer } },
    );
    run((data, sendOptions) =>
      server.send(data, (sendOptions ?? {}) as never, (error) => stage.say("server", "sent", error)),
    );
    server.close(1000);
    await stage.until("peer", "close");
    peer.stream.end();
    await stage.until("server", "close");
  }),
);

/** What a peer sends on a connection with compression, one frame each. */
const RECEIVED: readonly (readonly [string, readonly Buffer[], ServerOptions?])[] = [
  ["a message", [deflated("hello")]],
  ["an empty block", [Buffer.from([0])]],
  ["a block marked as last", [Buffer.from("f348cdc9c907000000ffff".slice(0, 14), "hex"), deflated("x")]],
  ["a long message", [deflated(compressible(100_000))]],
  ["no DEFLATE", [Buffer.from("ffffffff", "hex")]],
  ["a distance too far back", [Buffer.from("4b4c840100", "hex")]],
  ["more than maxPayload when inflated", [deflated(compressible(100_000))], { maxPayload: 99_999 }],
  ["just maxPayload when inflated", [deflated(compressible(100_000))], { maxPayload: 100_000 }],
  ["text that is not UTF-8", [deflated(Buffer.from([0x61, 0xff]))]],
];

const received: Script[] = RECEIVED.map(([name, payloads, options]) =>
  script(`compressed frames: ${name}`, async (stage) => {
    const { peer } = await stage.rawPair(
      { ...on, ...options },
      { headers: { [EXTENSION]: "permessage-deflate" } },
    );
    for (const payload of payloads) peer.send({ opcode: 1, rsv: 4, payload });
    peer.send({ opcode: 9, payload: "last" });
    await Promise.race([stage.until("server", "ping"), stage.until("peer", "close")]);
    peer.stream.end();
    await stage.until("server", "close");
  }),
);

export const compression: readonly Script[] = [
  ...agreed,
  ...wire,
  ...received,
  script("compressed frames: RSV1 on a continuation", async (stage) => {
    const { peer } = await stage.rawPair(on, { headers: { [EXTENSION]: "permessage-deflate" } });
    const payload = deflated("hello hello");
    peer.send(
      { opcode: 1, rsv: 4, payload: payload.subarray(0, 3), fin: false },
      { opcode: 0, rsv: 4, payload: payload.subarray(3) },
    );
    await stage.until("peer", "close");
    peer.stream.end();
    await stage.until("server", "close");
  }),
  script("compressed frames: fragments, a ping within", async (stage) => {
    const { peer } = await stage.rawPair(on, { headers: { [EXTENSION]: "permessage-deflate" } });
    const payload = deflated("hello hello");
    peer.send({ opcode: 1, rsv: 4, payload: payload.subarray(0, 3), fin: false });
    peer.send({ opcode: 9, payload: "between" });
    peer.send({ opcode: 0, payload: payload.subarray(3) });
    await Promise.all([stage.until("server", "message"), stage.until("server", "ping")]);
    peer.stream.end();
    await stage.until("server", "close");
  }),
  script("compressed frames: plain ones among them keep their order", async (stage) => {
    const { peer } = await stage.rawPair(on, { headers: { [EXTENSION]: "permessage-deflate" } });
    peer.send(
      { opcode: 1, rsv: 4, payload: deflated("one") },
      { opcode: 1, payload: "two" },
      { opcode: 9, payload: "three" },
      { opcode: 2, rsv: 4, payload: deflated("four") },
      { opcode: 8, payload: Uint8Array.of(3, 232) },
    );
    await stage.until("server", "close");
  }),
  script("compressed messages, pings and closes keep their order", async (stage) => {
    const { server, peer } = await stage.rawPair(on, { headers: { [EXTENSION]: "permessage-deflate" } });
    const done = (what: string) => (error?: Error | null) => stage.say("server", "done", what, error);
    server.send(compressible(3000), done("one"));
    server.ping("two", undefined, done("two"));
    server.send("three", { compress: false }, done("three"));
    server.send(new Blob([compressible(2000)]) as never, done("four"));
    server.pong("five", undefined, done("five"));
    server.close(1000, "six");
    stage.call("server", "late", () => server.send("late", done("late")));
    await stage.until("peer", "close");
    peer.stream.end();
    await stage.until("server", "close");
  }),
  script("terminate() while messages wait for compression", async (stage) => {
    const { server } = await stage.rawPair(on, { headers: { [EXTENSION]: "permessage-deflate" } });
    for (const name of ["one", "two", "three"]) {
      server.send(compressible(3000), (error) =>
        stage.say("server", "sent", name, error !== undefined && error !== null),
      );
    }
    server.terminate();
    await Promise.all([stage.until("server", "sent", 3), stage.until("server", "close")]);
  }),
  script("bufferedAmount counts what waits for compression", async (stage) => {
    const { server, peer } = await stage.rawPair(on, { headers: { [EXTENSION]: "permessage-deflate" } });
    server.send(compressible(1000), () => stage.say("server", "sent", server.bufferedAmount));
    server.send(compressible(2000), () => stage.say("server", "sent", server.bufferedAmount));
    await stage.until("server", "sent", 2);
    peer.stream.end();
    await stage.until("server", "close");
  }),
];
