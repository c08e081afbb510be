/** The phases of a session and the states of a writer's drain: every step in every phase, against the tables. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { settingsOf } from "../../src/node/connection-options.js";
import { DRAIN_STEPS, type DrainState, type DrainStep } from "../../src/node/drain-state.js";
import { sharedLiveness } from "../../src/node/liveness.js";
import { Session } from "../../src/node/session.js";
import { SESSION_STEPS, type SessionPhase, type SessionStep } from "../../src/node/session-phase.js";
import { compressedFrames, fromPeer, parameters } from "../support/deflate.js";
import { BINARY, TEXT } from "../support/frames.js";
import { utf8 } from "../support/hex.js";
import { SimulatedTransport } from "../support/simulated-transport.js";
import { settle } from "../support/sockets.js";

const MARK = 10;

function make() {
  const transport = new SimulatedTransport(MARK);
  const settings = settingsOf("server", { highWaterMark: MARK, maxTurnSize: 1 });
  /** The phase in which the session told that its socket is gone; it may leave it at once. */
  const passed: SessionPhase[] = [];
  const onGone = () => passed.push(session.phase);
  const context = { settings, liveness: sharedLiveness({ pingIntervalMs: 0 }), onGone };
  const told: string[] = [];
  const handlers = {
    message: () => told.push("message"),
    drain: () => told.push("drain"),
    close: () => told.push("close"),
  };
  const session: Session<object> = new Session({}, transport, handlers, context, parameters());
  return { transport, session, told, passed };
}

type Made = ReturnType<typeof make>;
type Act<Step extends string> = Readonly<Record<Step, (made: Made) => unknown>>;

/** Walks to each phase by its way, and does each step there. */
function holdsToTable<Phase extends string, Step extends string>(
  table: Readonly<Record<Phase, Readonly<Partial<Record<Step, Phase>>>>>,
  ways: Readonly<Record<Phase, readonly Step[]>>,
  acts: Act<Step>,
  phaseOf: (made: Made) => Phase,
): void {
  for (const phase of Object.keys(ways) as Phase[]) {
    for (const step of Object.keys(acts) as Step[]) {
      const next = table[phase][step];
      it(`"${phase}": ${step} ${next === undefined ? "does not happen" : `leads to "${next}"`}`, async () => {
        const made = make();
        for (const each of ways[phase]) await acts[each](made);
        assert.equal(phaseOf(made), phase);
        made.passed.length = 0;
        await acts[step](made);
        const phases: unknown[] = [...made.passed, phaseOf(made)];
        assert.equal(phases[0], next ?? phase);
        made.session.terminate();
        await settle();
      });
    }
  }
}

describe("the phases of a session", () => {
  /** More than one turn inflates, so that a session is gone for a while before it is finished. */
  const long = new Uint8Array(
    deflateRawSync(new Uint8Array(1 << 20), { finishFlush: constants.Z_SYNC_FLUSH }),
  );
  const lose = async ({ transport, session }: Made) => {
    if (session.phase === "running" || session.phase === "ended") {
      session.receive(fromPeer("server", ...compressedFrames(BINARY, [long.subarray(0, -4)])));
    }
    transport.destroy();
    await new Promise<void>((resolve) => process.nextTick(resolve));
  };
  const acts: Act<SessionStep> = {
    start: ({ session }) => {
      if (session.phase === "new") session.start(undefined);
    },
    end: ({ session }) => session.ended(),
    cut: ({ session }) => session.terminate(),
    lose,
    finish: ({ session }) => {
      session.endpoint.inflateBudget = Infinity;
      session.deliver();
    },
  };
  const ways: Readonly<Record<SessionPhase, readonly SessionStep[]>> = {
    new: [],
    running: ["start"],
    ended: ["start", "end"],
    cut: ["start", "cut"],
    gone: ["start", "lose"],
    finished: ["start", "lose", "finish"],
  };
  holdsToTable(SESSION_STEPS, ways, acts, ({ session }) => session.phase);

  it("arrived messages are delivered when the socket is lost, and dropped when the session was cut", async () => {
    for (const isCut of [false, true]) {
      const { transport, session, told } = make();
      session.start(undefined);
      session.pause();
      session.receive(fromPeer("server", { opcode: TEXT, payload: utf8("a") }));
      if (isCut) session.terminate();
      else transport.destroy();
      await settle();
      assert.deepEqual([session.phase, told], ["finished", isCut ? ["close"] : ["message", "close"]]);
    }
  });
});

describe("the drain of a writer", () => {
  const acts: Act<DrainStep> = {
    want: ({ transport, session }) => {
      if (session.writer.drain !== "idle") return;
      transport.hold();
      session.writer.send("x".repeat(MARK));
      session.writer.flush();
    },
    room: ({ transport, session }) => {
      // The event 'drain' comes in the next tick; the program is notified in the next turn.
      transport.letGo();
      session.writer.flush();
    },
    fill: async ({ transport, session }) => {
      if (session.writer.drain !== "due") return;
      transport.hold();
      session.writer.send("x".repeat(MARK));
      await settle(2);
    },
    settle: async ({ session }) => {
      if (session.writer.drain === "due") await settle(2);
      else session.writer.close();
    },
  };
  const ways: Readonly<Record<DrainState, readonly DrainStep[]>> = {
    idle: [],
    wanted: ["want"],
    due: ["want", "room"],
  };
  holdsToTable(DRAIN_STEPS, ways, acts, ({ session }) => session.writer.drain);

  it("the program is notified once, with room", async () => {
    const made = make();
    made.session.start(undefined);
    acts.want(made);
    acts.room(made);
    await acts.fill(made);
    assert.deepEqual(made.told, []);
    made.transport.letGo();
    await settle();
    assert.deepEqual([made.session.writer.drain, made.told], ["idle", ["drain"]]);
  });
});
