/** The playground's sections that have no connection of their own on the wire: Decode, Benchmark, Echo run; in Chromium. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { skip } from "../../support/peers/chromium.js";
import { linesOf, openFor, says, textsOf } from "./playground-page.js";
import { type Running, start } from "./playground-support.js";

let running: Running;

before(async () => {
  if (skip === false) running = await start(0);
});

after(() => {
  running?.child.kill("SIGKILL");
});

describe("the playground's other sections", { skip }, () => {
  test("decode examples, hex that is typed, hex that is none", async (t) => {
    const page = await openFor(t, running.url);
    await says(page, "decode-summary", /^45 bytes, 6 frames, no violation\.$/);
    await page.selectOption("#example", { label: "Invalid UTF-8: an overlong slash" });
    await says(page, "decode-summary", /^38 bytes, 2 frames\. Byte 30 breaks RFC 6455 §8\.1/);
    assert.equal((await linesOf(page, "decode", 2))[1], "→ text FIN MASK WS_ERR_INVALID_UTF8");
    assert.equal(await page.locator("#decode-detail pre.hex >> nth=0 >> .bytes mark").textContent(), "c5");

    await page.fill("#hex", "0x81 0x02\n68 69 # hi");
    await page.check("input[name=reader][value=client]");
    assert.deepEqual(await linesOf(page, "decode", 1), ["← text FIN hi"]);
    await page.fill("#hex", "81 0g");
    await page.click("#decode-form button");
    await says(page, "decode-summary", /^Line 1, column 5: “g” is not a hexadecimal digit\.$/);
    assert.equal(await page.locator("#decode-frames .row").count(), 0);
  });

  test("decode a file that is chosen, and one that is dropped", async (t) => {
    const page = await openFor(t, running.url);
    await page.setInputFiles("#capture", {
      name: "capture.bin",
      mimeType: "application/octet-stream",
      buffer: Buffer.from("81024869820100", "hex"),
    });
    await says(page, "decode-summary", /^7 bytes, 2 frames, no violation\.$/);
    assert.equal(await page.inputValue("#hex"), "81 02 48 69 82 01 00");
    const transfer = await page.evaluateHandle(() => {
      const data = new DataTransfer();
      data.items.add(new File(["89 02 68 6f\n"], "capture.txt"));
      return data;
    });
    // The browser leaves the page for a file, unless the page prevents it.
    const prevented = await page.evaluateHandle(() => {
      const types: string[] = [];
      for (const type of ["dragover", "drop"])
        window.addEventListener(type, (event) => event.defaultPrevented && types.push(type));
      return types;
    });
    await page.dispatchEvent("#wire", "dragover", { dataTransfer: transfer });
    await page.dispatchEvent("#wire", "drop", { dataTransfer: transfer });
    await says(page, "decode-summary", /^4 bytes, 1 frame, no violation\.$/);
    assert.deepEqual(await linesOf(page, "decode", 1), ["← ping FIN ho"]);
    assert.deepEqual(await prevented.jsonValue(), ["dragover", "drop"]);
    assert.equal(await page.locator(".dropping").count(), 0);
    await page.setInputFiles("#capture", {
      name: "long.bin",
      mimeType: "application/octet-stream",
      buffer: Buffer.alloc((16 << 20) + 1),
    });
    await says(page, "decode-summary", /^long\.bin has 16,777,217 bytes: more than /);
    assert.equal(await page.inputValue("#hex"), "");
    assert.equal(await page.locator("#decode-frames .row").count(), 0);
  });

  test("time both backends on the same bytes", async (t) => {
    const page = await openFor(t, running.url);
    await page.click("#benchmark-run");
    await says(page, "benchmark-status", /^(Done: medians of 3 rounds; outputs match|Failed)/);
    const rows = await textsOf(page.locator("#benchmark-rows tr"), "th, td");
    assert.equal(rows.length, 9);
    for (const [name, size, wasm, reference, ratio] of rows) {
      assert.ok(name.length > 0);
      assert.match(size, /^\d+ (Ki)?B$/);
      for (const time of [wasm, reference]) assert.match(time, /^[\d.,e+]+ (ns|µs)$/);
      assert.match(ratio, /^[\d.e+]+ ×$/);
    }
    // The reference is plain JavaScript, byte by byte: over 64 KiB nothing makes the two alike.
    assert.ok(Number.parseFloat(rows.at(-2)?.[4] ?? "") > 3, `${rows.at(-2)}`);
    assert.equal(await page.locator("#benchmark-rows .bar").count(), 18);
  });

  test("run an echo to its end, and one until it is stopped", async (t) => {
    const page = await openFor(t, running.url);
    await page.fill("input[name=seconds]", "1");
    await page.click("#echo-run");
    const status = await says(page, "echo-status", /^(Done|Failed)/);
    assert.match(
      status,
      /^Done: [\d,]+ messages in \d+\.\d s: [\d,]+ a second; latency p50 [\d.,]+ ms, p99 [\d.,]+ ms\.$/,
    );
    for (const line of [
      "#echo-rate .line-a",
      "#echo-latency polyline.line-a",
      "#echo-latency polyline.line-b",
    ]) {
      const points = await page.locator(line).last().getAttribute("points");
      if (line.includes("polyline")) assert.ok((points ?? "").split(" ").length >= 3, `${line}: ${points}`);
    }
    assert.match(
      (await page.getAttribute("#echo-rate svg", "aria-label")) ?? "",
      /^Messages a second: [\d,]+ on average$/,
    );
    await page.fill("input[name=size]", "1048576");
    await page.click("#echo-run");
    await says(
      page,
      "echo-status",
      /^Failed: with messages of 1,048,576 bytes, “in flight” can be 8 at most\.$/,
    );
    await page.fill("input[name=size]", "16");
    await page.fill("input[name=seconds]", "60");
    await page.click("#echo-run");
    await page.waitForFunction(() => document.querySelector("#echo-rate polyline")?.getAttribute("points"));
    await page.click("#echo-run");
    await says(page, "echo-status", /^Stopped: /);
  });
});
