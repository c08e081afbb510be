/**
 * Starting: what importing a package and decoding a first frame adds to a process that does nothing. Whole
 * processes, one after the other and taking turns; needs `npm run build`.
 */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median } from "./harness.js";

/** "Hello", masked: RFC 6455 §5.7. */
const FRAME = "Buffer.from('818537fa213d7f9f4d5158', 'hex')";

const SCRIPTS = {
  "an empty script": "",
  hawser: `
    import { FrameDecoder } from "hawser/codec";
    const decoder = new FrameDecoder({ role: "server" });
    decoder.push(${FRAME});
    if (!decoder.next() || decoder.text() !== "Hello") process.exit(1);`,
  "ws + bufferutil": `
    import { Receiver } from "ws";
    const receiver = new Receiver({ isServer: true });
    let text;
    receiver.on("message", (data) => { text = data.toString(); });
    receiver.write(${FRAME});
    if (text !== "Hello") process.exit(1);`,
};
const BASE = "an empty script";

export interface StartResult {
  readonly script: string;
  /** Median of whole processes, in milliseconds. */
  readonly totalMs: number;
  /** Median of the time beyond the empty script's in the same round, in milliseconds. */
  readonly addedMs: number;
}

export function measureStart(rounds: number): StartResult[] {
  const names = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[];
  for (const name of names) time(name); // files into the page cache; and each script's own check
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(turn + round) % names.length];
      times[name].push(time(name));
    }
  }
  return names.map((script) => ({
    script,
    totalMs: median(times[script]),
    addedMs: median(times[script].map((ms, round) => ms - times[BASE][round])),
  }));
}

function time(name: keyof typeof SCRIPTS): number {
  const begin = performance.now();
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", SCRIPTS[name]], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    encoding: "utf8",
  });
  const ms = performance.now() - begin;
  if (status !== 0) throw new Error(`start: ${name} gave no message\n${stderr}`);
  return ms;
}
