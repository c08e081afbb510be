/** PeerWatch: every verdict, with a clock that the test sets. Times are milliseconds. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Liveness } from "../../src/node/liveness.js";
import { type PeerFacts, PeerWatch, type Verdict } from "../../src/node/peer-watch.js";

const LIMITS = new Liveness({
  pingIntervalMs: 100,
  pingTimeoutMs: 50,
  idleTimeoutMs: 0,
  closeTimeoutMs: 30,
});

const QUIET: PeerFacts = {
  isClosing: false,
  bytesIn: 0,
  bytesOut: 0,
  pendingLength: 0,
  unsentLength: 0,
  isRead: true,
  messages: 0,
  isHeldByStream: false,
};

/** A watch from the time 0 on. Each look has the facts of the one before, but for what it changes. */
class Looks {
  readonly #watch = new PeerWatch(0);
  readonly #limits: Liveness;
  #facts = QUIET;

  constructor(limits = LIMITS, facts: Partial<PeerFacts> = {}) {
    this.#limits = limits;
    this.#facts = { ...QUIET, ...facts };
  }

  /** @param readUntil - default: the loop did not stand still. */
  at(now: number, changes: Partial<PeerFacts> = {}, readUntil = now): Verdict {
    this.#facts = { ...this.#facts, ...changes };
    return this.#watch.look(now, readUntil, this.#facts, this.#limits);
  }
}

describe("PeerWatch: a peer that says nothing", () => {
  it("is pinged after the interval, and silent after the timeout", () => {
    const looks = new Looks();
    assert.deepEqual(
      [99, 100, 149, 150].map((now) => looks.at(now)),
      [undefined, "ping", undefined, "silent"],
    );
  });

  it("is heard by one byte, before the Ping and after it", () => {
    const looks = new Looks();
    assert.deepEqual(
      [looks.at(90, { bytesIn: 1 }), looks.at(189), looks.at(190)],
      [undefined, undefined, "ping"],
    );
    assert.deepEqual(
      [looks.at(239, { bytesIn: 2 }), looks.at(240), looks.at(339)],
      [undefined, undefined, "ping"],
    );
  });

  it("is never pinged without an interval, and never cut without a timeout", () => {
    const unpinged = new Looks(new Liveness({ pingIntervalMs: 0 }));
    assert.equal(unpinged.at(1e9), undefined);
    const untimed = new Looks(new Liveness({ pingIntervalMs: 100, pingTimeoutMs: 0 }));
    assert.deepEqual([untimed.at(100), untimed.at(1e9)], ["ping", undefined]);
  });
});

describe("PeerWatch: an event loop that stood still", () => {
  it("judges by the bytes read: not the answer of a Ping that the sockets may hold", () => {
    const looks = new Looks();
    assert.equal(looks.at(100), "ping");
    // The timer ran at 110, then something ran until 5000, and the sockets were looked at as they were at 110.
    assert.equal(looks.at(5000, {}, 110), undefined);
    assert.equal(looks.at(5010, { bytesIn: 6 }), undefined);
  });

  it("counts a Ping from when it leaves, not from the timer before", () => {
    const looks = new Looks();
    assert.equal(looks.at(5000, {}, 110), "ping");
    assert.deepEqual([looks.at(5049), looks.at(5050)], [undefined, "silent"]);
  });

  it("begins no closing, and ends no idling, before its time", () => {
    const closing = new Looks();
    assert.deepEqual(
      [closing.at(5000, { isClosing: true }, 10), closing.at(5029), closing.at(5030)],
      [undefined, undefined, "late"],
    );
    const idling = new Looks(new Liveness({ pingIntervalMs: 0, idleTimeoutMs: 40 }));
    assert.deepEqual(
      [idling.at(5000, { messages: 1 }, 30), idling.at(5039), idling.at(5040)],
      [undefined, undefined, "idle"],
    );
  });
});

