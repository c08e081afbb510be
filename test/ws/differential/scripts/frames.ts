/** Frames, good and bad, from a peer of bytes to a server and to a client: over TCP and over a Duplex. */

import { setImmediate as turn } from "node:timers/promises";
import { closeBody } from "../../../support/frames.js";
import { bytesOf, type Frame, MASK } from "../peer.js";
import { type Script, script } from "../stage.js";

const overlong = Buffer.from("c0af", "hex");
const mask = MASK;
const text = (payload: string | Uint8Array, rest: Partial<Frame> = {}): Frame => ({
  opcode: 1,
  payload,
  ...rest,
});
const more = (payload: string | Uint8Array, rest: Partial<Frame> = {}): Frame => ({
  opcode: 0,
  payload,
  ...rest,
});
const close = (code: number, reason: string | Uint8Array = ""): Frame => ({
  opcode: 8,
  payload: closeBody(code, reason),
});

/** What a peer sends in one chunk. Behind each come an answered ping, and the end of the peer's side. */
const STREAMS: readonly (readonly [string, readonly Frame[], object?])[] = [
  ["text", [text("hello")]],
  ["text of no bytes", [text("")]],
  ["binary", [{ opcode: 2, payload: Uint8Array.of(0, 255) }]],
  ["fragments", [text("a", { fin: false }), more("b", { fin: false }), more("c")]],
  ["fragments of no bytes", [text("", { fin: false }), more("", { fin: false }), more("")]],
  ["fragments that cut a character", [text(Uint8Array.of(0xc3), { fin: false }), more(Uint8Array.of(0xa9))]],
  ["a ping between fragments", [text("a", { fin: false }), { opcode: 9, payload: "p" }, more("b")]],
  ["an unsolicited pong", [{ opcode: 10, payload: "p" }]],
  ["ping of 125 bytes", [{ opcode: 9, payload: "x".repeat(125) }]],
  ["lengths of two bytes", [text("x".repeat(126)), { opcode: 2, payload: Buffer.alloc(65535) }]],
  ["a length of eight bytes", [{ opcode: 2, payload: Buffer.alloc(65536) }]],
  ["a byte order mark", [text("\ufeffhello")]],
  ["RSV1", [text("x", { rsv: 4 })]],
  ["RSV2", [text("x", { rsv: 2 })]],
  ["RSV3", [text("x", { rsv: 1 })]],
  ["RSV1 on a ping", [{ opcode: 9, rsv: 4 }]],
  ["RSV2 on a continuation", [text("a", { fin: false }), more("b", { rsv: 2 })]],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, readonly Frame[]] => [
    `opcode ${opcode}`,
    [{ opcode, payload: "x" }],
  ]),
  ["a continuation of nothing", [more("x")]],
  ["a continuation of nothing, not final", [more("x", { fin: false })]],
  ["text within a message", [text("a", { fin: false }), text("b")]],
  ["binary within a message", [text("a", { fin: false }), { opcode: 2, payload: "b" }]],
  ["a ping in fragments", [{ opcode: 9, payload: "x", fin: false }]],
  ["a pong in fragments", [{ opcode: 10, payload: "x", fin: false }]],
  ["a Close in fragments", [{ opcode: 8, fin: false }]],
  ["a ping of 126 bytes", [{ opcode: 9, payload: "x".repeat(126) }]],
  ["a pong of 65536 bytes", [{ opcode: 10, payload: Buffer.alloc(65536) }]],
  ["a Close of one byte", [{ opcode: 8, payload: "x" }]],
  ["a Close of 126 bytes", [{ opcode: 8, payload: closeBody(1000, "x".repeat(124)) }]],
  ["a length of 2^53", [{ opcode: 2, announced: 1n << 53n }]],
  ["a length of 2^63", [{ opcode: 2, announced: 1n << 63n }]],
  ["a length over maxPayload", [text("x".repeat(51))], { maxPayload: 50 }],
  ["a length over maxPayload, announced only", [{ opcode: 2, announced: 1n << 40n }], { maxPayload: 50 }],
  [
    "fragments over maxPayload",
    [text("x".repeat(30), { fin: false }), more("x".repeat(21))],
    { maxPayload: 50 },
  ],
  ["just maxPayload", [text("x".repeat(30), { fin: false }), more("x".repeat(20))], { maxPayload: 50 }],
  ["a ping over maxPayload", [{ opcode: 9, payload: "x".repeat(60) }], { maxPayload: 50 }],
  ["text that is not UTF-8", [text(overlong)]],
  ["text that is not UTF-8 at its end", [text(Buffer.concat([Buffer.alloc(500, "a"), overlong]))]],
  ["text that ends within a character", [text(Uint8Array.of(0x61, 0xc3))]],
  ["fragments that are not UTF-8", [text("a", { fin: false }), more(overlong)]],
  ["a surrogate in UTF-8", [text(Uint8Array.of(0xed, 0xa0, 0x80))]],
  ["text that is not UTF-8, not checked", [text(overlong)], { skipUTF8Validation: true }],
  ["a reason that is not UTF-8, not checked", [close(1000, overlong)], { skipUTF8Validation: true }],
  ["good text, then bad", [text("good"), text(overlong)]],
  [
    "more fragments than maxFragments",
    [text("a", { fin: false }), more("b", { fin: false }), more("c")],
    { maxFragments: 2 },
  ],
  ["as many fragments as maxFragments", [text("a", { fin: false }), more("b")], { maxFragments: 2 }],
  [
    "empty fragments, more than maxFragments",
    [text("", { fin: false }), more("", { fin: false }), more("")],
    { maxFragments: 2 },
  ],
  ["a Close of no bytes", [{ opcode: 8 }]],
  ["a Close with a code", [close(1000)]],
  ["a Close with a code and a reason", [close(4321, "reason é")]],
  ["a Close with the longest reason", [close(1000, "x".repeat(123))]],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map(
    (code): [string, readonly Frame[]] => [`a Close with ${code}`, [close(code)]],
  ),
  ...[1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999].map(
    (code): [string, readonly Frame[]] => [`a Close with ${code}, valid`, [close(code)]],
  ),
  ["a Close whose reason is not UTF-8", [close(1000, overlong)]],
  ["text behind a Close", [close(1000), text("late")]],
  ["garbage behind a Close", [close(1000), { opcode: 3, rsv: 7 }]],
  ["two Closes", [close(1000), close(1001)]],
  ["a Close within a message", [text("a", { fin: false }), close(1001, "within")]],
  ["three messages and a Close", [text("1"), text("2"), text("3"), close(1001)]],
  ["three messages and an error", [text("1"), text("2"), text("3"), { opcode: 3 }]],
  ["an error, then a Close", [{ opcode: 3 }, close(1000)]],
  ["two errors", [{ opcode: 3 }, { opcode: 4 }]],
];

