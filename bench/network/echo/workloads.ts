/** The workloads of an echo run, and its rivals. `aims.ts` has the targets. */

import type { PayloadKind } from "../../micro/payloads.js";
import { formatSize } from "../../micro/report.js";
import type { Compression } from "../deflate.js";

/** A server that sends back what it gets; where clients are measured, a client. */
export interface Rival {
  readonly name: string;
  /** "net" and "net + onread" echo bytes as they come, without a handshake. */
  readonly library: "net" | "net + onread" | "ws" | "hawser" | "hawser/ws" | "Bun" | "uWebSockets.js";
  /** Whether ws has its native addon. */
  readonly bufferUtil?: boolean;
  /** What the handler gets for text, and sends back. Default "bytes". */
  readonly text?: "string" | "bytes";
  /** hawser's option. */
  readonly borrow?: boolean;
  /** Whether the handler gives `send` the message as it came. */
  readonly forward?: boolean;
  /** Of both directions. Default "none". */
  readonly compression?: Compression;
  /** How hard the server compresses. Default: the rival's. */
  readonly level?: number;
  /** Whether a run goes on without it, where it is missing or does not echo. */
  readonly isOptional?: boolean;
}

export interface Workload {
  readonly name: string;
  /** Whose time is measured: servers that echo, or clients that send. */
  readonly measured: "servers" | "clients";
  /** "json" is a sequence of different messages, for compression; the other kinds repeat a few. */
  readonly kind: PayloadKind | "json";
  /** Payload bytes of a message; of JSON about that. */
  readonly size: number;
  readonly connections: number;
  /** Messages of a connection that are on their way at a time; they are written at once. */
  readonly inFlight: number;
  readonly rivals: readonly Rival[];
}

export const isRaw = ({ library }: Rival) => library === "net" || library === "net + onread";

/** What clients send that are measured: every message has it. */
export function payloadOf({ size }: Workload): Buffer {
  return Buffer.alloc(size, "hawser");
}

/** Whom the ratios of the tables are to: it takes part in every workload. */
export const WS = "ws";
/** The least that a server on Node can do: the load is compared with it. */
export const ONREAD = "net + onread";
export const BUFFERUTIL = "ws + bufferutil";
export const BUN = "Bun";
export const UWS = "uWebSockets.js";
export const HAWSER = "hawser";
export const FACE = "hawser/ws";

const net: Rival = { name: "net", library: "net" };
const onread: Rival = { name: ONREAD, library: "net + onread" };

const FOREIGN: readonly Rival[] = [
  { name: BUN, library: "Bun", isOptional: true },
  { name: UWS, library: "uWebSockets.js", isOptional: true },
];

const BINARY: readonly Rival[] = [
  net,
  onread,
  { name: WS, library: "ws" },
  { name: BUFFERUTIL, library: "ws", bufferUtil: true },
  ...FOREIGN,
  { name: HAWSER, library: "hawser" },
  { name: FACE, library: "hawser/ws" },
  { name: "hawser, forwarding", library: "hawser", forward: true, isOptional: true },
  { name: "hawser, borrow", library: "hawser", borrow: true },
  { name: "hawser, borrow, forwarding", library: "hawser", borrow: true, forward: true, isOptional: true },
];

/** What ws gives a handler is bytes, and `toString` is the handler's. */
const STRINGS: readonly Rival[] = [
  onread,
  { name: WS, library: "ws", text: "string" },
  { name: BUFFERUTIL, library: "ws", text: "string", bufferUtil: true },
  ...FOREIGN.map((rival): Rival => ({ ...rival, text: "string" })),
  { name: "hawser", library: "hawser", text: "string" },
  { name: FACE, library: "hawser/ws", text: "string" },
];

const BYTES: readonly Rival[] = [
  onread,
  { name: WS, library: "ws", text: "bytes" },
  { name: BUFFERUTIL, library: "ws", text: "bytes", bufferUtil: true },
  { name: UWS, library: "uWebSockets.js", text: "bytes", isOptional: true },
  { name: "hawser", library: "hawser", text: "bytes" },
  { name: FACE, library: "hawser/ws", text: "bytes" },
  { name: "hawser, borrow", library: "hawser", text: "bytes", borrow: true },
];

/** ws compresses only long messages unless told otherwise, and hawser from 32 bytes on: here both do all. */
const COMPRESSED: readonly Rival[] = [
  net,
  { name: WS, library: "ws", compression: "takeover" },
  // hawser's level.
  { name: "ws, level 1", library: "ws", compression: "takeover", level: 1 },
  { name: "uncompressed: ws", library: "ws" },
  { name: "hawser", library: "hawser", compression: "takeover" },
  { name: FACE, library: "hawser/ws", compression: "takeover" },
  { name: "hawser, text as strings", library: "hawser", text: "string", compression: "takeover" },
  { name: "hawser, borrow", library: "hawser", borrow: true, compression: "takeover" },
  { name: "uncompressed: hawser", library: "hawser" },
];

const COMPRESSED_ALONE: readonly Rival[] = [
  net,
  { name: WS, library: "ws", compression: "alone" },
  { name: "hawser", library: "hawser", compression: "alone" },
];

/** Clients, which mask what they send; "net" writes frames that were masked before. */
const CLIENTS: readonly Rival[] = [
  net,
  { name: WS, library: "ws" },
  { name: BUFFERUTIL, library: "ws", bufferUtil: true },
  { name: "hawser", library: "hawser" },
];

const KIB = 1024;

type Shape = readonly [size: number, connections: number, inFlight: number];

const SHAPES: readonly Shape[] = [
  [16, 50, 32],
  [128, 50, 32],
  [128, 50, 1],
  [KIB, 500, 1],
  [16 * KIB, 50, 1],
  [128 * KIB, 50, 1],
  [KIB * KIB, 1, 1],
];

const PIPELINED: readonly Shape[] = SHAPES.slice(0, 2);

const TEXT: readonly Shape[] = [...PIPELINED, [16 * KIB, 50, 1]];

const MULTIBYTE: readonly Shape[] = [[16 * KIB, 50, 1]];

const JSON_SHAPES: readonly Shape[] = [
  [200, 50, 1],
  [200, 50, 32],
  [KIB, 50, 1],
  [16 * KIB, 50, 1],
];

/** The prefix is a workload's first words, and `--only` finds them. */
function workloads(
  prefix: string,
  kind: Workload["kind"],
  rivals: readonly Rival[],
  shapes: readonly Shape[],
  measured: Workload["measured"] = "servers",
) {
  return shapes.map(([size, connections, inFlight]): Workload => {
    const name = `${prefix}, ${formatSize(size)} x ${connections} x ${inFlight}`;
    return { name, measured, kind, size, connections, inFlight, rivals };
  });
}

export const WORKLOADS: readonly Workload[] = [
  ...workloads("binary", "binary", BINARY, SHAPES),
  ...workloads(
    "ASCII text as strings",
    "ascii",
    // The bytes beside them show what the strings cost; for ratios ws makes strings.
    [...STRINGS, { name: "hawser, text as bytes", library: "hawser", text: "bytes" }],
    TEXT,
  ),
  ...workloads("multibyte text as strings", "multibyte", STRINGS, MULTIBYTE),
  ...workloads("multibyte text as bytes", "multibyte", BYTES, MULTIBYTE),
  ...workloads("clients sending", "binary", CLIENTS, PIPELINED, "clients"),
  ...workloads("compressed JSON", "json", COMPRESSED, JSON_SHAPES),
  ...workloads("compressed JSON without context takeover", "json", COMPRESSED_ALONE, JSON_SHAPES),
];
