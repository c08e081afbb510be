/** The examples with topics, beside the same programs with ws: they do the same, and ours are shorter. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { describe, type TestContext, test } from "node:test";
import { type Connection, connect, HandshakeError } from "../../../src/index.js";
import { root } from "../package/support.js";

/** Starts a program and resolves with the URL that it prints. */
async function start(t: TestContext, file: string): Promise<string> {
  const program = spawn(process.execPath, ["--import", "tsx", file], {
    cwd: root,
    env: { ...process.env, PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(program, "exit");
  t.after(async () => {
    program.kill("SIGKILL");
    await exited;
  });
  const [url] = (await once(createInterface(program.stdout), "line")) as [string];
  return url;
}

/** A program's lines that are code. */
function linesOf(file: string): number {
  return readFileSync(path.join(root, file), "utf8")
    .replaceAll(/^\s*(?:\/\*\*?[\s\S]*?\*\/|\/\/.*)\n/gm, "")
    .split("\n")
    .filter((line) => line.trim() !== "").length;
}

const next = async (connection: Connection) => `${(await connection.receive())?.data}`;

for (const file of ["examples/chat.ts", "test/system/examples/ws/chat.ts"]) {
  test(`${file} has rooms`, async (t) => {
    const url = await start(t, file);
    const join = async (where: string) => {
      const connection = await connect(`${url}${where}`);
      t.after(() => connection.terminate());
      return connection;
    };
    const ada = await join("/harbour?name=Ada");
    assert.equal(await next(ada), "1 here");
    const grace = await join("/harbour?name=Grace");
    assert.equal(await next(grace), "2 here");
    assert.equal(await next(ada), "Grace came");
    const other = await join("/quay?name=Edsger");
    assert.equal(await next(other), "1 here");
    ada.send("hello");
    for (const one of [ada, grace]) assert.equal(await next(one), "Ada: hello");
    await grace.close();
    assert.equal(await next(ada), "Grace left");
    other.send("alone?");
    assert.equal(await next(other), "Edsger: alone?");
    await assert.rejects(
      connect(`${url}/harbour`),
      (error) => error instanceof HandshakeError && error.status === 400,
    );
  });
}

for (const file of ["examples/market-data.ts", "test/system/examples/ws/market-data.ts"]) {
  test(`${file} sends the prices that were asked for`, async (t) => {
    const client = await connect(await start(t, file));
    t.after(() => client.terminate());
    client.send("NOTHING");
    assert.deepEqual(JSON.parse(await next(client)), { error: "there is no NOTHING" });
    client.send("ACME");
    client.send("ROPE");
    const seen = new Set<string>();
    for (let i = 0; i < 50 || seen.size < 2; i++) {
      const { share, price } = JSON.parse(await next(client));
      assert.match(price, /^\d+\.\d\d$/);
      seen.add(share);
    }
    assert.deepEqual([...seen].sort(), ["ACME", "ROPE"]);
  });
}

describe("the examples with topics", () => {
  for (const name of ["chat.ts", "market-data.ts"]) {
    test(`${name} is shorter than with ws`, (t) => {
      const [ours, theirs] = [linesOf(`examples/${name}`), linesOf(`test/system/examples/ws/${name}`)];
      t.diagnostic(`${ours} lines of code, ${theirs} with ws`);
      assert.ok(ours < theirs, `${ours} lines, ${theirs} with ws`);
    });
  }
});
