/**
 * What every peer has to get through: both sides of a connection, with and without TLS. Sent messages are compared
 * with those that arrive at the other end, by whole payloads, in order.
 */

import assert from "node:assert/strict";
import { before, describe, type TestContext, test } from "node:test";
import { type Connection, connect, Message, type ServeOptions, serve } from "../../src/index.js";
import { type Certificate, certificate } from "./certificate.js";
import { Arrivals, type Closing, type Payload, type Peer, type PeerConnection } from "./peer.js";

const MIB = 1 << 20;
/** Around every border of a header's length field, of hawser's buffers, and of its limits. */
const SIZES = [0, 1, 125, 126, 65535, 65536, MIB];
const LARGEST = 16 * MIB;

const CHARACTERS = "a ü ß 東 🚢 👩‍👩‍👧‍👦 ";
const UNIT = new TextEncoder().encode(CHARACTERS);

const asciiOf = (size: number) => "The quick brown fox. ".repeat(Math.ceil(size / 21)).slice(0, size);

/** Text of exactly `size` bytes in UTF-8, multibyte as far as whole characters fit. */
function multibyteOf(size: number): string {
  const whole = CHARACTERS.repeat(Math.floor(size / UNIT.length));
  return whole + "~".repeat(size % UNIT.length);
}

/** Bytes that repeat in no power of two, so that a piece in the wrong place shows. */
function bytesOf(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 7 + (i >> 8) + size) & 0xff;
  return bytes;
}

const messagesOf = (size: number): Payload[] => [asciiOf(size), multibyteOf(size), bytesOf(size)];

/** Three thousand short messages of every kind, each different. */
const BURST: readonly Payload[] = Array.from({ length: 3000 }, (_, i) =>
  i % 3 === 0 ? bytesOf(i % 300) : i % 3 === 1 ? `${i} ${asciiOf(i % 200)}` : `${i} ${multibyteOf(i % 400)}`,
);

function assertSame(actual: Payload | undefined, expected: Payload, what: string): void {
  assert.equal(typeof actual, typeof expected, what);
  const same =
    typeof expected === "string" ? actual === expected : Buffer.compare(actual as Uint8Array, expected) === 0;
  // The payloads themselves would be megabytes of message.
  assert.ok(same, `${what}: ${actual?.length} came of ${expected.length}, or others`);
}

/** Who is the server. */
const SIDES = ["server", "client"] as const;

/** Both ends of one connection, hawser's and the peer's. */
interface Pair {
  readonly hawser: Connection;
  readonly peer: PeerConnection;
}

type Options = Pick<ServeOptions, "maxFrameSize" | "ping" | "partial" | "pauseReadingAt">;

interface Offer {
  readonly offered?: readonly string[];
  readonly spoken?: readonly string[];
}

interface InteropOptions {
  /** Default: both. */
  readonly sides?: readonly ("server" | "client")[];
  /** Whether the peer's API sends neither Pings nor fragments. Default false. */
  readonly plain?: boolean;
  /** Why the tests cannot run here, if they cannot. */
  readonly skip?: string | false;
}

/** Defines the tests of one peer. */
export function testInterop(
  title: string,
  prepare: () => Promise<Peer> | Peer,
  { sides = SIDES, plain = false, skip = false }: InteropOptions = {},
): void {
  for (const side of sides) {
    for (const scheme of ["ws", "wss"]) {
      describe(`hawser's ${side} and ${title} over ${scheme}`, { skip }, () => {
        let peer: Peer;
        let tls: Certificate;
        before(async () => {
          [peer, tls] = await Promise.all([prepare(), certificate()]);
        });

        const open = (t: TestContext, options: Options = {}, offer: Offer = {}): Promise<Pair> =>
          side === "server"
            ? openToServer(t, peer, scheme === "wss" ? tls : undefined, tls, options, offer)
            : openToPeer(t, peer, scheme === "wss" ? tls : undefined, options, offer);

        addTests(open, () => peer);
        if (!plain) addControlTests(open);
      });
    }
  }
}

