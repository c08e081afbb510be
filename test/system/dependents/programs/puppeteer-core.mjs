/** puppeteer-core drives Chromium: its protocol runs over a client of ws. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import puppeteer from "puppeteer-core";
import { WebSocketServer } from "ws";
import { Arrivals, assertOurs, assertWsOf, close, listen } from "./support.mjs";

assertWsOf("puppeteer-core");
const profile = await mkdtemp(path.join(tmpdir(), "hawser-dependents-"));
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  userDataDir: profile,
  args: (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking " +
    "--disable-component-update --disable-sync"
  ).split(" "),
});
assert.match(browser.wsEndpoint(), /^ws:\/\/127\.0\.0\.1:/);

const { server, port } = await listen((_request, response) => {
  response
    .setHeader("Content-Type", "text/html; charset=utf-8")
    .end("<!doctype html><title>é</title><p>page");
});
// The page's own WebSocket talks to a server of the class too.
const wss = new WebSocketServer({ server, perMessageDeflate: true });
wss.on("connection", (socket) => {
  assertOurs(socket);
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});

const page = await browser.newPage();
const logs = new Arrivals();
page.on("console", (message) => logs.push(message.text()));
await page.goto(`http://127.0.0.1:${port}/`);
assert.equal(await page.title(), "é");
assert.equal(await page.evaluate((a, b) => a + b, 1, 2), 3);
for (const length of [10, 70_000, 3_000_000]) {
  assert.equal(await page.evaluate((n) => "é".repeat(n), length), "é".repeat(length));
  assert.equal(await page.evaluate((text) => text.length, "x".repeat(length)), length);
}
const results = await Promise.all(Array.from({ length: 50 }, (_, i) => page.evaluate((n) => n * n, i)));
assert.deepEqual(
  results,
  results.map((_, i) => i * i),
);
await page.evaluate(() => console.log("from the page"));
assert.equal(await logs.next(), "from the page");
const echoed = await page.evaluate(
  (url) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.onerror = reject;
      socket.onopen = () => socket.send("x".repeat(50_000));
      socket.onmessage = ({ data }) => {
        socket.onclose = ({ code, wasClean }) => resolve([data.length, socket.extensions, code, wasClean]);
        socket.close(4000);
      };
    }),
  `ws://127.0.0.1:${port}/`,
);
assert.deepEqual(echoed, [50_000, "permessage-deflate", 4000, true]);
const again = await puppeteer.connect({ browserWSEndpoint: browser.wsEndpoint() });
assert.ok((await again.pages()).length >= 1);
await again.disconnect();
await browser.close();
await close(server);
await rm(profile, { recursive: true, force: true, maxRetries: 5 });
console.log("ok");
