/**
 * How a writer notifies the program that there is room again (`DRAIN_STEPS` is the same as a table):
 *
 *        idle ── want ──▶ wanted ── room ──▶ due
 *         ▲                │  ▲               │ │
 *         │                │  └──── fill ─────┘ │
 *         └──── settle ────┴────────────────────┘
 */

/**
 * idle: no send found much waiting. wanted: one did, or the program waits for room. due: there is room, and the program
 * is notified in the next turn of the loop.
 */
export type DrainState = "idle" | "wanted" | "due";

/** fill: the room was used before the program was notified. settle: the program is notified, or the closing begins. */
export type DrainStep = "want" | "room" | "fill" | "settle";

/** The state that each step leads to. A step that is missing does not happen in that state. */
export const DRAIN_STEPS: Readonly<Record<DrainState, Readonly<Partial<Record<DrainStep, DrainState>>>>> = {
  idle: { want: "wanted" },
  wanted: { room: "due", settle: "idle" },
  due: { fill: "wanted", settle: "idle" },
};
