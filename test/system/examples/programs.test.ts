/** The examples that need nobody else: what they print. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
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
    assert.equal(output.replaceAll(/^attempt .*\n/gm, ""), session.repeat(3));
    assert.match(output, /^attempt 1: ECONNREFUSED; the next one in \d+ ms$/m);
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
      'welcome, Ada\nAda: is anybody here?\n{"connections":1}\nundefined\n',
    );
  });

  test("are all run by a test", () => {
    const run = ["decode-capture", "echo-client", "existing-server", "json-exchange", "reconnect"];
    const names = [...run, "server", "stream-tokens"].map((name) => `${name}.ts`);
    // The playground is in tests of its own.
    assert.deepEqual(readdirSync(path.join(root, "examples")).sort(), [...names, "playground"].sort());
  });
});
