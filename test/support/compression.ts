/**
 * Compression with other implementations: every way to agree on it, and streams of messages that show whether both
 * sides keep to what they agreed on.
 */

import assert from "node:assert/strict";
import { before, describe, type TestContext, test } from "node:test";
import {
  type Connection,
  connect,
  type DeflateParameters,
  Message,
  type PerMessageDeflateOptions,
  type SendOptions,
  type ServeOptions,
  serve,
} from "../../src/index.js";
import { conversation, decode, everySize, type Item, noise } from "./compression-items.js";
import { messages, sample } from "./corpus.js";
import { Arrivals, type Compression, type Payload, type Peer, type PeerConnection } from "./peer.js";

export type Options = PerMessageDeflateOptions;

/** Both ends of one connection, hawser's and the peer's. */
export interface Pair {
  readonly hawser: Connection;
  readonly peer: PeerConnection;
  /** Closes both, and what listens. */
  close(): Promise<void>;
}

/** What each of the two wants. */
export interface Wishes {
  readonly ours: Compression;
  readonly theirs: Compression | undefined;
}

/** Values of the window that may be said, and that nothing is said. */
const WINDOWS = [undefined, 8, 9, 10, 11, 12, 13, 14, 15] as const;

/** Every set of the four parameters; `least` is the smallest window that the peer can compress with. */
export function combinations(least = 8): Options[] {
  const windows = WINDOWS.filter((bits) => bits === undefined || bits >= least);
  const found: Options[] = [];
  for (const serverNoContextTakeover of [false, true]) {
    for (const clientNoContextTakeover of [false, true]) {
      for (const serverMaxWindowBits of windows) {
        for (const clientMaxWindowBits of windows) {
          found.push({
            // To ws, false is "no": it fails where the other side wants it.
            ...(serverNoContextTakeover ? { serverNoContextTakeover } : {}),
            ...(clientNoContextTakeover ? { clientNoContextTakeover } : {}),
            ...(serverMaxWindowBits === undefined ? {} : { serverMaxWindowBits }),
            ...(clientMaxWindowBits === undefined ? {} : { clientMaxWindowBits }),
          });
        }
      }
    }
  }
  return found;
}

/** Those of them in which both windows are the same, or one is not spoken of. */
export function fewerCombinations(least?: number): Options[] {
  return combinations(least).filter(
    ({ serverMaxWindowBits: server, clientMaxWindowBits: client }) =>
      server === client || server === undefined || client === undefined,
  );
}

/** Our server and the peer's client, or the other way round. */
export async function open(
  role: "server" | "client",
  peer: Peer,
  { ours, theirs }: Wishes,
  options: ServeOptions = {},
): Promise<Pair> {
  if (role === "client") {
    const server = await peer.listen!({ compression: theirs });
    const opened = connect(server.url, { ...(options as object), perMessageDeflate: ours });
    // One that refuses accepts nothing.
    const hawser = await opened.catch(async (error) => {
      await server.close();
      throw error;
    });
    const accepted = await server.accept();
    return { hawser, peer: accepted, close: () => closeBoth(hawser, accepted, () => server.close()) };
  }
  const opened = new Arrivals<Connection>();
  const server = await serve({
    hostname: "127.0.0.1",
    ...options,
    perMessageDeflate: ours,
    // One page may open many.
    origin: "any",
    open: (connection) => opened.push(connection),
    // The page that a browser's connection comes from.
    request: (_request, response) => response.setHeader("Content-Type", "text/html").end("<!doctype html>"),
  });
  const connected = await peer.connect(server.url, { compression: theirs });
  const hawser = await opened.next();
  return { hawser, peer: connected, close: () => closeBoth(hawser, connected, () => server.close()) };
}

async function closeBoth(hawser: Connection, peer: PeerConnection, stop: () => Promise<void>): Promise<void> {
  hawser.terminate();
  await peer.release?.();
  await stop();
}

let ofEverySize: Item[] | undefined;
let large: Item[] | undefined;

