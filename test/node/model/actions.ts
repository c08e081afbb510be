/** Events that can happen to a connection, as values that fast-check makes and shrinks. */

import fc from "fast-check";
import type { PeerSends } from "./peer.js";

export type SendKind = "text" | "binary" | "bytes as text" | "uncopied" | "prepared" | "now" | "blob";

/** What a program does, in a handler or outside. */
export type Call =
  | { readonly do: "send"; readonly kind: SendKind; readonly size: number }
  | { readonly do: "part"; readonly type: "text" | "binary"; readonly final: boolean; readonly size: number }
  | { readonly do: "blob"; readonly isGood: boolean }
  | { readonly do: "ping" | "sendPing" | "sendPong" | "flush" | "pause" | "resume" }
  | { readonly do: "receive" | "abort" | "tryReceive" | "drained" | "terminate" | "handlers" }
  | { readonly do: "close"; readonly code: number };

/** What a handler does when it is called. */
export type Reaction =
  | Call
  | { readonly do: "echo" }
  | { readonly do: "transfer" }
  | { readonly do: "throw" }
  | { readonly do: "reject" };

export type HandlerName = "open" | "message" | "ping" | "pong" | "drain" | "error" | "close";

export type Action =
  | Call
  | {
      readonly do: "peer";
      readonly sends: PeerSends;
      readonly size: number;
      readonly leave: number;
      readonly piece: number;
    }
  | { readonly do: "answer" | "rest" | "end" }
  | { readonly do: "hold" | "step" | "letGo" | "destroy" | "fail" }
  | { readonly do: "react"; readonly to: HandlerName; readonly by: Reaction }
  | { readonly do: "tick" | "turn" };

/** How a connection is made, and how it ends if nothing ended it before. */
export interface Setup {
  readonly role: "server" | "client";
  readonly handles: boolean;
  /** Whether the message handler sends each message back, if it does nothing else. */
  readonly echoes: boolean;
  readonly borrow: boolean;
  readonly compresses: boolean;
  readonly deliverWhileClosing: boolean;
  readonly highWaterMark: number;
  readonly maxBufferedAmount: number;
  readonly onOverflow: "close" | "drop" | "throw";
  readonly pauseReadingAt: number;
  readonly maxTurnSize: number;
  readonly maxTurnMs: number;
  readonly transportMark: number;
  /** What the open handler does. */
  readonly opened: Reaction;
  readonly ending: "peer closes" | "we close" | "terminate" | "destroy" | "fail" | "end";
}

const weighted = <T>(...choices: [weight: number, value: T][]): fc.Arbitrary<T> =>
  fc.oneof(...choices.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));

const size = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 3, arbitrary: fc.integer({ min: 41, max: 700 }) },
  { weight: 1, arbitrary: fc.constantFrom(5000, 20_000) },
);

const send: fc.Arbitrary<Call> = fc.record({
  do: fc.constant("send" as const),
  kind: weighted<SendKind>(
    [6, "text"],
    [3, "binary"],
    [2, "bytes as text"],
    [2, "uncopied"],
    [2, "prepared"],
    [3, "now"],
    [1, "blob"],
  ),
  size,
});

const part: fc.Arbitrary<Call> = fc.record({
  do: fc.constant("part" as const),
  type: weighted<"text" | "binary">([3, "text"], [1, "binary"]),
  final: fc.boolean(),
  size,
});

const close: fc.Arbitrary<Call> = fc.record({
  do: fc.constant("close" as const),
  code: fc.constantFrom(1000, 3000, 1005, 1006, 1004, 999),
});

const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 10, arbitrary: send },
  { weight: 4, arbitrary: part },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("blob" as const), isGood: fc.boolean() }) },
  {
    weight: 12,
    arbitrary: fc
      .constantFrom(
        ...(["ping", "sendPing", "sendPong", "flush", "pause", "resume", "resume"] as const),
        ...(["receive", "abort", "tryReceive", "tryReceive", "drained"] as const),
      )
      .map((what) => ({ do: what })),
  },
  { weight: 1, arbitrary: close },
  {
    weight: 1,
    arbitrary: weighted([1, "terminate" as const], [2, "handlers" as const]).map((what) => ({ do: what })),
  },
);

const reaction: fc.Arbitrary<Reaction> = fc.oneof(
  { weight: 6, arbitrary: call },
  {
    weight: 5,
    arbitrary: weighted<Reaction>(
      [2, { do: "echo" }],
      [3, { do: "transfer" }],
      [1, { do: "throw" }],
      [1, { do: "reject" }],
      [1, { do: "pause" }],
      [1, { do: "terminate" }],
    ),
  },
  { weight: 1, arbitrary: close },
);

const peer: fc.Arbitrary<Action> = fc.record({
  do: fc.constant("peer" as const),
  sends: weighted<PeerSends>(
    [10, "text"],
    [4, "binary"],
    [3, "fragments"],
    [4, "compressed"],
    [2, "burst"],
    [4, "ping"],
    [1, "pong"],
    [1, "close"],
    [1, "violation"],
  ),
  size,
  leave: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 20 }) },
    { weight: 1, arbitrary: fc.constant(Infinity) },
  ),
  piece: weighted([3, Infinity], [1, 1], [1, 7]),
});

export const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 18, arbitrary: peer },
  { weight: 18, arbitrary: call },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("react" as const),
      to: weighted<HandlerName>(
        [10, "message"],
        [3, "ping"],
        [1, "pong"],
        [3, "drain"],
        [1, "error"],
        [1, "close"],
      ),
      by: reaction,
    }),
  },
  {
    weight: 14,
    arbitrary: weighted([2, "tick" as const], [5, "turn" as const]).map((what) => ({ do: what })),
  },
  {
    weight: 7,
    arbitrary: weighted([4, "hold" as const], [1, "step" as const], [2, "letGo" as const]).map((what) => ({
      do: what,
    })),
  },
  {
    weight: 3,
    arbitrary: weighted([4, "answer" as const], [5, "rest" as const], [1, "end" as const]).map((what) => ({
      do: what,
    })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("destroy" as const, "fail" as const).map((what) => ({ do: what })),
  },
);

export const setup: fc.Arbitrary<Setup> = fc.record({
  role: fc.constantFrom("server", "client"),
  handles: weighted([2, true], [1, false]),
  echoes: fc.boolean(),
  borrow: fc.boolean(),
  compresses: weighted([1, true], [2, false]),
  deliverWhileClosing: weighted([1, true], [3, false]),
  highWaterMark: fc.constantFrom(0, 1, 300, 5000, 0x10000),
  maxBufferedAmount: weighted([1, 200], [1, 3000], [4, 1 << 24]),
  onOverflow: fc.constantFrom("close", "drop", "throw"),
  pauseReadingAt: fc.constantFrom(0, 400, 3000, 1 << 20, Infinity),
  maxTurnSize: fc.constantFrom(1, 100, 3000, 1 << 20),
  maxTurnMs: weighted([1, 0], [2, Infinity]),
  transportMark: fc.constantFrom(0, 1, 500, 16_384, 1 << 20),
  opened: fc.oneof(
    { weight: 12, arbitrary: fc.constant({ do: "resume" as const }) },
    { weight: 1, arbitrary: reaction },
  ),
  ending: fc.constantFrom("peer closes", "we close", "terminate", "destroy", "fail", "end"),
});
