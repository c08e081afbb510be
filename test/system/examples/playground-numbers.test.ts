/** What the playground counts with, and that both backends make the same of the benchmark's cases. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compare, median } from "../../../examples/playground/page/benchmark/benchmark.js";
import { makeCases } from "../../../examples/playground/page/benchmark/cases.js";
import { Histogram } from "../../../examples/playground/page/echo/histogram.js";
import { roundUp } from "../../../examples/playground/page/echo/scale.js";

describe("Histogram", () => {
  test("has percentiles to within a hundredth", () => {
    const histogram = new Histogram();
    for (let i = 1; i <= 1000; i++) histogram.add(i / 10);
    for (const [share, ms] of [
      [0.5, 50],
      [0.99, 99],
      [1, 100],
    ]) {
      const found = histogram.percentile(share);
      assert.ok(Math.abs(found / ms - 1) <= 0.01, `${share}: ${found}`);
    }
    assert.equal(histogram.count, 1000);
  });

  test("is empty at first, and once it is cleared", () => {
    const histogram = new Histogram();
    assert.equal(histogram.percentile(0.5), Number.NaN);
    histogram.add(0);
    assert.equal(histogram.percentile(0.5), 0.001);
    histogram.clear();
    assert.deepEqual([histogram.count, histogram.percentile(0.5)], [0, Number.NaN]);
  });
});

test("roundUp", () => {
  const rounded = [0, 0.03, 1, 1.1, 5, 7, 4999, 5001].map(roundUp);
  assert.deepEqual(rounded, [1, 0.05, 1, 2, 5, 10, 5000, 10000]);
});

test("median", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
});

test("a row's ratio is that of its two times", () => {
  // Round by round it would be 10, 1 and 2.
  const times = [
    { wasm: 1, reference: 10 },
    { wasm: 10, reference: 10 },
    { wasm: 10, reference: 20 },
  ];
  assert.deepEqual(compare(times), { wasm: 10, reference: 10, ratio: 1 });
});

test("each case of the benchmark has its own digest, the same each time, and runs", () => {
  const [ones, others] = [makeCases(), makeCases()];
  for (const [i, { name, run, digest }] of ones.entries()) {
    const first = digest();
    assert.equal(run(), run(), name);
    assert.equal(digest(), first, name);
    assert.equal(others[i].digest(), first, name);
  }
  assert.equal(new Set(ones.map(({ digest }) => digest())).size, ones.length);
});