/** Pieces of about the same length; texts are cut between characters. */
function cut(data: Payload, count: number): string[] | Uint8Array[] {
  const whole = typeof data === "string" ? [...data] : data;
  const length = Math.ceil(whole.length / count);
  const pieces = Array.from({ length: count }, (_, i) => whole.slice(i * length, (i + 1) * length));
  return typeof data === "string"
    ? pieces.map((piece) => (piece as string[]).join(""))
    : (pieces as Uint8Array[]);
}

async function sendOurs(hawser: Connection, items: readonly Item[]): Promise<void> {
  for (const { data, compress, fragments = 1 } of items) {
    const options: SendOptions = compress === undefined ? {} : { compress };
    if (fragments === 1) {
      if (!hawser.send(data, options)) await hawser.drained();
      continue;
    }
    // Bytes, so that characters are cut; and control frames between them.
    const type = typeof data === "string" ? "text" : "binary";
    const pieces = cut(Buffer.from(data as string), fragments) as Uint8Array[];
    for (const [i, piece] of pieces.entries()) {
      hawser.sendAll(new Message(piece, type, i < fragments - 1), options);
      hawser.ping().catch(() => undefined);
      if (i === 0) hawser.flush();
    }
  }
}

async function sendTheirs(peer: PeerConnection, items: readonly Item[]): Promise<void> {
  for (const { data, compress, fragments = 1 } of items) {
    if (fragments === 1 || peer.sendFragments === undefined) await peer.send(data, compress);
    else await peer.sendFragments(cut(data, fragments), compress);
  }
}

export function assertSame(actual: Payload | undefined, expected: Payload, what: string): void {
  assert.equal(typeof actual, typeof expected, what);
  const same =
    typeof expected === "string" ? actual === expected : Buffer.compare(actual as Uint8Array, expected) === 0;
  // The payloads themselves would be megabytes of message.
  assert.ok(same, `${what}: ${actual?.length} came of ${expected.length}, or others`);
}

/** Sends these both ways at once, and compares the arrived messages. */
export async function exchange(
  { hawser, peer }: Pair,
  ours: readonly Item[],
  theirs: readonly Item[],
): Promise<void> {
  const isUp = () => assert.equal(hawser.error, undefined, "hawser has no error");
  const receiveOurs = async () => {
    for (const [i, { data }] of theirs.entries()) {
      assertSame((await hawser.receive())?.data, data, `message ${i} to hawser`);
    }
  };
  const receiveTheirs = async () => {
    for (const [i, { data }] of ours.entries()) {
      // One that failed gives no more messages.
      const arrived = await Promise.race([peer.receive(), peer.closed.then(({ code }) => `closed ${code}`)]);
      assertSame(arrived, data, `message ${i} to the peer`);
    }
  };
  const all = [sendOurs(hawser, ours), sendTheirs(peer, theirs), receiveOurs(), receiveTheirs()];
  // The side that fails first is not always the one at fault.
  await Promise.all(all).catch((error) => {
    isUp();
    throw error;
  });
}

// The agreed parameters ───────────────────────────────────────────────────────────────────────────

/** The result if one side wants this and the other accepts anything. */
export function agreedBy(wanted: Options): Partial<DeflateParameters> {
  const { serverNoContextTakeover = false, clientNoContextTakeover = false } = wanted;
  const { serverMaxWindowBits = 15, clientMaxWindowBits } = wanted;
  return {
    serverNoContextTakeover,
    clientNoContextTakeover,
    serverMaxWindowBits,
    clientMaxWindowBits: typeof clientMaxWindowBits === "number" ? clientMaxWindowBits : 15,
  };
}

export function assertAgreed(hawser: Connection, expected: Partial<DeflateParameters>): void {
  const agreed = hawser.perMessageDeflate;
  assert.notEqual(agreed, undefined, `nothing was agreed on: ${hawser.extensions}`);
  const names = Object.keys(expected) as (keyof DeflateParameters)[];
  assert.deepEqual(Object.fromEntries(names.map((name) => [name, agreed?.[name]])), expected);
}

const MARK_LENGTH = 140;

/**
 * Sends the same text twice, both ways, and says how many bytes the second took: few if it refers to the first. It is
 * short enough for the least window, and shrinks by itself, too: what does not shrink is not remembered.
 */
