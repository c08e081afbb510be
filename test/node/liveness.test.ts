/** Liveness: who is pinged, who is cut, who is left alone; with limits of some 20 ms. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { steadyNow } from "../../src/node/clock.js";
import { Liveness, type Living, sharedLiveness } from "../../src/node/liveness.js";
import { withPeer } from "../support/connections.js";
import { BINARY, CLOSE, PONG, TEXT } from "../support/frames.js";
import { utf8 } from "../support/hex.js";
import { eachReadPath, settle, sleep, until } from "../support/sockets.js";

class Watched implements Living {
  readonly looks: number[] = [];
  checkLiveness(now: number): void {
    this.looks.push(now);
  }
}

/**
 * Runs `body` until a run of it was not held up: no pause took longer than `mostMs`. On a machine that is too busy for
 * that, nothing is shown, and nothing fails. `body` returns the assertions.
 */
async function undisturbed(
  t: TestContext,
  mostMs: number,
  body: (pause: (ms: number) => Promise<void>) => Promise<() => void>,
): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    let longest = 0;
    const check = await body(async (ms) => {
      const start = performance.now();
      await sleep(ms);
      longest = Math.max(longest, performance.now() - start);
    });
    if (longest <= mostMs) return check();
  }
  t.diagnostic(`the machine was too busy: each run paused for more than ${mostMs} ms`);
}

describe("Liveness", () => {
  it("looks after those who were added, until they are taken away", async () => {
    const liveness = new Liveness({ pingTimeoutMs: 20 });
    const [a, b] = [new Watched(), new Watched()];
    liveness.add(a);
    liveness.add(b);
    await until(() => a.looks.length >= 2);
    assert.ok(b.looks.length >= 1);
    liveness.delete(a);
    const { length } = a.looks;
    await until(() => b.looks.length >= 4);
    assert.equal(a.looks.length, length);
    liveness.delete(b);
    liveness.delete(b);
    const left = b.looks.length;
    await sleep(40);
    assert.equal(b.looks.length, left);
    liveness.add(a);
    await until(() => a.looks.length > length);
    liveness.delete(a);
    for (const now of a.looks) assert.ok(Number.isInteger(now) && now <= steadyNow());
  });

  it("tells the time before the sockets were looked at, also if something ran long since then", async (t) => {
    const liveness = new Liveness({ pingTimeoutMs: 20 });
    const gaps: number[] = [];
    const watched: Living = { checkLiveness: (now, readUntil) => gaps.push(now - readUntil) };
    liveness.add(watched);
    // It runs behind the timer of the liveness, before the look.
    const long = setInterval(() => {
      for (const end = performance.now() + 30; performance.now() < end; );
    }, 10);
    t.after(() => clearInterval(long));
    await until(() => gaps.some((gap) => gap >= 29), "something ran in between");
    liveness.delete(watched);
    assert.ok(gaps.every((gap) => gap >= 0));
  });

  it("has defaults, takes Infinity for never, and refuses invalid durations", () => {
    const { pingIntervalMs, pingTimeoutMs, idleTimeoutMs, closeTimeoutMs } = new Liveness({});
    assert.deepEqual(
      [pingIntervalMs, pingTimeoutMs, idleTimeoutMs, closeTimeoutMs],
      [30_000, 20_000, 0, 10_000],
    );
    assert.equal(new Liveness({ pingIntervalMs: Infinity }).pingIntervalMs, 0);
    for (const name of ["pingIntervalMs", "pingTimeoutMs", "idleTimeoutMs", "closeTimeoutMs"]) {
      for (const wrong of [-1, Number.NaN, "5", null, {}]) {
        if (wrong === null) continue; // the same as undefined
        assert.throws(() => new Liveness({ [name]: wrong }), new RegExp(name));
      }
    }
  });

  it("is shared by those with the same limits", () => {
    assert.equal(
      sharedLiveness({ idleTimeoutMs: 7 }),
      sharedLiveness({ idleTimeoutMs: 7, pingIntervalMs: 30_000 }),
    );
    assert.notEqual(sharedLiveness({ idleTimeoutMs: 7 }), sharedLiveness({ idleTimeoutMs: 8 }));
  });
});

const OFF = { pingIntervalMs: 0, pingTimeoutMs: 0, idleTimeoutMs: 0, closeTimeoutMs: 0 };

