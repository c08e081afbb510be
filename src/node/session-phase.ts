/**
 * The phases of a session, and the steps between them (`SESSION_STEPS` is the same as a table):
 *
 *        new ── start ──▶ running ── end ──▶ ended
 *         │                  │                 │
 *         └──────────────────┼─────────────────┤
 *                            │                 │
 *                            ├───── lose ──────┼──▶ gone ── finish ──▶ finished
 *                            │                 │      ▲
 *                            └───── cut ───────┴──▶ cut ── lose
 *
 * A session that is new can be cut, and cannot be lost: nothing listens to its socket yet.
 */

/**
 * new: the socket is not read yet. running: it is. ended: the peer ended its side. cut: `terminate` was called. gone:
 * the socket is no more. finished: every event was delivered, `close` last.
 */
export type SessionPhase = "new" | "running" | "ended" | "cut" | "gone" | "finished";

/** end: the peer ended its side. lose: the socket is gone. */
export type SessionStep = "start" | "end" | "cut" | "lose" | "finish";

/** The phase that each step leads to. A step that is missing does not happen in that phase. */
export const SESSION_STEPS: Readonly<
  Record<SessionPhase, Readonly<Partial<Record<SessionStep, SessionPhase>>>>
> = {
  new: { start: "running", cut: "cut" },
  running: { end: "ended", cut: "cut", lose: "gone" },
  ended: { cut: "cut", lose: "gone" },
  cut: { lose: "gone" },
  gone: { finish: "finished" },
  finished: {},
};