export async function costOfRepeating(pair: Pair, seed: number): Promise<{ ours: number; theirs: number }> {
  const { hawser } = pair;
  const item = { data: noise(MARK_LENGTH / 2, seed + 77).repeat(2) };
  await exchange(pair, [item], [item]);
  const { bytesOut, bytesIn } = hawser.counters;
  await exchange(pair, [item], [item]);
  return { ours: hawser.counters.bytesOut - bytesOut, theirs: hawser.counters.bytesIn - bytesIn };
}

/** Whether a side compresses a short message by itself, and remembers the one before. */
export function assertCost(cost: number, isRemembered: boolean, who: string): void {
  if (isRemembered)
    assert.ok(cost <= 30, `${who} repeated a message in ${cost} bytes: nothing was remembered`);
  else assert.ok(cost >= 50, `${who} repeated a message in ${cost} bytes: something was remembered`);
}

/** Opens, talks, and closes. */
export async function talk(
  role: "server" | "client",
  peer: Peer,
  wishes: Wishes,
  expected: Partial<DeflateParameters>,
  seed: number,
): Promise<void> {
  const pair = await open(role, peer, wishes);
  try {
    const { hawser } = pair;
    assertAgreed(hawser, expected);
    const agreed = hawser.perMessageDeflate as DeflateParameters;
    const { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits } =
      agreed;
    const isServer = role === "server";
    const [oursAlone, theirsAlone] = isServer
      ? [serverNoContextTakeover, clientNoContextTakeover]
      : [clientNoContextTakeover, serverNoContextTakeover];
    const [ourBits, theirBits] = isServer
      ? [serverMaxWindowBits, clientMaxWindowBits]
      : [clientMaxWindowBits, serverMaxWindowBits];
    const { ours, theirs } = await costOfRepeating(pair, seed);
    assertCost(ours, !oursAlone && (agreed.threshold ?? 0) <= MARK_LENGTH, "hawser");
    assertCost(theirs, !theirsAlone && peer.compresses !== false, "the peer");
    await exchange(pair, conversation(ourBits, seed), conversation(theirBits, seed + 1));
    assert.equal(hawser.error, undefined, "no error");
    await closeInOrder(pair, seed);
  } finally {
    await pair.close();
  }
}

/** Either side begins. */
async function closeInOrder({ hawser, peer }: Pair, seed: number): Promise<void> {
  if (seed % 2 === 0) void hawser.close(1000);
  else await peer.close(1000, "");
  assert.equal((await hawser.closed).code, 1000);
  assert.equal((await peer.closed).code, 1000);
}

