/** The table of cases, in both roles: every case is OK, and comes out as the committed file says. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SEED } from "../support/property.js";
import { assertCommitted, FRAMES_FILE } from "./outcomes.js";
import { hawser } from "./subjects.js";
import { CASES, linesOf, runCases, SECTIONS, sectionOf } from "./table.js";

describe(`conformance of frames [HAWSER_SEED=${SEED}]`, () => {
  for (const [section, name] of SECTIONS) {
    const cases = CASES.filter((one) => sectionOf(one) === section);
    if (cases.length === 0) continue;
    it(`${section} ${name}: ${cases.length} cases`, async () => {
      const results = await runCases(hawser, cases, SEED);
      assert.deepEqual(linesOf(results.filter(({ verdict }) => verdict !== "OK")), []);
      assertCommitted(results, FRAMES_FILE, (id) => id.split(".")[0] === section);
    });
  }
});
