/** What a page adds to a client that stays connected: the network that comes and goes, and pages that wake up. */

import assert from "node:assert/strict";
import type { stayConnected as Stay } from "../../src/index.browser.js";

const cases: { readonly name: string; run(stayConnected: typeof Stay): Promise<void> }[] = [];
const define = (name: string, run: (typeof cases)[number]["run"]) => cases.push({ name, run });

const DAY_MS = 86_400_000;

/** As if the network had gone; in a page and in a worker alike. */
function withoutNetwork(): () => void {
  const { navigator } = globalThis;
  Object.defineProperty(navigator, "onLine", { configurable: true, value: false });
  return () => void Reflect.deleteProperty(navigator, "onLine");
}

define(
  "a connection counts as lost when the network goes, and another is opened when it comes",
  async (stayConnected) => {
    const codes: number[] = [];
    const delays: number[] = [];
    const stay = stayConnected("/echo", {
      delay: 0,
      maxDelay: DAY_MS,
      jitter: 0,
      onRetry: (_error, _attempt, delayMs) => void delays.push(delayMs),
      close: (_connection, code) => void codes.push(code),
    });
    await stay.opened();
    const comeBack = withoutNetwork();
    dispatchEvent(new Event("offline"));
    while (stay.state !== "waiting") await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual([codes, delays], [[1006], [DAY_MS]]);
    assert.equal(String(stay.error), "ConnectionClosedError: the connection closed (1006)");
    stay.send("kept");
    comeBack();
    dispatchEvent(new Event("online"));
    const connection = await stay.opened();
    assert.equal((await connection.receive())?.data, "kept");
    await stay.close();
  },
);

define("a page that wakes up does not wait any longer", async (stayConnected) => {
  const events: [EventTarget | undefined, string][] = [
    [globalThis, "pageshow"],
    [(globalThis as Partial<typeof globalThis>).document, "visibilitychange"],
  ];
  for (const [target, event] of events) {
    // A worker has no document.
    if (target === undefined) continue;
    let attempts = 0;
    const stay = stayConnected(() => (++attempts < 3 ? "/refuse" : "/echo"), {
      // The first wait is over at once, the second would take a day.
      delay: 1,
      factor: DAY_MS,
      maxDelay: DAY_MS,
      jitter: 0,
    });
    while (stay.delayMs !== DAY_MS) await new Promise((resolve) => setTimeout(resolve, 1));
    target.dispatchEvent(new Event(event));
    assert.equal((await stay.opened()).state, "open");
    await stay.close();
  }
});

define("a client that is closed leaves no listeners", async (stayConnected) => {
  const counts = new Map<string, number>();
  const count = (type: string, by: number) => counts.set(type, (counts.get(type) ?? 0) + by);
  const { addEventListener, removeEventListener } = globalThis;
  globalThis.addEventListener = ((...args: Parameters<typeof addEventListener>) => {
    count(args[0], 1);
    addEventListener.apply(globalThis, args);
  }) as typeof addEventListener;
  globalThis.removeEventListener = ((...args: Parameters<typeof removeEventListener>) => {
    count(args[0], -1);
    removeEventListener.apply(globalThis, args);
  }) as typeof removeEventListener;
  try {
    const stay = stayConnected("/echo");
    await stay.opened();
    assert.equal(counts.get("online"), 1);
    await stay.close();
    assert.deepEqual([...counts.values()], [...counts.values()].fill(0));
  } finally {
    Object.assign(globalThis, { addEventListener, removeEventListener });
  }
});

export const STAY_PAGE_CASES: readonly (typeof cases)[number][] = cases;
