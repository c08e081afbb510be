/** Compression with Python's `websockets`, which compresses by zlib: both sides, every set of parameters. */

import {
  agreedBy,
  before,
  combinations,
  describe,
  each,
  fewerCombinations,
  type Options,
  talk,
  testStreams,
  timed,
} from "../../support/compression.js";
import type { Peer } from "../../support/peer.js";
import { prepare, skip } from "../../support/peers/websockets.js";

testStreams("Python's websockets", prepare, ["server", "client"], skip);

/** Python's zlib makes no raw stream with a window of 8 bits; it inflates one. */
const canCompress = (role: "server" | "client", options: Options) =>
  (role === "server" ? options.clientMaxWindowBits : options.serverMaxWindowBits) !== 8;

for (const role of ["server", "client"] as const) {
  describe(`every set of parameters, hawser's ${role} and Python's websockets`, { skip }, () => {
    let peer: Peer;
    before(async () => {
      peer = await prepare();
    });
    const sets = combinations().filter((options) => canCompress(role, options));
    const fewerSets = fewerCombinations().filter((options) => canCompress(role, options));

    timed("wanted by websockets", () =>
      each(sets, async (theirs, i) => {
        await talk(role, peer, { ours: true, theirs }, agreedBy(theirs), i);
      }),
    );

    timed("wanted by hawser", () =>
      each(fewerSets, async (ours, i) => {
        await talk(role, peer, { ours, theirs: {} }, agreedBy(ours), i);
      }),
    );
  });
}
