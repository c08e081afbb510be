/**
 * `npm run conformance`: runs the table against hawser and against `ws`, prints what each does and where they differ.
 * `-- --write` writes hawser's outcomes to the files that the tests compare with; `-- --only 6,H2` picks cases by the
 * beginning of their numbers; `-- --subject ws` runs one of the two.
 */

import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { runHandshakes } from "./handshake.js";
import { FRAMES_FILE, HANDSHAKES_FILE } from "./outcomes.js";
import type { Result } from "./run.js";
import { hawser, type Subject, ws } from "./subjects.js";
import { CASES, linesOf, runCases, summaryOf } from "./table.js";

const { values } = parseArgs({
  options: {
    write: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    subject: { type: "string", default: "hawser,ws" },
    seed: { type: "string", default: "1" },
  },
});

const prefixes = values.only.split(",").filter((one) => one !== "");
const isWanted = (id: string) =>
  prefixes.length === 0 || prefixes.some((one) => id === one || id.startsWith(`${one}.`));

async function runAll(subject: Subject): Promise<{ frames: Result[]; handshakes: Result[] }> {
  const seed = Number(values.seed);
  const frames = await runCases(
    subject,
    CASES.filter(({ id }) => isWanted(id)),
    seed,
  );
  const handshakes = await runHandshakes(subject, seed, isWanted);
  return { frames, handshakes };
}

const all = new Map<string, Result[]>();
for (const subject of [hawser, ws]) {
  if (!values.subject.split(",").includes(subject.name)) continue;
  const { frames, handshakes } = await runAll(subject);
  const results = [...frames, ...handshakes];
  all.set(subject.name, results);
  if (subject === hawser) for (const line of linesOf(results)) console.log(line);
  console.log(`\n${subject.name}\n${summaryOf(results).join("\n")}\n`);
  if (values.write && subject === hawser) {
    await writeFile(FRAMES_FILE, `${linesOf(frames).join("\n")}\n`);
    await writeFile(HANDSHAKES_FILE, `${linesOf(handshakes).join("\n")}\n`);
  }
}

const [ours, theirs] = [all.get("hawser"), all.get("ws")];
if (ours !== undefined && theirs !== undefined) {
  console.log("where ws differs from hawser:");
  ours.forEach((own, i) => {
    const other = theirs[i];
    if (own.verdict === other.verdict && (own.outcome === other.outcome || own.id.startsWith("R."))) return;
    console.log(
      `${own.id} ${own.role}: ${own.title}\n  hawser ${own.verdict}: ${own.outcome}\n  ws ${other.verdict}: ${other.outcome}`,
    );
  });
}
// Connections of clients under test may still wait for their deadlines.
process.exit(ours?.some(({ verdict }) => verdict === "FAILED") ? 1 : 0);
