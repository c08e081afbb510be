/** The committed corpus, once more: every input that fuzzing kept, and inputs that once failed. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toHex } from "../support/hex.js";
import { randomNumbers, SEED } from "../support/property.js";
import { readCorpus } from "./corpus.js";
import { mutate } from "./mutate.js";
import { TARGETS } from "./targets.js";

/** Inputs made from the corpus in each run of the tests. */
const CHANGED = 300;

for (const target of TARGETS) {
  describe(`fuzzing: ${target.name}`, () => {
    const corpus = [...target.seeds, ...readCorpus(target.name)];

    it(`${corpus.length} inputs of the corpus`, () => {
      assert.ok(corpus.length > 20, "there is a corpus");
      for (const input of corpus) run(input);
    });

    it(`${CHANGED} changed ones [HAWSER_SEED=${SEED}]`, () => {
      const random = randomNumbers(SEED);
      const one = () => corpus[random() % corpus.length];
      for (let i = 0; i < CHANGED; i++) run(mutate(one(), one(), target, random));
    });

    function run(input: Uint8Array): void {
      try {
        target.run(input.slice());
      } catch (error) {
        throw new Error(`input ${toHex(input)}`, { cause: error });
      }
    }
  });
}
