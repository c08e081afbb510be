/** Compression with undici's client, which decompresses only. */

import {
  agreedBy,
  describe,
  each,
  fewerCombinations,
  talk,
  testStreams,
  timed,
} from "../../support/compression.js";
import { undici } from "../../support/peers/undici.js";

testStreams("undici's WebSocket", () => undici, ["server"]);

describe("every set of parameters, hawser's server and undici's WebSocket", () => {
  timed("wanted by hawser", () =>
    each(fewerCombinations(), async (ours, i) => {
      await talk("server", undici, { ours, theirs: undefined }, agreedBy(ours), i);
    }),
  );
});
