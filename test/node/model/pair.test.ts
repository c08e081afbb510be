/**
 * Two connections of ours, joined by a channel that cuts, delays and dies at any byte. In the end both are closed, and
 * every message that was fully delivered was seen once, in order.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Connection, createConnection, type DataMessage, Message } from "../../../src/index.js";
import { type ChannelEnd, channel, type Death } from "../../support/channel.js";
import { parameters } from "../../support/deflate.js";
import { runCount, SEED } from "../../support/property.js";
import { settle } from "../../support/sockets.js";
import { WireReader } from "../../support/wire.js";
import { describe as inWords } from "./peer.js";

type Side = 0 | 1;

type Step =
  | { readonly do: "send"; readonly side: Side; readonly size: number; readonly isText: boolean }
  | { readonly do: "parts"; readonly side: Side; readonly count: number }
  | { readonly do: "ping" | "close" | "pause" | "resume" | "terminate"; readonly side: Side }
  | { readonly do: "let"; readonly side: Side; readonly most: number }
  | { readonly do: "turn" };

interface Run {
  readonly steps: readonly Step[];
  readonly compresses: boolean;
  readonly takesOver: boolean;
  readonly maxFrameSize: number;
  readonly partial: boolean;
  readonly death: { readonly side: Side; readonly at: number; readonly how: Death } | undefined;
  /** Pieces in which the rest comes. */
  readonly most: number;
}

const side = fc.constantFrom<Side[]>(0, 1);
const size = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.constantFrom(125, 126, 127, 65_535, 65_536, 70_000),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("send" as const), side, size, isText: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("parts" as const), side, count: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("ping" as const, "pause" as const, "resume" as const), side }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("let" as const), side, most: fc.integer({ min: 1, max: 400 }) }),
  },
  { weight: 4, arbitrary: fc.constant({ do: "turn" as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("close" as const), side }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("terminate" as const), side }) },
);
const run: fc.Arbitrary<Run> = fc.record({
  steps: fc.array(step, { maxLength: 60, size: "max" }),
  compresses: fc.boolean(),
  takesOver: fc.boolean(),
  maxFrameSize: fc.constantFrom(10, 126, 1 << 20),
  partial: fc.boolean(),
  death: fc
    .option(
      fc.record({
        side,
        at: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 80_000 })),
        how: fc.constantFrom<Death[]>("end", "error"),
      }),
    )
    .map((death) => death ?? undefined),
  most: fc.constantFrom(1, 7, 100, 100_000),
});

/** One end: its sent messages, its received messages, and its events. */
class Party {
  readonly connection: Connection;
  readonly sent: string[] = [];
  readonly received: string[] = [];
  #part = "";
  readonly told: string[] = [];
  hasTerminated = false;
  #count = 0;

  readonly role: "server" | "client";
  readonly end: ChannelEnd;

  constructor(role: "server" | "client", end: ChannelEnd, made: Run) {
    this.role = role;
    this.end = end;
    const { maxFrameSize, partial, compresses, takesOver } = made;
    const alone = { serverNoContextTakeover: !takesOver, clientNoContextTakeover: !takesOver };
    this.connection = createConnection(end, {
      role,
      maxFrameSize: compresses ? undefined : maxFrameSize,
      partial,
      deliverWhileClosing: true,
      pingIntervalMs: 0,
      closeTimeoutMs: 0,
      perMessageDeflate: compresses ? parameters({ ...alone, threshold: 0 }) : undefined,
      message: (_connection: Connection, message: DataMessage) => this.#take(message),
      close: (_connection: Connection, code: number) => void this.told.push(`close ${code}`),
      error: (_connection: Connection, error: Error) => void this.told.push(`error ${error.message}`),
    });
  }

  #take({ type, data, partial }: DataMessage): void {
    assert.deepEqual(this.told, [], "a message behind the close");
    this.#part += typeof data === "string" ? data : Buffer.from(data).toString("latin1");
    if (partial) return;
    this.received.push(inWords(type, this.#part));
    this.#part = "";
  }

  send(length: number, isText: boolean): void {
    const content = `${++this.#count}:${"z".repeat(length)}`;
    const isSent = this.connection.send(isText ? content : Buffer.from(content)) !== undefined;
    if (isSent) this.sent.push(inWords(isText ? "text" : "binary", content));
  }

  sendParts(count: number): void {
    const content = `${++this.#count}:parts`;
    for (let i = 0; i < count; i++) {
      const sent = this.connection.sendAll(new Message(content, "text", i < count - 1));
      if (sent === undefined) return;
    }
    this.sent.push(inWords("text", content.repeat(count)));
  }

  /** How many messages were whole in the bytes that reached the connection, before a Close. */
  get delivered(): number {
    const reader = new WireReader();
    reader.push(Buffer.concat(this.end.taken));
    let count = 0;
    for (let one = reader.next(); one !== undefined && one.opcode !== 8; one = reader.next()) {
      if (one.opcode < 8 && one.fin) count++;
    }
    return count;
  }
}

async function holds(made: Run): Promise<void> {
  const ends = channel();
  if (made.death !== undefined) ends[made.death.side].diesAt(made.death.at, made.death.how);
  const parties = [new Party("server", ends[0], made), new Party("client", ends[1], made)] as const;
  for (const each of made.steps) {
    if (each.do === "turn") {
      await settle(1);
      continue;
    }
    const party = parties[each.side];
    const { connection } = party;
    if (each.do === "send") party.send(each.size, each.isText);
    else if (each.do === "parts") party.sendParts(each.count);
    else if (each.do === "let") party.end.step(each.most);
    else if (each.do === "ping") connection.ping().catch(() => undefined);
    else if (each.do === "pause") connection.pause();
    else if (each.do === "resume") connection.resume();
    else if (each.do === "close") void connection.close(1000);
    else {
      party.hasTerminated = true;
      connection.terminate();
    }
  }
  // The end: both close, and everything that is on its way comes through, or dies with the channel.
  for (const { connection } of parties) {
    connection.resume();
    void connection.close(1000);
  }
  for (let quiet = 0; quiet < 5; ) {
    const moved = parties.map(({ end }) =>
      end.step(made.most === 1 && end.taken.length > 500 ? 1000 : made.most),
    );
    await settle(1);
    quiet = moved.some(Boolean) ? 0 : quiet + 1;
  }
  for (const [i, party] of parties.entries()) {
    const other = parties[1 - i];
    const { connection } = party;
    assert.equal(connection.state, "closed", party.role);
    const closes = party.told.filter((told) => told.startsWith("close"));
    assert.deepEqual(closes, [`close ${connection.closeCode}`], "close is called once");
    assert.equal(party.told.at(-1), closes[0], "and last");
    // In order, none twice, none made up.
    assert.deepEqual(
      party.received,
      other.sent.slice(0, party.received.length),
      `what the ${party.role} saw`,
    );
    if (!party.hasTerminated)
      assert.equal(party.received.length, party.delivered, `the ${party.role} saw all`);
    if (made.death === undefined && !parties.some(({ hasTerminated }) => hasTerminated)) {
      assert.deepEqual(party.received, other.sent, "all came, and nothing died");
      assert.equal(connection.closeCode, 1000);
    }
  }
}

describe("two connections and a channel that cuts, delays and dies", () => {
  it(`[HAWSER_SEED=${SEED}]`, { timeout: 600_000 }, async () => {
    await fc.assert(fc.asyncProperty(run, holds), {
      seed: SEED,
      numRuns: runCount(400),
      includeErrorInReport: true,
    });
  });
});
