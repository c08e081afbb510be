/**
 * Every script runs with `ws` twice, which shows that it is deterministic, and then with the face, whose log must be
 * the same: events, arguments, order, states, errors, bytes on the wire.
 */

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { allowedLog, differences, mayDiffer, record, recording, save } from "./allowed.js";
import { face } from "./face.js";
import { ws } from "./implementation.js";
import { play } from "./run.js";
import { scripts } from "./scripts/index.js";

describe("the scripts", () => {
  const names = scripts.map(({ name }) => name);

  test("have names of their own, and there are enough of them", () => {
    assert.equal(new Set(names).size, names.length);
    assert.ok(names.length >= 150, `${names.length} scripts`);
  });

  test("are there for each difference that is allowed", () => {
    const allowed = differences.flatMap((difference) => difference.scripts);
    assert.deepEqual(
      allowed.filter((name) => !names.includes(name)),
      [],
    );
    assert.equal(new Set(allowed).size, allowed.length);
  });
});

describe("the face does as ws does", () => {
  if (recording) after(save);

  for (const script of scripts) {
    test(script.name, async () => {
      const expected = await play(script, ws);
      assert.notDeepEqual(expected, {}, "the script logs something");
      assert.equal(expected.script, undefined, `the script ends: ${expected.script}`);
      assert.deepEqual(await play(script, ws), expected, "ws does the same twice");
      const actual = await play(script, face);
      if (!mayDiffer(script.name)) return assert.deepEqual(actual, expected);
      if (recording) record(script.name, expected, actual);
      assert.notDeepEqual(actual, expected, "the face differs no more: the difference need not be allowed");
      assert.deepEqual(actual, allowedLog(script.name, expected));
    });
  }
});
