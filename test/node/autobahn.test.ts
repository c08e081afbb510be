/**
 * What sections 2, 5 and 9 of Autobahn's testsuite ask of an implementation that echoes, over real sockets, by both of
 * our roles: Pings, fragments, and large messages. The numbers are those of its cases.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { type Connection, connect, type DataMessage } from "../../src/index.js";
import { listen, withPeer } from "../support/connections.js";
import { BINARY, CONTINUATION, type FrameSpec, PING, PONG, TEXT } from "../support/frames.js";
import { utf8 } from "../support/hex.js";
import { until } from "../support/sockets.js";

const echo = {
  message: (connection: Connection, { data }: DataMessage) => connection.send(data),
};

const of = (opcode: number, payload: string | Uint8Array = "", fin = true): FrameSpec => ({
  opcode,
  payload: typeof payload === "string" ? utf8(payload) : payload,
  fin,
});
/** A frame that another follows in the same message. */
const more = (opcode: number, payload: string): FrameSpec => of(opcode, payload, false);
const go = (payload: string) => of(CONTINUATION, payload);
const goOn = (payload: string) => more(CONTINUATION, payload);
const ping = (payload = "") => of(PING, payload);
const tenPings = Array.from({ length: 10 }, (_, i) => ping(`payload-${i}`));
const tenPongs = tenPings.map((_, i) => `pong payload-${i}`);
const BYTES = Uint8Array.of(0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff);
const VIOLATION = /^close 1002 Invalid WebSocket frame: /;

/** How the bytes leave: all frames in one write, each by itself, or each octet by itself. */
type Writing = "in one write" | "frame by frame" | "octet by octet";

/** A case: the frames that we get, and what we answer with, in this order. */
type Case = readonly [numbers: string, sent: readonly FrameSpec[], answers: readonly (string | RegExp)[]];

const WRITINGS: readonly Writing[] = ["in one write", "frame by frame", "octet by octet"];

const CASES: readonly Case[] = [
  ["2.1: a Ping without a payload", [ping()], ["pong"]],
  ["2.2: a Ping with text", [ping("Hello, world!")], ["pong Hello, world!"]],
  ["2.3: a Ping with bytes", [of(PING, BYTES)], [`pong ${Buffer.from(BYTES)}`]],
  ["2.4, 2.6: a Ping of 125 bytes", [ping("x".repeat(125))], [`pong ${"x".repeat(125)}`]],
  ["2.5: a Ping of 126 bytes", [ping("x".repeat(126))], [VIOLATION]],
  ["2.7, 2.8: unsolicited Pongs", [of(PONG), of(PONG, "unsolicited")], []],
  ["2.9: such a Pong, and a Ping", [of(PONG, "unsolicited"), ping("asked")], ["pong asked"]],
  ["2.10, 2.11: ten Pings", tenPings, tenPongs],
  ["5.1: a Ping in fragments", [more(PING, "a"), go("b")], [VIOLATION]],
  ["5.2: a Pong in fragments", [more(PONG, "a"), go("b")], [VIOLATION]],
  ["5.3 to 5.5: text in two fragments", [more(TEXT, "one, "), go("two")], ["text one, two"]],
  [
    "5.6 to 5.8: a Ping between two fragments",
    [more(TEXT, "one, "), ping("between"), go("two")],
    ["pong between", "text one, two"],
  ],
  ["5.9 to 5.11: a continuation of nothing", [go("x"), of(TEXT, "y")], [VIOLATION]],
  ["5.12 to 5.14: the same, to be continued", [goOn("x"), of(TEXT, "y")], [VIOLATION]],
  [
    "5.15: a continuation of nothing behind a message",
    [more(TEXT, "one, "), go("two"), goOn("x"), of(TEXT, "y")],
    ["text one, two", VIOLATION],
  ],
  ["5.16, 5.17: continuations around text", [goOn("x"), of(TEXT, "y"), go("z")], [VIOLATION]],
  ["5.18: two beginnings", [more(TEXT, "one"), of(TEXT, "two")], [VIOLATION]],
  [
    "5.19, 5.20: five fragments and two Pings between them",
    [
      more(TEXT, "1, "),
      goOn("2, "),
      ping("first"),
      goOn("3, "),
      goOn("4, "),
      ping("second"),
      go("5"),
      // And one that shows that nothing else came.
      of(BINARY, "6"),
    ],
    ["pong first", "pong second", "text 1, 2, 3, 4, 5", "binary 36"],
  ],
];

