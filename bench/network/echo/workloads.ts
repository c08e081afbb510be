/** What is sent in an echo run, who echoes it, and what hawser promises. */

import type { PayloadKind } from "../../micro/payloads.js";
import { formatSize } from "../../micro/report.js";
import type { Compression } from "../deflate.js";

/** A server that sends back what it gets. */
export interface Rival {
  readonly name: string;
  /** "net" and "net + onread" echo bytes as they come, without a handshake. */
  readonly server: "net" | "net + onread" | "ws" | "hawser";
  /** Whether ws has its native addon. */
  readonly bufferUtil?: boolean;
  /** What the handler gets for text, and sends back. Default "bytes". */
  readonly text?: "string" | "bytes";
  /** hawser's option. */
  readonly borrow?: boolean;
  /** Of both directions. Default "none". */
  readonly compression?: Compression;
  /** How hard the server compresses. Default: the rival's. */
  readonly level?: number;
}

/** Ratios that hawser is to reach, in messages for a second. */
export interface Aims {
  readonly ws?: number;
  readonly net?: number;
}

export interface Workload {
  readonly name: string;
  /** "json" is different messages, one after the other, and what is compressed; others repeat a few. */
  readonly kind: PayloadKind | "json";
  /** Payload bytes of a message; of JSON about that. */
  readonly size: number;
  readonly connections: number;
  /** Messages of a connection that are on their way at a time; they are written at once. */
  readonly inFlight: number;
  readonly rivals: readonly Rival[];
  readonly aims: Aims;
}

export const isRaw = (rival: Rival) => rival.server === "net" || rival.server === "net + onread";

/** Whom the ratios are to. Both take part in every workload. */
export const WS = "ws";
export const NET = "net";

const net: Rival = { name: NET, server: "net" };
const onread: Rival = { name: "net + onread", server: "net + onread" };

const BINARY: readonly Rival[] = [
  net,
  onread,
  { name: WS, server: "ws" },
  { name: "ws + bufferutil", server: "ws", bufferUtil: true },
  { name: "hawser", server: "hawser" },
  { name: "hawser, borrow", server: "hawser", borrow: true },
];

/** What ws gives a handler is bytes, and `toString` is the handler's. */
const STRINGS: readonly Rival[] = [
  net,
  { name: WS, server: "ws", text: "string" },
  { name: "ws + bufferutil", server: "ws", text: "string", bufferUtil: true },
  { name: "hawser", server: "hawser", text: "string" },
];

const BYTES: readonly Rival[] = [
  net,
  { name: WS, server: "ws", text: "bytes" },
  { name: "ws + bufferutil", server: "ws", text: "bytes", bufferUtil: true },
  { name: "hawser", server: "hawser", text: "bytes" },
  { name: "hawser, borrow", server: "hawser", text: "bytes", borrow: true },
];

const KIB = 1024;

type Shape = readonly [size: number, connections: number, inFlight: number, aims: Aims];

const SHAPES: readonly Shape[] = [
  [16, 50, 32, { ws: 20, net: 0.75 }],
  [128, 50, 32, { ws: 20, net: 0.75 }],
  [128, 50, 1, { ws: 1.2, net: 0.92 }],
  [KIB, 500, 1, { ws: 1.5 }],
  [16 * KIB, 50, 1, { ws: 3.3, net: 1 }],
  [128 * KIB, 50, 1, { ws: 5 }],
  [KIB * KIB, 1, 1, { ws: 3.5 }],
];

/** Which of several ways to take the payload; each is a workload's first word, and `--only` finds it. */
function workloads(
  prefix: string,
  kind: Workload["kind"],
  rivals: readonly Rival[],
  shapes: readonly Shape[],
) {
  return shapes.map(([size, connections, inFlight, aims]): Workload => {
    const name = `${prefix}, ${formatSize(size)} x ${connections} x ${inFlight}`;
    return { name, kind, size, connections, inFlight, rivals, aims };
  });
}

/** ws compresses only long messages unless told otherwise, and hawser from 32 bytes on: here both do all. */
const COMPRESSED: readonly Rival[] = [
  net,
  { name: WS, server: "ws", compression: "takeover" },
  // hawser's level.
  { name: "ws, level 1", server: "ws", compression: "takeover", level: 1 },
  { name: "uncompressed: ws", server: "ws" },
  { name: "hawser", server: "hawser", compression: "takeover" },
  { name: "hawser, text as strings", server: "hawser", text: "string", compression: "takeover" },
  { name: "hawser, borrow", server: "hawser", borrow: true, compression: "takeover" },
  { name: "uncompressed: hawser", server: "hawser" },
];

const COMPRESSED_ALONE: readonly Rival[] = [
  net,
  { name: WS, server: "ws", compression: "alone" },
  { name: "hawser", server: "hawser", compression: "alone" },
];

const JSON_SHAPES: readonly Shape[] = [
  [200, 50, 1, { ws: 8 }],
  [200, 50, 32, { ws: 8 }],
  [KIB, 50, 1, { ws: 6 }],
  [16 * KIB, 50, 1, { ws: 1.5 }],
];

const MULTIBYTE: readonly Shape[] = [[16 * KIB, 50, 1, { ws: 3 }]];

export const WORKLOADS: readonly Workload[] = [
  ...workloads("binary", "binary", BINARY, SHAPES),
  ...workloads(
    "ASCII text as strings",
    "ascii",
    // The bytes beside them show what the strings cost; for ratios ws makes strings.
    [...STRINGS, { name: "hawser, text as bytes", server: "hawser", text: "bytes" }],
    SHAPES.map(([size, connections, inFlight]): Shape => [size, connections, inFlight, {}]),
  ),
  ...workloads("multibyte text as bytes", "multibyte", BYTES, MULTIBYTE),
  ...workloads("multibyte text as strings", "multibyte", STRINGS, MULTIBYTE),
  ...workloads("compressed JSON", "json", COMPRESSED, JSON_SHAPES),
  ...workloads(
    "compressed JSON without context takeover",
    "json",
    COMPRESSED_ALONE,
    JSON_SHAPES.map(([size, connections, inFlight]): Shape => [size, connections, inFlight, {}]),
  ),
];
