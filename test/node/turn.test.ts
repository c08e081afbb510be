/** Turns: when queued frames are flushed, and how often. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { beginTurn, endTurn, type Flushable, flushLater } from "../../src/node/turn.js";

class Counting implements Flushable {
  flushes = 0;
  after: (() => void) | undefined = undefined;
  flush(): void {
    this.flushes++;
    const { after } = this;
    this.after = undefined;
    after?.();
  }
}

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("turns", () => {
  it("flush at their end, the outermost's", () => {
    const [a, b] = [new Counting(), new Counting()];
    beginTurn();
    flushLater(a);
    beginTurn();
    flushLater(b);
    endTurn();
    assert.deepEqual([a.flushes, b.flushes], [0, 0]);
    endTurn();
    assert.deepEqual([a.flushes, b.flushes], [1, 1]);
    beginTurn();
    endTurn();
    assert.deepEqual([a.flushes, b.flushes], [1, 1]);
  });

  it("outside of one, flushes once the callback and its promises are done", async () => {
    const a = new Counting();
    flushLater(a);
    await undefined;
    assert.equal(a.flushes, 0, "promises of this callback come first");
    await tick();
    assert.equal(a.flushes, 1);
    await tick();
    assert.equal(a.flushes, 1);
  });

  it("a turn that ends first flushes frames queued outside of it, too", async () => {
    const a = new Counting();
    flushLater(a);
    beginTurn();
    endTurn();
    assert.equal(a.flushes, 1);
    await tick();
    assert.equal(a.flushes, 1);
  });

  it("flushes what a flush makes dirty, in the same turn and in nested ones", async () => {
    const [a, b, c] = [new Counting(), new Counting(), new Counting()];
    a.after = () => {
      flushLater(b);
      beginTurn();
      flushLater(c);
      endTurn();
    };
    beginTurn();
    flushLater(a);
    endTurn();
    await tick();
    assert.ok(b.flushes >= 1 && c.flushes >= 1);
    const before = [a.flushes, b.flushes, c.flushes];
    await tick();
    assert.deepEqual([a.flushes, b.flushes, c.flushes], before);
  });

  it("one that opens turns of its own, as thousands do, does not grow the stack", async () => {
    const all = Array.from({ length: 50_000 }, () => new Counting());
    for (const one of all) {
      one.after = () => {
        beginTurn();
        endTurn();
      };
    }
    beginTurn();
    for (const one of all) flushLater(one);
    endTurn();
    assert.ok(all.every(({ flushes }) => flushes === 1));
  });

  it("one that throws does not keep the others from being flushed", async () => {
    const [a, b] = [new Counting(), new Counting()];
    a.after = () => {
      throw new Error("a bug of ours");
    };
    beginTurn();
    flushLater(a);
    flushLater(b);
    assert.throws(endTurn, /a bug of ours/);
    await tick();
    assert.deepEqual([a.flushes, b.flushes], [1, 1]);
    flushLater(b);
    await tick();
    assert.equal(b.flushes, 2);
  });
});