for (const role of ["server", "client"] as const) {
  describe(`Autobahn's cases for a ${role}`, () => {
    for (const [name, sent, answers] of CASES) {
      for (const writing of WRITINGS) {
        it(`${name}, ${writing}`, async (t) => {
          const { connection, peer } = await withPeer(t, role, echo);
          const frames = sent.map((spec) => peer.encode(spec));
          const whole = Buffer.concat(frames);
          const pieces =
            writing === "in one write" ? [whole] : writing === "frame by frame" ? frames : singles(whole);
          for (const piece of pieces) {
            peer.write(piece);
            // Each is read by itself.
            if (pieces.length > 1) await new Promise(setImmediate);
          }
          for (const answer of answers) {
            const came = await peer.next();
            if (typeof answer === "string") assert.equal(came, answer);
            else assert.match(came, answer);
          }
          if (answers.at(-1) instanceof RegExp) {
            await peer.ended();
            assert.equal((await connection.closed).code, 1006);
          } else {
            // Only the expected frames came before this.
            peer.send(ping("last"));
            assert.equal(await peer.next(), "pong last");
          }
          assert.deepEqual(peer.take(), []);
        });
      }
    }

    describe("9: large messages", () => {
      const KIB = 1024;
      const MIB = KIB * KIB;
      for (const isText of [true, false]) {
        const kind = isText ? "text" : "binary";
        for (const size of [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB]) {
          it(`9.${isText ? 1 : 2}: ${kind} of ${size / KIB} KiB in one frame`, async (t) => {
            const socket = await wsPeer(t, role);
            await roundTrip(socket, isText, size, size);
          });
        }
        for (const length of [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB]) {
          it(`9.${isText ? 3 : 4}: ${kind} of 4 MiB in fragments of ${length} bytes`, async (t) => {
            const socket = await wsPeer(t, role);
            await roundTrip(socket, isText, 4 * MIB, length);
          });
        }
        for (const length of [64, 128, 256, 512, KIB, 2 * KIB]) {
          it(`9.${isText ? 5 : 6}: ${kind} of 1 MiB in writes of ${length} bytes`, async (t) => {
            const { peer } = await withPeer(t, role, echo);
            const payload = contentOf(isText, MIB);
            const bytes = peer.encode(of(isText ? TEXT : BINARY, payload));
            for (let start = 0; start < bytes.length; start += length) {
              peer.write(bytes.subarray(start, start + length));
            }
            await until(() => peer.frames.length > 0, "the echo");
            const [{ opcode, fin, payload: came }] = peer.frames;
            assert.deepEqual([opcode, fin], [isText ? TEXT : BINARY, true]);
            assert.ok(Buffer.from(came).equals(payload));
          });
        }
        for (const size of [0, 16, 64, 256, KIB, 4 * KIB]) {
          it(`9.${isText ? 7 : 8}: 1,000 round trips of ${kind} of ${size} bytes`, async (t) => {
            const socket = await wsPeer(t, role);
            for (let i = 0; i < 1000; i++) await roundTrip(socket, isText, size, Math.max(size, 1));
          });
        }
      }
    });
  });
}

function singles(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
}

/** Text in which characters of two bytes lie across many borders, or bytes. */
function contentOf(isText: boolean, size: number): Buffer {
  const content = Buffer.alloc(size, isText ? "*é" : Uint8Array.of(0, 0xfe, 0xff));
  // The pattern is cut where it ends within a character.
  if (isText && size % 3 === 2) content[size - 1] = 0x2a;
  return content;
}

/** `ws`, connected with an echo of ours. */
async function wsPeer(t: TestContext, role: "server" | "client"): Promise<WebSocket> {
  if (role === "server") {
    const { url } = await listen(t, echo);
    const socket = new WebSocket(url, { perMessageDeflate: false });
    t.after(() => socket.terminate());
    await once(socket, "open");
    return socket;
  }
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const [[socket], connection] = await Promise.all([
    once(server, "connection") as Promise<[WebSocket]>,
    connect(`ws://127.0.0.1:${port}`, echo),
  ]);
  t.after(() => connection.terminate());
  return socket;
}

async function roundTrip(socket: WebSocket, isText: boolean, size: number, length: number): Promise<void> {
  const content = contentOf(isText, size);
  const answered = once(socket, "message") as Promise<[data: Buffer, isBinary: boolean]>;
  for (let start = 0; start === 0 || start < size; start += length) {
    const fin = start + length >= size;
    socket.send(content.subarray(start, start + length), { binary: !isText, fin });
  }
  const [data, isBinary] = await answered;
  assert.equal(isBinary, !isText);
  assert.ok(data.equals(content), `${data.length} bytes came back`);
}