/** Runs these, some at a time; the first that fails says with what. */
export async function each<T>(
  values: readonly T[],
  run: (value: T, index: number) => Promise<void>,
  atOnce = 8,
): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < values.length) {
      const index = next++;
      try {
        await run(values[index], index);
      } catch (error) {
        next = values.length;
        throw new Error(`with ${JSON.stringify(values[index])}: ${(error as Error).message}`, {
          cause: error,
        });
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

export function timed(name: string, run: (t: TestContext) => Promise<void>): void {
  test(name, { timeout: 120_000 }, run);
}

/** What every peer gets through, beside each set of parameters. */
export function testStreams(
  title: string,
  prepare: () => Peer | Promise<Peer>,
  roles: readonly ("server" | "client")[],
  skip: string | false = false,
): void {
  for (const role of roles) {
    describe(`streams of compressed messages, hawser's ${role} and ${title}`, { skip }, () => {
      let peer: Peer;
      before(async () => {
        peer = await prepare();
      });

      const withPair = async (wishes: Wishes, run: (pair: Pair) => Promise<void>, options?: ServeOptions) => {
        const pair = await open(role, peer, wishes, options);
        try {
          await run(pair);
          assert.equal(pair.hawser.error, undefined, "no error");
        } finally {
          await pair.close();
        }
      };

      for (const [name, wishes] of Object.entries(WISHES)) {
        timed(`messages of every kind and size, ${name}`, () =>
          withPair(wishes, async (pair) => {
            ofEverySize ??= everySize();
            await exchange(pair, ofEverySize, ofEverySize);
          }),
        );
      }

      timed("messages of up to 1 MiB", () =>
        withPair(
          WISHES.defaults,
          async (pair) => {
            large ??= [
              { data: decode(sample("json", 1 << 20)) },
              { data: decode(sample("multilingual", 300_000)) },
              { data: sample("random", 1 << 20) },
              { data: sample("zeros", 1 << 20) },
            ];
            await exchange(pair, large, large);
          },
          // Incompressible data gets longer, with peers that do not look at that.
          { maxFrameSize: 1 << 21 },
        ),
      );

      timed("a message takes less the more it has in common with those before", () =>
        withPair(WISHES.defaults, async (pair) => {
          const { hawser } = pair;
          const items = messages("json", 300, 200, 5).map((bytes) => ({ data: decode(bytes) }));
          const length = items.reduce((sum, { data }) => sum + data.length, 0);
          await exchange(pair, items, items);
          const { bytesIn, bytesOut } = hawser.counters;
          assert.ok(bytesOut < length / 2, `hawser took ${bytesOut} bytes for ${length}`);
          if (peer.compresses === false) return;
          assert.ok(bytesIn < length / 2, `the peer took ${bytesIn} bytes for ${length}`);
        }),
      );

      timed("messages that hawser delivers in parts", () =>
        withPair(
          WISHES.defaults,
          async ({ hawser, peer: other }) => {
            for (const kind of ["json", "multilingual", "html"] as const) {
              const data = decode(sample(kind, 300_000, 3));
              await other.send(data);
              const parts: unknown[] = [];
              for (let isPartial: boolean | undefined = true; isPartial; ) {
                const part = await hawser.receive();
                isPartial = part?.partial;
                parts.push(part?.data);
              }
              assertSame(parts.join(""), data, "the parts");
              if (peer.compresses !== false) assert.ok(parts.length > 2, `${parts.length} parts`);
            }
          },
          { partial: true },
        ),
      );

      timed("messages that hawser sends in frames of 100 bytes", () =>
        withPair(
          WISHES.defaults,
          async ({ hawser, peer: other }) => {
            for (const kind of ["json", "multilingual", "html"] as const) {
              const data = decode(sample(kind, 50_000, 3));
              hawser.send(data);
              assertSame(await other.receive(), data, "the message");
            }
            assert.ok(hawser.counters.framesOut > 100, `${hawser.counters.framesOut} frames`);
          },
          { maxFrameSize: 100 },
        ),
      );

      timed("a Close between fragments", () =>
        withPair(WISHES.defaults, async (pair) => {
          const { hawser, peer: other } = pair;
          await exchange(pair, [{ data: "before" }], [{ data: "before" }]);
          hawser.sendAll(new Message("a beginning ".repeat(100), "text", true));
          hawser.flush();
          hawser.sendAll(new Message("and more ".repeat(100), "text", true));
          assert.equal((await hawser.close(1000)).code, 1000);
          assert.equal((await other.closed).code, 1000);
        }),
      );

      timed("nothing is compressed where one side does not want it", async () => {
        for (const wishes of [
          { ours: false, theirs: true },
          { ours: true, theirs: false },
        ]) {
          if (!wishes.theirs && peer.declines === false) continue;
          await withPair(wishes, async (pair) => {
            assert.deepEqual([pair.hawser.perMessageDeflate, pair.hawser.extensions], [undefined, ""]);
            await exchange(pair, conversation(10, 1), conversation(10, 2));
          });
        }
      });
    });
  }
}

/** The parameters to try where trying all would take too long. */
const WISHES = {
  defaults: { ours: true, theirs: true },
  "no takeover": {
    ours: { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0 },
    theirs: true,
  },
  "the smallest windows": { ours: { serverMaxWindowBits: 9, clientMaxWindowBits: 9 }, theirs: true },
  "as tight as can be": {
    ours: { serverMaxWindowBits: 15, clientMaxWindowBits: 15, level: 9, memLevel: 9 },
    theirs: true,
  },
  "only stored": { ours: { level: 0, memLevel: 1, serverMaxWindowBits: 9 }, theirs: true },
} satisfies Record<string, Wishes>;

export { before, conversation, describe, noise };
