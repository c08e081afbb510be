/** The table can fail: peers that are wrong on purpose are caught, and the same peer without a fault is not. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Case } from "./case.js";
import { runHandshakes } from "./handshake.js";
import { CASES, runCases } from "./table.js";
import { CREDULOUS, FAULTLESS, WRONG } from "./wrong.js";

/** In the role of a server alone: that is what these peers are. */
function casesOf(ids: readonly string[]): Case[] {
  return ids.map((id) => {
    const found = CASES.find((one) => one.id === id);
    assert.ok(found, id);
    return { ...found, roles: ["server"] };
  });
}

describe("peers that are wrong on purpose", () => {
  for (const { subject, cases } of WRONG) {
    it(`${subject.name}: ${cases.join(", ")}`, async () => {
      const results = await runCases(subject, casesOf(cases));
      for (const { id, verdict, outcome } of results) assert.equal(verdict, "FAILED", `${id}: ${outcome}`);
    });
  }

  it("none of these cases fails for the same peer without a fault", async () => {
    const all = WRONG.flatMap(({ cases }) => cases);
    for (const { id, verdict, outcome } of await runCases(FAULTLESS, casesOf(all))) {
      assert.equal(verdict, "OK", `${id}: ${outcome}`);
    }
  });

  it("accepts every handshake: all that must be refused", async () => {
    const results = await runHandshakes(CREDULOUS);
    const failed = results.filter(({ verdict }) => verdict === "FAILED");
    assert.ok(failed.filter(({ role }) => role === "server").length > 80, `${failed.length} requests`);
    assert.ok(failed.filter(({ role }) => role === "client").length > 25, "responses");
  });
});
