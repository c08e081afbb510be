/** The two programs of docs/ws-migration.md: the same client gets the same from both. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { WebSocket } from "ws";
import { createFolder, removeFolder, root } from "../system/package/support.js";

const text = readFileSync(path.join(root, "docs/ws-migration.md"), "utf8");
const programs = [...text.matchAll(/^```ts check\n([\s\S]*?)^```$/gm)].map(([, code]) => code);
const sourceOf = (file: string) => JSON.stringify(new URL(`../../src/${file}`, import.meta.url).href);

/** What clients of a program see, and how it ends. */
async function play(file: string, folder: string): Promise<unknown[]> {
  const args = ["--import", import.meta.resolve("tsx"), file];
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, PORT: "0" },
    stdio: "pipe",
  });
  try {
    const [line] = await once(createInterface(child.stdout), "line");
    const port = Number(/port: (\d+)/.exec(line)?.[1]);
    const log: unknown[] = [];
    const get = async (place: string) => {
      const [response] = await once(http.get(`http://127.0.0.1:${port}${place}`), "response");
      let body = "";
      for await (const chunk of response) body += chunk;
      return [response.statusCode, body];
    };
    const join = async (query: string) => {
      const client = new WebSocket(`ws://127.0.0.1:${port}/chat?${query}`);
      const heard: string[] = [];
      const closed = new Promise((resolve) =>
        client.on("close", (code, reason) => resolve([code, String(reason)])),
      );
      const hear = async (count: number) => {
        while (heard.length < count) await once(client, "message");
        return heard.splice(0, count);
      };
      client.on("message", (data) => heard.push(String(data)));
      await once(client, "open");
      return { client, hear, closed };
    };

    const stranger = new WebSocket(`ws://127.0.0.1:${port}/chat`);
    const [error] = await once(stranger, "error");
    log.push(error.message);
    const ann = await join("name=ann&room=a");
    log.push(await ann.hear(1));
    const bob = await join("name=bob&room=a");
    log.push(await ann.hear(1), await bob.hear(1));
    const carl = await join("name=carl&room=b");
    log.push(await carl.hear(1), await get("/health"), await get("/else"));
    bob.client.send('{"text":"hello"}');
    log.push(await ann.hear(1), await bob.hear(1));
    bob.client.send("no JSON");
    log.push(await bob.closed, await ann.hear(1));
    carl.client.send(Buffer.from("bytes"));
    log.push(await carl.closed);
    ann.client.send(JSON.stringify({ text: "x".repeat(70_000) }));
    const [code] = (await ann.closed) as [number];
    log.push(code);
    const dora = await join("name=dora");
    log.push(await dora.hear(1));
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    log.push(await dora.closed, (await exited)[0]);
    return log;
  } finally {
    child.kill("SIGKILL");
  }
}

describe("the server in both", () => {
  let folder = "";
  before(async () => {
    const [withWs, withHawser] = programs.map((code) =>
      code.replace('"hawser/ws"', sourceOf("ws/index.ts")).replace('"hawser"', sourceOf("index.ts")),
    );
    folder = await createFolder({
      "package.json": { type: "module" },
      "ws.ts": withWs,
      "hawser.ts": withHawser,
    });
  });
  after(() => removeFolder(folder));

  test("is shorter with hawser's own API", () => {
    const [withWs, withHawser] = programs.map((code) => code.trimEnd().split("\n").length);
    assert.equal(programs.length, 2);
    assert.ok(withHawser < withWs * 0.7, `${withHawser} and ${withWs} lines`);
  });

  test("does the same", async () => {
    const withWs = await play("ws.ts", folder);
    assert.deepEqual(withWs, [
      "Unexpected server response: 401",
      ['{"joined":"ann"}'],
      ['{"joined":"bob"}'],
      ['{"joined":"bob"}'],
      ['{"joined":"carl"}'],
      [200, "3 connected"],
      [404, ""],
      ['{"from":"bob","text":"hello"}'],
      ['{"from":"bob","text":"hello"}'],
      [1007, "JSON only"],
      ['{"left":"bob"}'],
      [1003, "text only"],
      1009,
      ['{"joined":"dora"}'],
      [1001, "restart"],
      0,
    ]);
    assert.deepEqual(await play("hawser.ts", folder), withWs);
  });
});
