/** Our WebSocket and WebSocketStream against Chromium's own: the same cases, equal logs. */

import assert from "node:assert/strict";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { build } from "esbuild";
import { WebSocket, WebSocketError, WebSocketStream } from "../../src/node/index.js";
import { newPage, skip } from "../support/peers/chromium.js";
import { runCases, WEB_SOCKET_CASES } from "../support/web-socket/cases.js";
import { type CaseServer, serveCases } from "../support/web-socket/server.js";
import { STREAM_CASES } from "../support/web-socket/stream-cases.js";
import { root } from "../system/package/support.js";

type Logs = Record<string, string[]>;

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path.join(root, "test/support/web-socket/page.ts")],
    ...{
      bundle: true,
      platform: "browser",
      format: "esm",
      target: "es2022",
      logLevel: "error",
      write: false,
    },
  });
  return outputFiles[0].text;
}

const OPTIONS = { skip, timeout: 240_000 };

describe("compared with Chromium", OPTIONS, () => {
  let server: CaseServer;
  let code = "";

  before(async () => {
    code = await bundle();
    server = await serveCases(({ url }, response) => {
      const isScript = url === "/cases.js";
      response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
      response.end(isScript ? code : "<!doctype html><meta charset=utf-8><link rel=icon href=data:,>");
    });
  });
  after(() => server.close());

  const inChromium = async (run: "runWebSockets" | "runStreams"): Promise<Logs> => {
    const page = await newPage(server.origin);
    try {
      return await page.evaluate(
        async ([name, base]) => (await import(`${location.origin}/cases.js`))[name](base),
        [run, server.origin.replace("http", "ws")] as const,
      );
    } finally {
      await page.context().close();
    }
  };

  /** Every case that differs, in one assertion: they run in one page. */
  const compare = (ours: Logs, theirs: Logs, count: number) => {
    assert.equal(Object.keys(ours).length, count);
    const differences = Object.keys(ours)
      .filter((name) => ours[name].join() !== theirs[name].join())
      .map((name) => ({ name, ours: ours[name], theirs: theirs[name] }));
    assert.equal(JSON.stringify(differences, undefined, 1), "[]");
  };

  it(`WebSocket: ${WEB_SOCKET_CASES.length} cases`, async () => {
    assert.ok(WEB_SOCKET_CASES.length >= 80);
    const base = server.origin.replace("http", "ws");
    const mine = WebSocket as unknown as typeof globalThis.WebSocket;
    const ours = await runCases(WEB_SOCKET_CASES, { WebSocket: mine, base });
    compare(ours, await inChromium("runWebSockets"), WEB_SOCKET_CASES.length);
  });

  it(`WebSocketStream: ${STREAM_CASES.length} cases`, async () => {
    const base = server.origin.replace("http", "ws");
    const ours = await runCases(STREAM_CASES, { WebSocketStream, WebSocketError, base });
    compare(ours, await inChromium("runStreams"), STREAM_CASES.length);
  });
});
