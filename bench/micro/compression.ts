/**
 * Compression: messages of a server, one after the other, to payloads and back. With context takeover a message may
 * refer to those before it, and there are so many different ones that none finds itself in the window. hawser meets
 * zlib and pako in one process ("duel"), and ws, which waits for threads, in another ("others").
 */

import { messages } from "../../test/support/corpus.js";
import {
  type Coder,
  hawserCompressor,
  hawserDecompressor,
  type Maker,
  pakoCompressor,
  pakoDecompressor,
  type Setting,
  WS,
  withTail,
  wsCompressor,
  wsDecompressor,
  zlibKeptCompressor,
  zlibKeptDecompressor,
  zlibOneShotCompressor,
  zlibOneShotDecompressor,
} from "./compressors.js";
import { type Contest, check, type Field, type Rival, Sink } from "./harness.js";

export const COMPRESSION_SIZES = [200, 1024, 16_384, 65_536, 1_048_576] as const;
export const FAST = 1;
export const TIGHT = 6;
export const COMPRESSION_KINDS = ["json", "text"] as const;
type CompressionKind = (typeof COMPRESSION_KINDS)[number];

/** Bytes of all messages of a contest, or one longer message: more than two windows. */
const STREAM_LENGTH = 81_920;
/** A first look does without the longest messages, which take most of the time. */
const LONGEST_QUICK = 65_536;

/** So many connections of ws at a time: as many as the thread pool has threads. */
export const WS_PIPELINED = "ws, 4 connections";
const WS_CONNECTIONS = 4;

interface Makers {
  readonly hawser: Maker;
  readonly oneShot: Maker;
  readonly others: readonly Maker[];
  readonly ws: Maker<Promise<Uint8Array>>;
}

const COMPRESSORS: Makers = {
  hawser: hawserCompressor,
  oneShot: zlibOneShotCompressor,
  others: [zlibKeptCompressor, pakoCompressor],
  ws: wsCompressor,
};

const DECOMPRESSORS: Makers = {
  hawser: hawserDecompressor,
  oneShot: zlibOneShotDecompressor,
  others: [zlibKeptDecompressor, pakoDecompressor],
  ws: wsDecompressor,
};

/** One stream, and the way it goes through rivals. */
interface Work {
  readonly table: string;
  readonly size: number;
  readonly setting: Setting;
  readonly raw: readonly Uint8Array[];
  /** The messages compressed by zlib, if the contest decompresses. */
  readonly payloads?: readonly Uint8Array[];
}

export async function* compressionContests(field: Field, isQuick: boolean): AsyncGenerator<Contest> {
  const sizes = COMPRESSION_SIZES.filter((size) => !isQuick || size <= LONGEST_QUICK);
  // ws takes so much longer than all others that one kind of data says it.
  const kinds = field === "others" ? (["json"] as const) : COMPRESSION_KINDS;
  for (const takeover of [false, true]) {
    for (const kind of kinds) {
      for (const level of [FAST, TIGHT]) {
        for (const size of sizes) {
          const { raw, setting } = stream(kind, size, level, takeover);
          const table = compressTable(kind, level, takeover);
          yield* contest(field, { table, size, setting, raw }, COMPRESSORS);
        }
      }
      for (const size of sizes) {
        const { raw, setting } = stream(kind, size, TIGHT, takeover);
        const payloads = through(zlibKeptCompressor(setting), raw);
        const table = decompressTable(kind, takeover);
        yield* contest(field, { table, size, setting, raw, payloads }, DECOMPRESSORS);
      }
    }
  }
}

export function compressTable(kind: string, level: number, takeover: boolean): string {
  return `compress ${kind}, level ${level}${takeover ? ", context takeover" : ""}`;
}

export function decompressTable(kind: string, takeover: boolean): string {
  return `decompress ${kind}${takeover ? ", context takeover" : ""}`;
}

function stream(kind: CompressionKind, size: number, level: number, takeover: boolean) {
  const raw = messages(kind, size, Math.ceil(STREAM_LENGTH / size));
  const setting: Setting = { level, takeover, longest: Math.max(...raw.map(({ length }) => length)) };
  return { raw, setting };
}

