/** The tables of requests and responses: every case is OK, and comes out as the committed file says. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { SEED } from "../support/property.js";
import { runHandshakes } from "./handshake.js";
import { assertCommitted, HANDSHAKES_FILE } from "./outcomes.js";
import { hawser } from "./subjects.js";
import { linesOf } from "./table.js";

it(`conformance of opening handshakes [HAWSER_SEED=${SEED}]`, async () => {
  const results = await runHandshakes(hawser, SEED);
  assert.deepEqual(linesOf(results.filter(({ verdict }) => verdict !== "OK")), []);
  assertCommitted(results, HANDSHAKES_FILE);
});