for (const role of ["server", "client"] as const) {
  eachReadPath(`A connection's liveness, as a ${role}`, () => {
    it("pings a peer that says nothing, and leaves one alone that answers", async (t) => {
      const { connection, peer } = await withPeer(t, role, { ...OFF, pingIntervalMs: 20, pingTimeoutMs: 40 });
      for (let i = 0; i < 3; i++) {
        assert.equal(await peer.next(), "ping");
        peer.send({ opcode: PONG });
      }
      assert.equal(connection.state, "open");
      assert.equal(connection.error, undefined);
    });

    it("cuts a peer that is dead", async (t) => {
      const errors: string[] = [];
      const start = performance.now();
      const { connection, peer } = await withPeer(t, role, {
        ...OFF,
        pingIntervalMs: 20,
        pingTimeoutMs: 20,
        error: (_connection, error) => {
          errors.push(error.message);
        },
      });
      assert.equal((await connection.closed).code, 1006);
      assert.ok(performance.now() - start >= 30);
      assert.deepEqual(peer.take(), ["ping"]);
      assert.equal(errors.length, 1);
      assert.match(errors[0], /silent for \d+ ms/);
    });

    it("does not ping a peer that sends, and never when it is off", async (t) => {
      await undisturbed(t, 40, async (pause) => {
        const { peer } = await withPeer(t, role, { ...OFF, pingIntervalMs: 60, message: () => undefined });
        for (let i = 0; i < 12; i++) {
          peer.send({ opcode: TEXT, payload: utf8("x") });
          await pause(10);
        }
        return () => assert.deepEqual(peer.take(), []);
      });
      const silent = await withPeer(t, role, OFF);
      await sleep(60);
      assert.deepEqual([silent.peer.take(), silent.connection.state], [[], "open"]);
    });

    it("closes with 1001 when no message came or went for idleTimeoutMs; Pings are not messages", async (t) => {
      const options = { ...OFF, idleTimeoutMs: 60, message: () => undefined };
      await undisturbed(t, 40, async (pause) => {
        const { connection, peer } = await withPeer(t, role, options);
        for (let i = 0; i < 4; i++) {
          await pause(20);
          if (i % 2 === 0) connection.send("x");
          else peer.send({ opcode: TEXT, payload: utf8("x") });
        }
        const { state } = connection;
        return () => assert.equal(state, "open");
      });
      const { connection, peer } = await withPeer(t, role, options);
      const busy = setInterval(() => peer.send({ opcode: PONG }), 10);
      t.after(() => clearInterval(busy));
      await until(() => connection.state === "closing");
      await until(() => peer.frames.some(({ opcode }) => opcode === CLOSE));
      assert.equal(peer.take().at(-1), "close 1001 idle");
    });

    it("cuts a peer that does not answer a Close, and does not hurry one that has time", async (t) => {
      const { connection, peer } = await withPeer(t, role, { ...OFF, closeTimeoutMs: 60 });
      const start = performance.now();
      const { code } = await connection.close(1000);
      const took = performance.now() - start;
      assert.ok(code === 1006 && took >= 55, `${took} ms`);
      await peer.closed();
    });

    it("cuts a peer that violates and then stays", async (t) => {
      const { connection, peer } = await withPeer(t, role, { ...OFF, closeTimeoutMs: 30 });
      peer.socket.on("end", () => undefined);
      peer.send({ opcode: 3 });
      assert.equal((await connection.closed).code, 1006);
    });

    it("does not cut a peer that reads slowly", async (t) => {
      const { connection, peer } = await withPeer(t, role, {
        ...OFF,
        pingIntervalMs: 30,
        pingTimeoutMs: 60,
        maxBufferedAmount: Infinity,
      });
      peer.socket.pause();
      const chunk = new Uint8Array(1 << 20);
      // One long write, of which the stream knows no more than that it is under way.
      for (let i = 0; i < 48; i++) connection.send(chunk);
      // The peer reads a mebibyte now and then, as much as makes TCP tell us so, and sends nothing.
      let most = 0;
      peer.socket.on("data", () => {
        if (peer.received >= most) peer.socket.pause();
      });
      const reading = setInterval(() => {
        most = peer.received + (1 << 20);
        peer.socket.resume();
      }, 15);
      t.after(() => clearInterval(reading));
      const end = performance.now() + 300;
      while (performance.now() < end && connection.state === "open") await sleep(10);
      assert.equal(connection.state, "open");
      assert.ok(connection.bufferedAmount > 0, "much still waits");
    });

    it("cuts a peer that takes nothing although it is pinged", async (t) => {
      const { connection, peer } = await withPeer(t, role, { ...OFF, pingIntervalMs: 30, pingTimeoutMs: 30 });
      peer.socket.pause();
      while (connection.bufferedAmount < 1 << 20) connection.sendNow(new Uint8Array(1 << 20));
      assert.equal((await connection.closed).code, 1006);
    });

    it("does not cut a peer while we do not read", async (t) => {
      const limits = { ...OFF, pingIntervalMs: 20, pingTimeoutMs: 20 };
      const paused = await withPeer(t, role, limits);
      paused.connection.pause();
      const stalled = await withPeer(t, role, { ...limits, highWaterMark: 1000 });
      stalled.peer.send(
        ...Array.from({ length: 20 }, () => ({ opcode: BINARY, payload: new Uint8Array(500) })),
      );
      await settle(10);
      await sleep(120);
      assert.deepEqual([paused.connection.state, stalled.connection.state], ["open", "open"]);
      assert.deepEqual([paused.connection.error, stalled.connection.error], [undefined, undefined]);
    });
  });
}
