/** The histogram against the sorted list of all samples. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Histogram } from "../../src/cli/histogram.js";

/** The exact percentile, by the nearest rank. */
function exact(samples: readonly number[], percent: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil((percent / 100) * sorted.length)) - 1];
}

function filled(samples: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const sample of samples) histogram.record(sample);
  return histogram;
}

describe("Histogram", () => {
  it("is empty at first", () => {
    const histogram = new Histogram();
    assert.deepEqual([histogram.count, histogram.max, histogram.percentile(50)], [0, 0, 0]);
  });

  it("is within 1 % of the exact percentiles, never below them", () => {
    const samples = Array.from({ length: 20_000 }, (_, i) => 0.001 * 1.001 ** ((i * 7919) % 17_000));
    const histogram = filled(samples);
    assert.equal(histogram.count, samples.length);
    for (const percent of [0, 1, 10, 50, 90, 99, 99.9, 100]) {
      const is = histogram.percentile(percent);
      const should = exact(samples, percent);
      // Samples are rounded to units of 0.1 µs before they are counted.
      assert.ok(
        is >= should - 0.00005 && is <= should * 1.008 + 0.00005,
        `p${percent}: ${is}, not ${should}`,
      );
    }
  });

  it("tells every value apart that it can, at the edges of its buckets", () => {
    for (let exponent = 0; exponent < 32; exponent++) {
      for (const units of [2 ** exponent - 1, 2 ** exponent, 2 ** exponent + 1]) {
        const histogram = filled([units * 0.0001, 1e9]);
        const is = histogram.percentile(50) / 0.0001;
        assert.ok(is >= units - 0.001 && is <= units * 1.008 + 0.001, `${is}, not ${units}`);
      }
    }
  });

  it("has the exact maximum, and no percentile above it", () => {
    const histogram = filled([1.23456789, 3.3333333]);
    assert.equal(histogram.max, 3.3333333);
    assert.equal(histogram.percentile(100), 3.3333333);
  });

  it("takes what no clock should give", () => {
    const histogram = filled([-1, 0, 1e12]);
    assert.equal(histogram.percentile(50), 0);
    assert.equal(histogram.max, 1e12);
    assert.ok(histogram.percentile(100) >= 429_496);
    assert.equal(histogram.count, 3);
  });
});