describe("PeerWatch: a peer that is not read", () => {
  // What a connection does not read for (the user paused it, its inbox is full, much waits for the peer) makes no
  // difference here: `isRead` is false. A turn that ended does not count as not reading; see fairness.test.ts.
  it("is there while it takes everything, and pinged again after the interval", () => {
    const looks = new Looks(LIMITS, { isRead: false });
    assert.deepEqual(
      [100, 150, 249, 250, 300].map((now) => looks.at(now)),
      ["ping", undefined, undefined, "ping", undefined],
    );
  });

  it("is silent if it takes none of the waiting bytes", () => {
    const looks = new Looks(LIMITS, {
      isRead: false,
      bytesOut: 5000,
      pendingLength: 5000,
      unsentLength: 5000,
    });
    assert.deepEqual([looks.at(100), looks.at(150)], ["ping", "silent"]);
  });
});

describe("PeerWatch: a peer that takes", () => {
  for (const isRead of [true, false]) {
    const name = isRead ? "read" : "not read";

    it(`${name}: a write that was done counts as heard`, () => {
      const looks = new Looks(LIMITS, { isRead, bytesOut: 9000, pendingLength: 9000, unsentLength: 9000 });
      assert.equal(looks.at(1), undefined);
      assert.equal(looks.at(90, { pendingLength: 4000, unsentLength: 4000 }), undefined);
      assert.deepEqual([looks.at(189), looks.at(190)], [undefined, "ping"]);
    });

    it(`${name}: a part of one long write, too`, () => {
      const looks = new Looks(LIMITS, { isRead, bytesOut: 9000, pendingLength: 9000, unsentLength: 9000 });
      assert.equal(looks.at(1), undefined);
      assert.equal(looks.at(90, { unsentLength: 8000 }), undefined);
      assert.deepEqual([looks.at(189), looks.at(190), looks.at(240)], [undefined, "ping", "silent"]);
    });

    it(`${name}: a write that is taken at once shows nothing: the system takes it, not the peer`, () => {
      const looks = new Looks(LIMITS, { isRead });
      assert.equal(looks.at(100, { bytesOut: 500 }), "ping");
    });
  }

  it("is silent if it answers nothing, although all that we sent has left, while it is read", () => {
    const looks = new Looks(LIMITS, { bytesOut: 500 });
    assert.deepEqual([looks.at(100), looks.at(150)], ["ping", "silent"]);
  });
});

describe("PeerWatch: messages", () => {
  const limits = new Liveness({ pingIntervalMs: 0, idleTimeoutMs: 40, closeTimeoutMs: 0 });

  it("that arrive as a stream, and wait for the program, keep a connection from being idle", () => {
    const looks = new Looks(limits);
    assert.deepEqual(
      [
        looks.at(30, { isHeldByStream: true }),
        looks.at(60),
        looks.at(99, { isHeldByStream: false }),
        looks.at(100),
      ],
      [undefined, undefined, undefined, "idle"],
    );
  });

  it("that come or go keep a connection from being idle; bytes alone do not", () => {
    const looks = new Looks(limits);
    assert.deepEqual(
      [looks.at(39, { messages: 1 }), looks.at(78, { bytesIn: 6 }), looks.at(79)],
      [undefined, undefined, "idle"],
    );
  });

  it("do not count once it closes; and without a limit it may take forever", () => {
    const looks = new Looks(limits);
    assert.deepEqual([looks.at(39, { isClosing: true }), looks.at(1e9)], [undefined, undefined]);
  });
});

describe("PeerWatch: a connection that closes", () => {
  it("is late after the limit, counted from the first look", () => {
    const looks = new Looks();
    assert.deepEqual(
      [looks.at(10, { isClosing: true }), looks.at(39, { bytesIn: 9 }), looks.at(40, { bytesIn: 18 })],
      [undefined, undefined, "late"],
    );
  });

  it("is not pinged", () => {
    const looks = new Looks(new Liveness({ pingIntervalMs: 100, closeTimeoutMs: 0 }));
    assert.deepEqual([looks.at(10, { isClosing: true }), looks.at(1e6)], [undefined, undefined]);
  });
});
