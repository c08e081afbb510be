/**
 * `npm run fuzz -- --target decoder --seconds 60`: inputs are changed, and those that reach something new are kept and
 * changed further. Targets: decoder, inflate, handshake, endpoint; without one, each has its share of the time.
 * `-- --write` adds the kept inputs to the committed corpus; `-- --seed N` repeats a run.
 *
 * An input that fails is printed in hexadecimal, made shorter, and the run ends with 1.
 */

import { parseArgs } from "node:util";
import { toHex } from "../support/hex.js";
import { randomNumbers } from "../support/property.js";
import { readCorpus, writeCorpus } from "./corpus.js";
import { Guide } from "./guide.js";
import { mutate } from "./mutate.js";
import { TARGETS, type Target } from "./targets.js";

const { values } = parseArgs({
  options: {
    target: { type: "string", default: TARGETS.map(({ name }) => name).join(",") },
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() | 0) },
    write: { type: "boolean", default: false },
  },
});

/** Inputs between two looks at the coverage, which take long. If they reached something, each is run again, alone. */
const BATCH = 40;
const PROGRESS_MS = 10_000;

/** The error of an input that fails. */
function failureOf(target: Target, input: Uint8Array): Error | undefined {
  try {
    target.run(input.slice());
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** A shorter input that fails too. */
function shorten(target: Target, input: Uint8Array): Uint8Array {
  let best = input;
  for (let size = Math.max(1, best.length >> 1); size >= 1; size >>= 1) {
    for (let at = 0; at < best.length; ) {
      const shorter = Uint8Array.from([...best.subarray(0, at), ...best.subarray(at + size)]);
      if (shorter.length < best.length && failureOf(target, shorter) !== undefined) best = shorter;
      else at += size;
    }
  }
  return best;
}

/** Those that are needed to reach what all reach, short ones first. */
function minimized(target: Target, corpus: readonly Uint8Array[]): Uint8Array[] {
  const guide = new Guide(guides(target));
  try {
    return corpus
      .toSorted((a, b) => a.length - b.length)
      .filter((input) => {
        target.run(input.slice());
        return guide.look() > 0;
      });
  } finally {
    guide.close();
  }
}

const guides = (target: Target) => (url: string) =>
  /\/src\//.test(url) || (target.guides?.test(url) ?? false);

/** Fuzzes one target. @returns whether nothing failed. */
function fuzz(target: Target, seconds: number, seed: number): boolean {
  const random = randomNumbers(seed);
  const guide = new Guide(guides(target));
  const corpus: Uint8Array[] = [];
  let executions = 0;
  const fail = (input: Uint8Array, error: Error): false => {
    const short = shorten(target, input);
    console.error(`${target.name}: ${toHex(short)}\n${failureOf(target, short)?.stack ?? error.stack}`);
    console.error(`seed ${seed}, execution ${executions}`);
    return false;
  };
  try {
    const committed = readCorpus(target.name);
    for (const input of [...target.seeds, ...committed]) {
      executions++;
      const error = failureOf(target, input);
      if (error !== undefined) return fail(input, error);
      if (guide.look() > 0) corpus.push(input);
    }
    const first = guide.count;
    const end = Date.now() + seconds * 1000;
    let reported = Date.now();
    while (Date.now() < end) {
      const inputs = Array.from({ length: BATCH }, () => {
        const parent =
          corpus[
            random() & 1
              ? random() % corpus.length
              : corpus.length - 1 - (random() % Math.min(8, corpus.length))
          ];
        return mutate(parent, corpus[random() % corpus.length], target, random);
      });
      for (const input of inputs) {
        executions++;
        const error = failureOf(target, input);
        if (error !== undefined) return fail(input, error);
      }
      if (guide.hasNew()) {
        for (const input of inputs) {
          target.run(input.slice());
          if (guide.look() > 0) corpus.push(input);
        }
        guide.forgive();
      }
      if (Date.now() - reported > PROGRESS_MS) {
        reported = Date.now();
        console.log(
          `${target.name}: ${executions} executions, ${corpus.length} inputs, ${guide.count} branches`,
        );
      }
    }
    console.log(
      `${target.name}: ${executions} executions in ${seconds} s, ${guide.count} branches (${guide.count - first} new), ` +
        `${corpus.length} inputs, nothing failed; seed ${seed}`,
    );
  } finally {
    guide.close();
  }
  if (values.write) writeCorpus(target.name, minimized(target, corpus));
  return true;
}

const names = values.target.split(",");
const wanted = TARGETS.filter(({ name }) => names.includes(name));
if (wanted.length < names.length)
  throw new Error(`targets are ${TARGETS.map(({ name }) => name).join(", ")}`);
// What most inputs end in is an error: its stack would cost most of the time.
Error.stackTraceLimit = 5;
const passed = wanted.map((target) =>
  fuzz(target, Number(values.seconds) / wanted.length, Number(values.seed)),
);
process.exitCode = passed.every(Boolean) ? 0 : 1;