/** Yields one contest, and closes what it opened when that was timed. */
async function* contest(field: Field, work: Work, makers: Makers): AsyncGenerator<Contest> {
  const { table, size, setting, raw } = work;
  const opened: { close(): void }[] = [];
  const open = <Coded>(make: Maker<Coded>) => {
    const coder = make(setting);
    opened.push(coder);
    return coder;
  };
  const contenders = [synchronous(open(makers.hawser), work)];
  if (field === "others") {
    const alone = oneAtATime([open(makers.ws)], WS, work);
    const coders = Array.from({ length: WS_CONNECTIONS }, () => open(makers.ws));
    contenders.push(alone, oneAtATime(coders, WS_PIPELINED, work));
  } else {
    if (!setting.takeover) contenders.push(synchronous(open(makers.oneShot), work));
    contenders.push(...makers.others.map((make) => synchronous(open(make), work)));
  }
  const rivals: Rival[] = [];
  for (const contender of contenders) rivals.push(await checked(contender, work));
  const [peer, ...morePeers] = rivals.slice(1).map(({ name }) => name);
  yield { suite: "compression", table, size, operations: raw.length, peer, morePeers, rivals };
  for (const coder of opened) coder.close();
}

/** A rival, and where its output goes: a place for each connection. */
interface Contender {
  readonly rival: Rival;
  readonly sinks: readonly Sink[];
}

/** One loop for all: the cost of its polymorphic calls is small beside the work of the called function. */
function synchronous(coder: Coder, work: Work): Contender {
  const { name, code } = coder;
  const input = inputOf(coder, work);
  const sink = new Sink();
  const run = () => {
    for (const bytes of input) sink.bytes(code(bytes));
  };
  return { rival: { name, run }, sinks: [sink] };
}

/** Each connection sends the stream, and waits for each message; connections do not wait for each other. */
function oneAtATime(coders: readonly Coder<Promise<Uint8Array>>[], name: string, work: Work): Contender {
  const sinks = coders.map(() => new Sink());
  const send = async (coder: Coder<Promise<Uint8Array>>, i: number) => {
    for (const bytes of inputOf(coder, work)) sinks[i].bytes(await coder.code(bytes));
  };
  const run = async () => {
    await Promise.all(coders.map(send));
  };
  return { rival: { name, run, isAsync: true, repeats: coders.length }, sinks };
}

function inputOf(coder: Coder<unknown>, { raw, payloads }: Work): readonly Uint8Array[] {
  if (payloads === undefined) return raw;
  return coder.wantsTail ? payloads.map(withTail) : payloads;
}

/**
 * The rival with the bytes that it makes, once its output is known to be right. The stream goes through twice: with
 * context takeover, the second time is as it is from then on.
 */
async function checked({ rival, sinks }: Contender, work: Work): Promise<Rival> {
  const { table, size, setting, raw, payloads } = work;
  const kept = sinks.map((sink): Uint8Array[] => {
    const output: Uint8Array[] = [];
    sink.kept = output as (string | Uint8Array)[];
    return output;
  });
  await rival.run();
  await rival.run();
  for (const sink of sinks) sink.kept = undefined;
  for (const output of kept) {
    const restored =
      payloads === undefined ? through(zlibKeptDecompressor(setting), output.map(withTail)) : output;
    check(`${table}, ${size} B`, rival.name, restored, [...raw, ...raw]);
  }
  const compressed = payloads ?? kept[0].slice(raw.length);
  return { ...rival, volume: { raw: total(raw), compressed: total(compressed) } };
}

/** What a coder makes of a stream. */
export function through(coder: Coder, input: readonly Uint8Array[]): Uint8Array[] {
  const output = input.map((bytes) => coder.code(bytes));
  coder.close();
  return output;
}

export function total(stream: readonly Uint8Array[]): number {
  return stream.reduce((sum, { length }) => sum + length, 0);
}
