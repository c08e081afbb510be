/**
 * Interoperability with a browser: Chromium's WebSocket, on a page that our server serves. Needs Chromium, such as
 * Debian's package of that name; CHROMIUM says where it is if not there.
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { after, describe, test } from "node:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { serve } from "../../src/node/index.js";
import { testInterop } from "../support/interop.js";
import type { Closing, Payload, Peer, PeerConnection } from "../support/peer.js";

const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";
const skip = existsSync(EXECUTABLE) ? false : `there is no ${EXECUTABLE}`;

/** In a container, as root, without anything that asks the network for something else. */
const ARGUMENTS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking " +
  "--disable-component-update --disable-sync";

type Encoded = { readonly text: string } | { readonly bytes: string };

/** What test/support/page.js puts into the page. */
interface PagePeer {
  open(url: string, protocols: readonly string[]): Promise<{ number: number; protocol: string }>;
  send(number: number, message: Encoded): void;
  receive(number: number): Promise<Encoded>;
  close(number: number, code?: number, reason?: string): void;
  closed(number: number): Promise<Closing>;
}

declare const hawserPeer: PagePeer;

let browser: Promise<Browser> | undefined;

after(async () => {
  await (await browser)?.close();
});

/** A page that our server gave, with the peer in it. */
async function openPage(url: string): Promise<Page> {
  browser ??= chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS.split(" ") });
  const context = await (await browser).newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(url.replace(/^ws/, "http"));
  await page.addScriptTag({
    content: await readFile(new URL("../support/page.js", import.meta.url), "utf8"),
  });
  return page;
}

function encode(payload: Payload): Encoded {
  return typeof payload === "string" ? { text: payload } : { bytes: Buffer.from(payload).toString("base64") };
}

async function connect(page: Page, url: string, protocols: readonly string[] = []): Promise<PeerConnection> {
  const { number, protocol } = await page.evaluate(([to, offered]) => hawserPeer.open(to, offered), [
    url,
    protocols,
  ] as const);
  const closed = page.evaluate((n) => hawserPeer.closed(n), number);
  // It rejects when the page goes before.
  closed.catch(() => undefined);
  return {
    protocol,
    closed,
    send: (message) =>
      page.evaluate(([n, sent]) => hawserPeer.send(n, sent), [number, encode(message)] as const),
    async receive() {
      const received = await page.evaluate((n) => hawserPeer.receive(n), number);
      return "text" in received ? received.text : Buffer.from(received.bytes, "base64");
    },
    close: (code, reason) =>
      page.evaluate(([n, c, r]) => hawserPeer.close(n, c, r), [number, code, reason] as const),
    release: () => page.context().close(),
  };
}

const peer: Peer = {
  name: "Chromium",
  connect: async (url, { protocols }) => connect(await openPage(url), url, protocols),
  // Each is two calls from this process to the page.
  burst: 300,
  // The WebSocket API sends no others.
  closeCodes: [1000, 3000, 4999],
};

testInterop("Chromium", () => peer, { sides: ["server"], plain: true, skip });

describe("pages in Chromium", { skip }, () => {
  const settings = {
    hostname: "127.0.0.1",
    request: (_request: unknown, response: import("node:http").ServerResponse) =>
      response.setHeader("Content-Type", "text/html").end("<!doctype html>"),
  };

  test("of another origin cannot connect", { timeout: 60_000 }, async (t) => {
    const ours = await serve(settings);
    const other = await serve(settings);
    t.after(() => Promise.all([ours.close(), other.close()]));
    const page = await openPage(other.url);
    await assert.rejects(connect(page, ours.url), /closed with 1006/);
    assert.deepEqual({ ...ours.counters.refused }, { WS_ERR_ORIGIN_NOT_ALLOWED: 1 });
    await connect(page, other.url);
    await page.context().close();
  });

  test("of an origin on the list can", { timeout: 60_000 }, async (t) => {
    const other = await serve(settings);
    const ours = await serve({ ...settings, origin: [other.url.replace(/^ws/, "http")] });
    t.after(() => Promise.all([ours.close(), other.close()]));
    const page = await openPage(other.url);
    await connect(page, ours.url);
    await page.context().close();
  });
});
