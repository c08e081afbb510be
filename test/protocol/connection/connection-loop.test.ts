/** A loop over connections whose `next` is called by hand, several times before it has a result. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConnectionLoop } from "../../../src/protocol/connection/connection-loop.js";

function start(first?: string): { loop: ConnectionLoop<string>; asked: () => number } {
  let count = 0;
  const owner = { asked: () => count++, left: () => undefined };
  return { loop: new ConnectionLoop<string>(owner, first), asked: () => count };
}

const done = { value: undefined, done: true };
const result = (value: string) => ({ value, done: false });

describe("several calls of next at once", () => {
  it("get one connection each, in order", async () => {
    const { loop, asked } = start("first");
    assert.equal(loop.isBusy, true);
    const all = [loop.next(), loop.next(), loop.next()];
    assert.deepEqual([asked(), loop.isBusy], [2, false]);
    assert.deepEqual(await all[0], result("first"));
    loop.offer("second");
    assert.equal(loop.isBusy, false);
    assert.deepEqual(await all[1], result("second"));
    loop.offer("third");
    assert.equal(loop.isBusy, true);
    assert.deepEqual(await all[2], result("third"));
  });

  it("end together", async () => {
    const { loop } = start();
    const all = [loop.next(), loop.next()];
    loop.end(false, undefined);
    assert.deepEqual(await Promise.all(all), [done, done]);
    assert.deepEqual(await loop.next(), done);
  });

  it("fail once, and then end", async () => {
    const { loop } = start();
    const error = new Error("given up");
    const all = Promise.allSettled([loop.next(), loop.next()]);
    loop.end(true, error);
    assert.deepEqual(await all, [
      { status: "rejected", reason: error },
      { status: "fulfilled", value: done },
    ]);
    assert.deepEqual(await loop.next(), done);
  });

  it("get an offered connection before the end", async () => {
    const { loop } = start("only");
    loop.end(false, undefined);
    assert.deepEqual(await Promise.all([loop.next(), loop.next()]), [result("only"), done]);
  });
});
