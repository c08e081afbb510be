/**
 * The phases of an endpoint, and the steps between them (`TRANSITIONS` is the same as a table):
 *
 *                 sendClose                    receiveClose
 *        open ───────────────▶ close-sent ─────────────────▶ close-exchanged
 *         │                                                        ▲
 *         │ receiveClose                       sendClose           │
 *         └──────────────────▶ close-received ─────────────────────┘
 *
 *        each of these ── fail ──▶ failed        each of these, and failed ── end ──▶ ended
 */

/** open: messages go both ways. closing: a Close was sent or received (§7.1.3). closed: the transport ended. */
export type EndpointState = "open" | "closing" | "closed";

/** How far the closing of a connection has come. */
export type EndpointPhase = "open" | "close-sent" | "close-received" | "close-exchanged" | "failed" | "ended";

export type Step = "sendClose" | "receiveClose" | "fail" | "end";

/** The phase that each step leads to. A step that is missing does not happen in that phase. */
export const TRANSITIONS: Readonly<Record<EndpointPhase, Readonly<Partial<Record<Step, EndpointPhase>>>>> = {
  open: { sendClose: "close-sent", receiveClose: "close-received", fail: "failed", end: "ended" },
  "close-sent": { receiveClose: "close-exchanged", fail: "failed", end: "ended" },
  "close-received": { sendClose: "close-exchanged", fail: "failed", end: "ended" },
  "close-exchanged": { fail: "failed", end: "ended" },
  failed: { end: "ended" },
  ended: {},
};
