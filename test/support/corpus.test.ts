/** The corpus is the same in every run, as long as was asked for, and as hard to compress as real data. */

import assert from "node:assert/strict";
import { isUtf8 } from "node:buffer";
import { describe, it } from "node:test";
import { deflateRawSync } from "node:zlib";
import { isText, KINDS, type Kind, messages, sample } from "./corpus.js";

/** How many times as long as what zlib makes of it at level 6: the least and the greatest that is plausible. */
const RATIOS: Readonly<Record<Kind, readonly [number, number]>> = {
  json: [4, 8],
  html: [4, 8],
  source: [3, 5],
  text: [2.3, 3],
  multilingual: [2, 3],
  binary: [1.3, 2.5],
  random: [0.99, 1],
  zeros: [500, 1100],
};

for (const kind of KINDS) {
  describe(`corpus, ${kind}`, () => {
    it("has samples of any length, the same each time", () => {
      for (const length of [0, 1, 2, 3, 17, 200, 20_000, 20_001, 65_536]) {
        const bytes = sample(kind, length);
        assert.equal(bytes.length, length);
        assert.deepEqual(sample(kind, length), bytes);
        if (isText(kind)) assert.ok(isUtf8(bytes), `${length} bytes`);
      }
      if (kind !== "zeros") assert.notDeepEqual(sample(kind, 1024, 1), sample(kind, 1024));
    });

    it("has messages of about the length, the same each time", () => {
      for (const length of [1, 200, 1024, 16_384]) {
        const stream = messages(kind, length, 20);
        assert.deepEqual(messages(kind, length, 20), stream);
        const mean = stream.reduce((sum, { length }) => sum + length, 0) / stream.length;
        if (length >= 200) assert.ok(mean > 0.7 * length && mean < 1.5 * length, `${length}: ${mean}`);
        for (const message of stream) {
          assert.ok(message.length > 0);
          if (isText(kind)) assert.ok(isUtf8(message));
          if (kind === "json") JSON.parse(Buffer.from(message).toString());
        }
      }
    });

    it("has the entropy of real data", () => {
      const bytes = sample(kind, 1 << 20);
      const ratio = bytes.length / deflateRawSync(bytes, { level: 6 }).length;
      const [least, greatest] = RATIOS[kind];
      assert.ok(ratio >= least && ratio <= greatest, `zlib's level 6 makes it ${ratio} times shorter`);
    });
  });
}
