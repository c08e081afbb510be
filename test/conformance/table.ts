/** All cases, in the order of their numbers, and how they are run and written down. */

import { type Case, ROLES, type Verdict } from "./case.js";
import { compressionCases } from "./cases/compression.js";
import { controlCases } from "./cases/control.js";
import { fragmentCases } from "./cases/fragments.js";
import { framingCases } from "./cases/framing.js";
import { limitCases } from "./cases/limits.js";
import { utf8Cases } from "./cases/utf8.js";
import { inParallel, type Result, Runner } from "./run.js";
import type { Subject } from "./subjects.js";

/** Cases that wait on each other's turns of the event loop: more would only wait longer. */
const WIDTH = 8;

const keyOf = ({ id }: Pick<Case, "id">) => id.split(".").map((part) => part.padStart(4, "0"));

function byNumber(a: Pick<Case, "id">, b: Pick<Case, "id">): number {
  return keyOf(a).join() < keyOf(b).join() ? -1 : 1;
}

export const CASES: readonly Case[] = [
  ...framingCases(),
  ...controlCases(),
  ...fragmentCases(),
  ...utf8Cases(),
  ...limitCases(),
  ...compressionCases(),
].sort(byNumber);

export const SECTIONS: readonly (readonly [section: string, name: string])[] = [
  ["1", "framing"],
  ["2", "Pings and Pongs"],
  ["3", "reserved bits"],
  ["4", "opcodes"],
  ["5", "fragmentation"],
  ["6", "UTF-8"],
  ["7", "closing"],
  ["9", "limits and performance"],
  ["10", "long messages in fragments"],
  ["12", "compression"],
  ["13", "compression with other parameters"],
  ["H1", "request: the first line"],
  ["H2", "request: Host"],
  ["H3", "request: Upgrade and Connection"],
  ["H4", "request: key and version"],
  ["H5", "request: subprotocols and extensions"],
  ["H6", "request: Origin"],
  ["H7", "request: the head as HTTP"],
  ["R", "response"],
];

export const sectionOf = ({ id }: Pick<Case, "id">): string => id.split(".")[0];

/** Runs cases in both roles. The results are in the order of the cases, server first. */
export async function runCases(
  subject: Subject,
  cases: readonly Case[] = CASES,
  seed = 1,
  done: (result: Result) => void = () => undefined,
): Promise<Result[]> {
  const runners = { plain: new Runner(subject, false), deflate: new Runner(subject, true) };
  const jobs = cases.flatMap((one) => (one.roles ?? ROLES).map((role) => ({ one, role })));
  try {
    return await inParallel(jobs, WIDTH, async ({ one, role }) => {
      const runner = one.negotiation === undefined ? runners.plain : runners.deflate;
      const result = await runner.run(one, role, seed);
      done(result);
      return result;
    });
  } finally {
    await runners.plain.close();
    await runners.deflate.close();
  }
}

/** Results as lines: roles that did the same share one. */
export function linesOf(results: readonly Result[]): string[] {
  const lines: string[] = [];
  for (let i = 0; i < results.length; i++) {
    const { id, title, role, verdict, outcome } = results[i];
    const next = results[i + 1];
    const isSame = next?.id === id && next.verdict === verdict && next.outcome === outcome;
    if (isSame) i++;
    lines.push(`${id} ${isSame ? "both" : role} ${verdict}: ${title} → ${outcome}`);
  }
  return lines;
}

/** How many of each verdict each section has. */
export function summaryOf(results: readonly Result[]): string[] {
  const verdicts: Verdict[] = ["OK", "NON-STRICT", "FAILED"];
  const row = (name: string, own: readonly Result[]) =>
    `${name.padEnd(40)}${verdicts.map((each) => String(own.filter(({ verdict }) => verdict === each).length).padStart(12)).join("")}`;
  return [
    `${"section".padEnd(40)}${verdicts.map((each) => each.padStart(12)).join("")}`,
    ...SECTIONS.map(
      ([section, name]) => [name, section, results.filter((one) => sectionOf(one) === section)] as const,
    )
      .filter(([, , own]) => own.length > 0)
      .map(([name, section, own]) => row(`${section} ${name}`, own)),
    row("all", results),
  ];
}
