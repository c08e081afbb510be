/** The soak of `npm run soak`, for some seconds: every echo matches the sent message, and no connection ends by itself. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { soak } from "../../bench/network/soak/run.js";

it("100 connections for 10 seconds", { timeout: 300_000 }, async () => {
  const result = await soak({ seconds: 10, connections: 100, server: "hawser", everyMs: 2500 });
  assert.deepEqual(result.faults, []);
  assert.ok(result.messages > 100, `${result.messages} echoes`);
  assert.ok(result.compressed > 0 && result.firstConnects.length === 100);
});
