/** A tab that another one hides: there browsers let timers run once a second, and sending goes on as fast as before. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { it } from "node:test";
import { serve } from "../../src/node/index.js";
import { skip } from "../support/peers/chromium.js";
import { launchTabs } from "../support/peers/chromium-tabs.js";
import { root } from "../system/package/support.js";

/** How often the page waits until it is worth sending again. */
const DRAINS = 40;

/** Sends more than may wait, again and again, and counts how often timers run meanwhile. */
const SEND = `(async () => {
  const { connect } = await import("/hawser.browser.js");
  const connection = await connect("/");
  let drains = 0;
  connection.handlers = { drain: () => drains++ };
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const waits = [];
  for (let i = 0; i < ${DRAINS}; i++) {
    waits.push(connection.send(new Uint8Array(1 << 17)));
    await connection.drained();
  }
  clearInterval(timer);
  await connection.close();
  return { hidden: document.hidden, waits: waits.filter((more) => !more).length, ticks, drains };
})()`;

it("drained, and the drain handler, do not wait for timers in a hidden tab", {
  skip,
  timeout: 120_000,
}, async (t) => {
  let received = 0;
  const server = await serve({
    port: 0,
    hostname: "127.0.0.1",
    message: (_connection, { data }) => {
      received += data.length;
    },
    async request({ url }, response) {
      const isScript = url === "/hawser.browser.js";
      const file = path.join(root, "dist/hawser.browser.js");
      response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
      response.end(isScript ? await readFile(file) : "<!doctype html><link rel=icon href=data:,>");
    },
  });
  t.after(() => server.close({ timeoutMs: 0 }));
  const tabs = await launchTabs();
  t.after(() => tabs.close());
  const url = new URL(server.url.replace("ws", "http")).href;
  const tab = await tabs.open(url);
  await tabs.open(url);
  while ((await tab.evaluate("document.hidden")) !== true) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { hidden, waits, ticks, drains } = (await tab.evaluate(SEND)) as Record<string, number | boolean>;
  t.diagnostic(`${waits} waits, ${ticks} runs of a timer`);
  assert.equal(hidden, true);
  assert.equal(waits, DRAINS, "each time too much waited");
  assert.equal(drains, DRAINS);
  // By timers there would be one for each wait, and more.
  assert.ok(Number(ticks) < DRAINS / 2, `${ticks} runs of a timer`);
  assert.equal(received, DRAINS << 17);
});
