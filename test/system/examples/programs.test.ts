/** The examples that need no other program: what they print. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { serve } from "../../../src/index.js";
import { root, run } from "../package/support.js";

async function outputOf(name: string): Promise<string> {
  const { stdout, stderr } = await run(process.execPath, ["--import", "tsx", `examples/${name}`], root);
  assert.equal(stderr, "");
  return stdout;
}

describe("the examples", () => {
  test("json-exchange.ts", async () => {
    assert.equal(
      await outputOf("json-exchange.ts"),
      "{ status: 'ok', channel: 'updates' }\n{ update: 1 }\n{ update: 2 }\n{ update: 3 }\n1000\n",
    );
  });

  test("reconnect.ts comes back twice, with its subscriptions", async () => {
    const output = await outputOf("reconnect.ts");
    const session = "connected\n  news of weather\n  news of tides\nclosed: 1001 \n";
    assert.equal(output.replaceAll(/^\d+ in a row.*\n/gm, ""), session.repeat(3));
    assert.match(output, /^\d+ in a row: Error: connect ECONNREFUSED .*; again in \d+ ms$/m);
  });

  test("reconnect.ts waits longer each time for a server that accepts and closes", async () => {
    let opened = 0;
    await using server = await serve({
      hostname: "127.0.0.1",
      open(connection) {
        opened++;
        connection.close(4401);
      },
    });
    const program = spawn(process.execPath, ["--import", "tsx", "examples/reconnect.ts", server.url], {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(program, "exit");
    const delays: number[] = [];
    for await (const line of createInterface(program.stdout)) {
      const [, inARow, delay] = /^(\d+) in a row: .*4401.*; again in (\d+) ms$/.exec(line) ?? [];
      if (inARow === undefined) continue;
      delays.push(Number(delay));
      assert.equal(Number(inARow), delays.length);
      assert.ok(opened <= delays.length, "none opens without a wait");
      if (delays.length === 5) program.kill("SIGINT");
    }
    await exited;
    delays.slice(0, 5).forEach((delay, i) => {
      assert.ok(delay >= 25 * 2 ** i && delay <= 50 * 2 ** i, `${i}: ${delay}`);
    });
  });

  test("stream-tokens.ts: one by one with sendNow, all at once without", async () => {
    const [, queued, now] = (await outputOf("stream-tokens.ts")).split(/^send(?:Now)?:\n/m);
    const timesOf = (text: string) => [...text.matchAll(/^ +(\d+) ms/gm)].map(([, ms]) => Number(ms));
    const spread = (times: number[]) => Math.max(...times) - Math.min(...times);
    assert.equal(timesOf(queued).length, 8);
    assert.equal(timesOf(now).length, 8);
    // Seven computations of 60 ms lie between the first token and the last one.
    assert.ok(spread(timesOf(now)) >= 300, now);
    assert.ok(spread(timesOf(queued)) < 300, queued);
  });

  test("existing-server.ts", async () => {
    assert.equal(
      await outputOf("existing-server.ts"),
      'welcome, Ada\nAda: is anyone here?\n{"connections":1}\nundefined\n',
    );
  });

  test("are all run by a test", () => {
    const run = ["decode-capture", "echo-client", "existing-server", "json-exchange", "reconnect"];
    // These, and the playground, are in tests of their own.
    const others = ["chat", "market-data", "server", "upload"];
    const names = [...run, ...others, "stream-tokens"].map((name) => `${name}.ts`);
    assert.deepEqual(readdirSync(path.join(root, "examples")).sort(), [...names, "playground"].sort());
  });
});
