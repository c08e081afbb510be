/** Compression with `ws`, which compresses by zlib: both sides, every set of parameters. */

import assert from "node:assert/strict";
import { HandshakeError } from "../../../src/index.js";
import {
  agreedBy,
  combinations,
  conversation,
  describe,
  each,
  exchange,
  fewerCombinations,
  type Options,
  open,
  talk,
  testStreams,
  timed,
} from "../../support/compression.js";
import { Random } from "../../support/corpus/random.js";
import { ws } from "../../support/peers/ws.js";

/** What both have as thresholds, in turn. */
const THRESHOLDS = [{}, { threshold: 0 }, { threshold: 100 }, { threshold: 5000 }];
const thresholdOf = (i: number) => THRESHOLDS[i % THRESHOLDS.length];

testStreams("ws", () => ws, ["server", "client"]);

for (const role of ["server", "client"] as const) {
  describe(`every set of parameters, hawser's ${role} and ws`, () => {
    timed("wanted by ws", () =>
      each(combinations(), async (wanted, i) => {
        const wishes = { ours: thresholdOf(i >> 2), theirs: { ...wanted, ...thresholdOf(i) } };
        await talk(role, ws, wishes, { ...agreedBy(wanted), ...wishes.ours }, i);
      }),
    );

    timed("wanted by hawser", () =>
      each(fewerCombinations(), async (wanted, i) => {
        const wishes = { ours: { ...wanted, ...thresholdOf(i) }, theirs: thresholdOf(i >> 2) };
        await talk(role, ws, wishes, agreedBy(wanted), i);
      }),
    );
  });
}

/** Random pairs of wishes: also those that only one side's rules can join. */
const PAIRS = (() => {
  const random = new Random(7);
  const all = combinations().flatMap((options): Options[] =>
    options.clientMaxWindowBits === undefined
      ? [options, { ...options, clientMaxWindowBits: false }]
      : [options],
  );
  return Array.from({ length: 120 }, () => ({ ours: random.pick(all), theirs: random.pick(all) }));
})();

const bitsOf = (wanted: number | boolean | undefined) => (typeof wanted === "number" ? wanted : 15);

describe("wishes of both sides", () => {
  timed("a server of hawser's takes the lesser of each", () =>
    each(PAIRS, async ({ ours, theirs }, i) => {
      const clientBits = bitsOf(ours.clientMaxWindowBits);
      const expected = {
        serverNoContextTakeover: ours.serverNoContextTakeover || theirs.serverNoContextTakeover || false,
        clientNoContextTakeover: ours.clientNoContextTakeover || theirs.clientNoContextTakeover || false,
        serverMaxWindowBits: Math.min(bitsOf(ours.serverMaxWindowBits), bitsOf(theirs.serverMaxWindowBits)),
        // A client that cannot be limited is not.
        clientMaxWindowBits:
          theirs.clientMaxWindowBits === false
            ? 15
            : Math.min(clientBits, bitsOf(theirs.clientMaxWindowBits)),
      };
      await talk("server", ws, { ours, theirs }, expected, i);
    }),
  );

  timed("a server of ws's refuses with 400 where it cannot have its way", () =>
    each(PAIRS, async ({ ours, theirs }) => {
      // Its rule about the client's window; for the server's there is a second offer.
      const { clientMaxWindowBits: offered = true } = ours;
      const { clientMaxWindowBits: demanded } = theirs;
      const isRefused =
        typeof demanded === "number" && (offered === false || (offered !== true && demanded > offered));
      const opened = open("client", ws, { ours, theirs });
      if (isRefused) {
        await assert.rejects(opened, (error) => error instanceof HandshakeError && error.status === 400);
        return;
      }
      const pair = await opened;
      try {
        await exchange(pair, conversation(8, 1), conversation(8, 2));
        assert.equal(pair.hawser.error, undefined, "no error");
        assert.notEqual(pair.hawser.perMessageDeflate, undefined, "it is compressed");
      } finally {
        await pair.close();
      }
    }),
  );
});
