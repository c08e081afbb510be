/** Compression with `faye-websocket` and the package `permessage-deflate`: both sides, every set of parameters. */

import {
  agreedBy,
  combinations,
  describe,
  each,
  fewerCombinations,
  talk,
  testStreams,
  timed,
} from "../../support/compression.js";
import { faye } from "../../support/peers/faye-websocket.js";

testStreams("faye-websocket", () => faye, ["server", "client"]);

for (const role of ["server", "client"] as const) {
  describe(`every set of parameters, hawser's ${role} and faye-websocket`, () => {
    timed("wanted by faye-websocket", () =>
      each(combinations(), async (theirs, i) => {
        // Its server does not announce its window unasked.
        const expected = { ...agreedBy(theirs), ...(role === "client" ? { serverMaxWindowBits: 15 } : {}) };
        await talk(role, faye, { ours: true, theirs }, expected, i);
      }),
    );

    timed("wanted by hawser", () =>
      each(fewerCombinations(), async (ours, i) => {
        await talk(role, faye, { ours, theirs: true }, agreedBy(ours), i);
      }),
    );
  });
}