/** Ends the peer's side once the other has said all it had to. */
const both = (name: string, frames: readonly Frame[], options: object): Script[] => [
  script(`frames to a server: ${name}`, async (stage) => {
    const { peer } = await stage.rawPair(options);
    peer.send(...frames, { opcode: 9, payload: "last" });
    await Promise.race([stage.until("server", "ping"), stage.until("peer", "close")]);
    peer.stream.end();
    await Promise.all([stage.until("server", "close"), stage.until("peer", "gone")]);
  }),
  script(`frames to a client: ${name}`, async (stage) => {
    const { client, peer } = await stage.rawClientPair({ perMessageDeflate: false, ...options });
    client.onclose = (event) => stage.say("client", "event", event);
    peer.send(...frames, { opcode: 9, payload: "last" });
    await Promise.race([stage.until("client", "ping"), stage.until("peer", "close")]);
    peer.stream.end();
    await Promise.all([stage.until("client", "event"), stage.until("peer", "gone")]);
  }),
];

/** The same over a Duplex, byte by byte: chunks end everywhere. */
const byByte = (name: string, frames: readonly Frame[], options: object): Script[] =>
  frames.some(({ payload, announced }) => (payload?.length ?? 0) > 200 || announced !== undefined)
    ? []
    : [
        script(`frames byte by byte: ${name}`, async (stage) => {
          const { peer } = stage.overDuplex(options);
          for (const byte of Buffer.concat(frames.map((frame) => bytesOf(frame, mask)))) {
            peer.write(Uint8Array.of(byte));
            await turn();
          }
          peer.stream.end();
          await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
        }),
      ];

export const frames: readonly Script[] = [
  ...STREAMS.flatMap(([name, sent, options = {}]) => [
    ...both(name, sent, options),
    ...byByte(name, sent, options),
  ]),
  script("frames to a server: not masked", async (stage) => {
    const { peer } = await stage.rawPair();
    peer.write(bytesOf(text("x")));
    await stage.until("peer", "close");
    peer.stream.end();
    await stage.until("server", "close");
  }),
  script("frames to a server: a Close that is not masked", async (stage) => {
    const { peer } = await stage.rawPair();
    peer.write(bytesOf(close(1000)));
    await stage.until("peer", "close");
    peer.stream.end();
    await stage.until("server", "close");
  }),
  script("frames to a client: masked", async (stage) => {
    const { peer } = await stage.rawClientPair();
    peer.write(bytesOf(text("x"), MASK));
    await stage.until("peer", "close");
    peer.stream.end();
    await stage.until("client", "close");
  }),
  script("frames to a server: masked with zeros", async (stage) => {
    const { peer } = await stage.rawPair();
    peer.send(text("zeros", { key: [0, 0, 0, 0] }), close(1000));
    await Promise.all([stage.until("server", "close"), stage.until("peer", "gone")]);
  }),
  script("frames to a server: longer lengths than needed", async (stage) => {
    const { peer } = await stage.rawPair();
    peer.send(text("two bytes", { lengthBytes: 2 }), text("eight bytes", { lengthBytes: 8 }), close(1000));
    await Promise.all([stage.until("server", "close"), stage.until("peer", "gone")]);
  }),
  script("frames to a server: the peer ends within a frame", async (stage) => {
    const { peer } = await stage.rawPair();
    peer.write(bytesOf(text("cut off"), MASK).subarray(0, 9));
    peer.stream.end();
    await Promise.all([stage.until("server", "close"), stage.until("peer", "gone")]);
  }),
  script("frames to a server: the peer ends within a message", async (stage) => {
    const { peer } = await stage.rawPair();
    peer.send(text("part", { fin: false }));
    peer.stream.end();
    await Promise.all([stage.until("server", "close"), stage.until("peer", "gone")]);
  }),
  script("frames to a server: more pings than maxPendingAutoPongs", async (stage) => {
    const { near, peer, socket } = stage.overDuplex({ maxPendingAutoPongs: 3 });
    near.hold();
    peer.send(...Array.from({ length: 6 }, (_, i): Frame => ({ opcode: 9, payload: `${i}` })));
    await Promise.race([stage.until("socket", "close"), stage.until("socket", "ping", 6)]);
    if (socket.readyState === socket.OPEN) near.destroy();
    await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
  }),
  script("frames to a server: more chunks than maxBufferedChunks", async (stage) => {
    const { peer } = stage.overDuplex({ maxBufferedChunks: 3 });
    for (const byte of bytesOf(text("many"), MASK)) {
      peer.write(Uint8Array.of(byte));
      await turn();
    }
    await Promise.race([stage.until("peer", "close"), stage.until("socket", "message")]);
    peer.stream.end();
    await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
  }),
];