/** Our server, the peer's client. */
async function openToServer(
  t: TestContext,
  peer: Peer,
  tls: Certificate | undefined,
  own: Certificate,
  options: Options,
  { offered = [], spoken = [] }: Offer,
): Promise<Pair> {
  const opened = new Arrivals<Connection>();
  const server = await serve({
    ...options,
    hostname: "127.0.0.1",
    ...(tls === undefined ? {} : { tls }),
    protocols: spoken,
    open: (connection) => opened.push(connection),
    // The page that a browser's connection comes from.
    request: (_request, response) => response.setHeader("Content-Type", "text/html").end("<!doctype html>"),
  });
  t.after(() => server.close({ timeoutMs: 100 }));
  const connected = await peer.connect(server.url, { protocols: offered, certificate: own });
  t.after(() => connected.release?.());
  return { hawser: await opened.next(), peer: connected };
}

/** The peer's server, our client. */
async function openToPeer(
  t: TestContext,
  peer: Peer,
  tls: Certificate | undefined,
  options: Options,
  { offered = [], spoken = [] }: Offer,
): Promise<Pair> {
  const server = await peer.listen!({ protocols: spoken, certificate: tls });
  t.after(() => server.close());
  const [hawser, accepted] = await Promise.all([
    connect(server.url, {
      ...options,
      protocol: offered,
      ...(tls === undefined ? {} : { tls: { ca: tls.cert } }),
    }),
    server.accept(),
  ]);
  t.after(() => hawser.terminate());
  return { hawser, peer: accepted };
}

/** Sends all of these both ways at once, and compares the arrived messages. */
async function exchange({ hawser, peer }: Pair, messages: readonly Payload[]): Promise<void> {
  const sendOurs = async () => {
    for (const message of messages) if (!hawser.send(message)) await hawser.drained();
  };
  const sendTheirs = async () => {
    for (const message of messages) await peer.send(message);
  };
  const receiveOurs = async () => {
    for (const [i, message] of messages.entries()) {
      assertSame((await hawser.receive())?.data, message, `message ${i} to hawser`);
    }
  };
  const receiveTheirs = async () => {
    for (const [i, message] of messages.entries()) {
      assertSame(await peer.receive(), message, `message ${i} to the peer`);
    }
  };
  await Promise.all([sendOurs(), sendTheirs(), receiveOurs(), receiveTheirs()]);
}

type Open = (t: TestContext, options?: Options, offer?: Offer) => Promise<Pair>;

function timed(name: string, run: (t: TestContext) => Promise<void>): void {
  test(name, { timeout: 120_000 }, run);
}

/** What only some peers can be made to send. */
function addControlTests(open: Open): void {
  timed("fragments of the peer's, Pings between messages", async (t) => {
    const pings: string[] = [];
    const { hawser, peer } = await open(t, {
      ping: (_connection, payload) => pings.push(Buffer.from(payload).toString()),
    });
    const { sendFragments, ping } = peer;
    assert.ok(sendFragments !== undefined || ping !== undefined);
    if (ping !== undefined) await ping.call(peer, "one");
    if (sendFragments !== undefined) {
      await sendFragments.call(peer, [...CHARACTERS]);
      assertSame((await hawser.receive())?.data, CHARACTERS, "the text");
      await sendFragments.call(
        peer,
        [...UNIT].map((byte) => Uint8Array.of(byte)),
      );
      assertSame((await hawser.receive())?.data, UNIT, "the bytes");
      assert.ok(hawser.counters.framesIn >= UNIT.length + [...CHARACTERS].length);
    }
    if (ping === undefined) return;
    await ping.call(peer, "two");
    assert.deepEqual([pings.at(0), pings.at(-1)], ["one", "two"]);
  });
}

