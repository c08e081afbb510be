/** A whole connection over a simulated transport: all events, in every order, against the invariants. */

import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { runCount, SEED } from "../../support/property.js";
import { settle } from "../../support/sockets.js";
import { type Action, action, type Setup, setup } from "./actions.js";
import { finish } from "./finish.js";
import { World } from "./world.js";

/** One thing that happens. */
class Happening implements fc.AsyncCommand<object, World> {
  readonly #action: Action;

  constructor(action: Action) {
    this.#action = action;
  }

  check(): boolean {
    return true;
  }

  async run(_model: object, world: World): Promise<void> {
    world.act(this.#action);
    if (this.#action.do === "turn") await settle(1);
    else if (this.#action.do === "tick") await new Promise<void>((resolve) => process.nextTick(resolve));
    world.check();
  }

  toString(): string {
    return JSON.stringify(this.#action);
  }
}

async function happens(made: Setup, commands: Iterable<fc.AsyncCommand<object, World>>): Promise<void> {
  const escaped: unknown[] = [];
  const hear = (error: unknown) => escaped.push(error);
  process.on("unhandledRejection", hear);
  process.on("uncaughtException", hear);
  try {
    const world = new World(made);
    await fc.asyncModelRun(() => ({ model: {}, real: world }), commands);
    await finish(world);
    assert.deepEqual(escaped, []);
  } finally {
    process.removeListener("unhandledRejection", hear);
    process.removeListener("uncaughtException", hear);
  }
}

describe("a connection, for all events", () => {
  // An error of a handler is printed if no handler and no subscriber gets it.
  const hear = () => undefined;
  before(() => subscribe("hawser:connection:error", hear));
  after(() => unsubscribe("hawser:connection:error", hear));

  it(`[HAWSER_SEED=${SEED}]`, { timeout: 600_000 }, async () => {
    const happenings = fc.commands([action.map((each) => new Happening(each))], {
      maxCommands: 60,
      size: "max",
    });
    await fc.assert(fc.asyncProperty(setup, happenings, happens), {
      seed: SEED,
      numRuns: runCount(600),
      includeErrorInReport: true,
    });
  });
});