function addTests(open: Open, peerOf: () => Peer): void {
  timed("messages of every size, both ways", async (t) => {
    const pair = await open(t, { maxFrameSize: LARGEST });
    await exchange(pair, SIZES.flatMap(messagesOf));
  });

  timed("16 MiB in one frame, both ways", async (t) => {
    // A peer that reads no more while its own messages wait (faye-websocket) and a server that does so, too, would wait
    // for each other.
    const pair = await open(t, { maxFrameSize: LARGEST, pauseReadingAt: Infinity });
    await exchange(pair, [bytesOf(LARGEST), multibyteOf(LARGEST)]);
  });

  timed("16 MiB from hawser in fragments of 64 KiB", async (t) => {
    const { hawser, peer } = await open(t, { maxFrameSize: 65536 });
    for (const message of [bytesOf(LARGEST), multibyteOf(LARGEST)]) {
      hawser.send(message);
      assertSame(await peer.receive(), message, "the message");
    }
    assert.ok(hawser.counters.framesOut >= 512);
  });

  timed("a burst of short messages, both ways", async (t) =>
    exchange(await open(t), BURST.slice(0, peerOf().burst)),
  );

  timed("fragments of hawser's that cut characters, Pings between them", async (t) => {
    const { hawser, peer } = await open(t);
    const answered: Promise<number>[] = [];
    for (const [i] of UNIT.entries()) {
      hawser.sendAll(new Message(UNIT.subarray(i, i + 1), "text", i < UNIT.length - 1));
      if (i % 10 === 5) answered.push(hawser.ping(`ping ${i}`));
    }
    assertSame(await peer.receive(), CHARACTERS, "the text");
    await Promise.all(answered);
  });

  timed("closing handshakes that hawser begins", async (t) => {
    for (const sent of CLOSINGS) {
      const { hawser, peer } = await open(t);
      hawser.send("the last message");
      const closed = hawser.close(sent.code, sent.reason);
      assertSame(await peer.receive(), "the last message", "before the Close");
      assert.deepEqual(await peer.closed, sent);
      // §5.5.1: the side that answers "typically echos the status code it received"; some add the reason.
      const { code, reason } = await closed;
      assert.equal(code, peerOf().answerCode ?? sent.code);
      assert.ok([sent.reason, ""].includes(reason), reason);
      assert.equal(hawser.error, undefined);
    }
  });

  timed("closing handshakes that the peer begins", async (t) => {
    const own = peerOf().ownClose ?? (({ code }: Closing) => ({ code, reason: "" }));
    const codes = peerOf().closeCodes;
    for (const sent of CLOSINGS) {
      if (codes !== undefined && !codes.includes(sent.code)) continue;
      const { hawser, peer } = await open(t);
      await peer.send("the last message");
      await peer.close(sent.code, sent.reason);
      assert.equal((await hawser.receive())?.data, "the last message");
      assert.equal(await hawser.receive(), undefined);
      assert.deepEqual(await hawser.closed, sent);
      assert.deepEqual([hawser.closeCode, hawser.closeReason], [sent.code, sent.reason]);
      assert.deepEqual(await peer.closed, own(sent));
      assert.equal(hawser.error, undefined);
    }
  });

  timed("a connection that hawser cuts", async (t) => {
    const { hawser, peer } = await open(t);
    hawser.terminate();
    assert.equal((await hawser.closed).code, 1006);
    assert.equal((await peer.closed).code, 1006);
  });

  timed("subprotocols", async (t) => {
    const cases = [
      { offered: ["chat", "superchat"], spoken: ["superchat"], agreed: "superchat" },
      { offered: ["chat"], spoken: ["chat", "superchat"], agreed: "chat" },
      { offered: [], spoken: ["chat"], agreed: "" },
    ];
    for (const { offered, spoken, agreed } of cases) {
      const { hawser, peer } = await open(t, {}, { offered, spoken });
      assert.deepEqual([hawser.protocol, peer.protocol], [agreed, agreed]);
      await exchange({ hawser, peer }, ["hello"]);
    }
  });
}

const CLOSINGS: readonly Closing[] = [
  { code: 1000, reason: "" },
  { code: 1000, reason: "bis morgen" },
  { code: 1001, reason: "" },
  { code: 3000, reason: "Grüße aus 東京 🚢" },
  // §5.5: 125 bytes, two of them for the code.
  { code: 4999, reason: "r".repeat(123) },
];
