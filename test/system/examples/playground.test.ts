/** The playground's connection, clicked through in Chromium, and the page as a whole. Screenshots go to a temporary folder, for people to look at. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { BROKEN_FRAMES } from "../../../examples/playground/page/send/broken-frames.js";
import { skip } from "../../support/peers/chromium.js";
import { root } from "../package/support.js";
import {
  faintTexts,
  framesOf,
  linesOf,
  openFor,
  openPlayground,
  says,
  send,
  textsOf,
} from "./playground-page.js";
import { type Running, start } from "./playground-support.js";

const screenshots = path.join(tmpdir(), "hawser-playground");

let running: Running;

before(async () => {
  if (skip === false) running = await start(0);
});

after(() => {
  running?.child.kill("SIGKILL");
});

describe("the playground, with hawser in the page", { skip }, () => {
  test("shows the handshake", async (t) => {
    const page = await openFor(t, running.url);
    await page.click("text=The opening handshake");
    assert.match(
      await says(page, "wire-request", /./),
      /^GET \/echo\?mirror=\S+ HTTP\/1\.1\r?\nHost: 127\.0\.0\.1/,
    );
    assert.match(await says(page, "wire-response", /./), /^HTTP\/1\.1 101 .*permessage-deflate/s);
  });

  test("sends text and binary, compressed and not, whole and in fragments", async (t) => {
    const page = await openFor(t, running.url);
    await send(page, "Hello");
    assert.deepEqual(await linesOf(page, "wire", 2), ["→ text FIN MASK Hello", "← text FIN Hello"]);

    await page.click("#wire-clear");
    await page.selectOption("#compress", "yes");
    await send(page, "hello hello hello hello hello hello");
    assert.deepEqual(await linesOf(page, "wire", 2), [
      "→ text FIN RSV1 MASK hello hello hello hello hello hello",
      "← text FIN RSV1 hello hello hello hello hello hello",
    ]);
    await says(page, "wire-detail", /Payload, decompressed: \d+ bytes became 35 bytes/);

    await page.click("#wire-clear");
    await page.selectOption("#compress", "no");
    await page.fill("#fragments", "3");
    await page.check("#ping-between");
    await send(page, "aabbcc");
    const lines = await linesOf(page, "wire", 7);
    assert.deepEqual(lines.slice(0, 5), [
      "→ text MASK aa",
      "→ ping FIN MASK between fragments",
      "→ continuation MASK bb",
      "→ ping FIN MASK between fragments",
      "→ continuation FIN MASK cc",
    ]);
    // Of two Pings that came together only the newest needs an answer (§5.5.3).
    const answers = lines.slice(5).filter((line) => line.startsWith("←"));
    assert.ok(answers.includes("← text FIN aabbcc"));
    assert.ok(answers.includes("← pong FIN between fragments"));

    await page.click("#wire-clear");
    await page.check("input[name=type][value=binary]");
    await page.fill("#fragments", "1");
    await send(page, "00 01 fe ff");
    assert.deepEqual(await linesOf(page, "wire", 2), [
      "→ binary FIN MASK 00 01 fe ff",
      "← binary FIN 00 01 fe ff",
    ]);
    await send(page, "00 0");
    await send(page, "no hex");
    await says(page, "send-problem", /Not hex: .* in line 1, column 1\./);
  });

  test("draws a frame's header, its fields, its bytes before and after unmasking", async (t) => {
    const page = await openFor(t, running.url);
    assert.ok(await page.isEnabled("#compress"));
    await page.uncheck("#compressed");
    await says(page, "connection-status", /^Connected\.$/);
    assert.ok(await page.isDisabled("#compress"));
    assert.match((await page.getAttribute("#compress", "title")) ?? "", /not agreed on/);
    assert.match((await page.textContent("#connect-form fieldset")) ?? "", /opens another one at once/);
    assert.ok(await page.isDisabled("#ping-between"));
    assert.match((await page.getAttribute("#ping-between", "title")) ?? "", /one frame/);
    await page.fill("#fragments", "2");
    assert.ok(await page.isEnabled("#ping-between"));
    await page.fill("#fragments", "1");
    assert.ok(await page.isDisabled("#ping-between"));
    await send(page, "Hello");
    await framesOf(page, "wire", 2);
    await page.click("#wire-frames .row:first-child");
    const boxes = await textsOf(page.locator("#wire-detail .box"), ".name, .digits");
    assert.deepEqual(boxes.slice(0, 7), [
      ["FIN", "1"],
      ["RSV1", "0"],
      ["RSV2", "0"],
      ["RSV3", "0"],
      ["opcode", "0001"],
      ["MASK", "1"],
      ["Payload len", "0000101"],
    ]);
    assert.deepEqual(
      boxes.slice(7).map(([name, bits]) => [name, bits?.length]),
      [
        ["Masking-key", 16],
        ["Masking-key, continued", 16],
      ],
    );
    const detail = (await page.textContent("#wire-detail")) ?? "";
    assert.match(detail, /Masking-key([0-9a-f]{2} ){3}[0-9a-f]{2}byte i of the payload/);
    assert.match(detail, /Payload, unmasked000000 {2}48 65 6c 6c 6f {2}Hello/);
  });

  test("pings, and closes with a code that comes back", async (t) => {
    const page = await openFor(t, running.url);
    await page.click("text=Send Ping");
    await page.click("text=Send Pong");
    await linesOf(page, "wire", 3);
    await page.fill("input[name=code]", "4321");
    await page.click("text=Send Close");
    await says(page, "connection-status", /^Closed: 4321/);
    assert.deepEqual((await linesOf(page, "wire", 5)).sort(), [
      "← close FIN 4321",
      "← pong FIN are you there?",
      "→ close FIN MASK 4321 done",
      "→ ping FIN MASK are you there?",
      "→ pong FIN MASK are you there?",
    ]);
    assert.ok(await page.isDisabled("text=Send Ping"));
    await page.click("#connect");
    await says(page, "connection-status", /^Connected\.$/);
    assert.equal(await page.locator("#wire-frames .row").count(), 0);
  });

  test("breaks each rule: its byte is marked, and a Close comes back", async (t) => {
    const page = await openFor(t, running.url);
    for (const { name, code } of BROKEN_FRAMES) {
      await page.getByRole("button", { name, exact: true }).click();
      const status = await says(page, "connection-status", /^Closed: 100[27], “Invalid WebSocket frame/);
      const closeCode = code === "WS_ERR_INVALID_UTF8" ? "1007" : "1002";
      assert.ok(status.startsWith(`Closed: ${closeCode}`), `${name}: ${status}`);
      // The mirror is another connection, and may be behind.
      await page.locator("#wire-frames .server", { hasText: "close" }).waitFor();
      const lines = await linesOf(page, "wire", 2);
      assert.ok(
        lines.some((line) => line.endsWith(code)),
        `${name}: ${lines}`,
      );
      assert.ok(
        lines.some((line) => line.startsWith(`← close FIN ${closeCode} `)),
        `${name}: ${lines}`,
      );
      await says(page, "wire-detail", /breaks a rule\. RFC 6455 §/);
      assert.ok((await page.locator("#wire-detail .hex mark").count()) > 0, name);
      await page.click("#connect");
      await says(page, "connection-status", /^Connected\.$/);
    }
    await page.fill("#raw", "81 05 48");
    await page.click("text=Send bytes");
    await says(page, "connection-status", /^Closed: 1002/);
    await says(page, "wire-detail", /breaks a rule/);
    assert.equal(await page.locator("#wire-detail .box.wrong").count(), 2);
  });

  test("says that bytes of an unfinished frame wait, until the rest has come", async (t) => {
    const page = await openFor(t, running.url);
    const sendBytes = async (bytes: string) => {
      await page.fill("#raw", bytes);
      await page.click("text=Send bytes");
    };
    await sendBytes("");
    await says(page, "send-problem", /^There are no bytes to send\.$/);
    await sendBytes("81 85 00");
    await says(page, "wire-waiting-client", /^From the client: 3 bytes of a frame that lacks its end\.$/);
    assert.equal(await page.locator("#wire-frames .row").count(), 0);
    await sendBytes("00 00 00 48 65 6c 6c 6f");
    assert.deepEqual(await linesOf(page, "wire", 2), ["→ text FIN MASK Hello", "← text FIN Hello"]);
    assert.equal(await page.textContent("#wire-waiting-client"), "");
    // Waiting bytes are gone with their connection.
    await sendBytes("81");
    await says(page, "wire-waiting-client", /1 byte /);
    await page.uncheck("#compressed");
    assert.equal(await page.textContent("#wire-waiting-client"), "");
  });

  test("lists the last frames, and says how many it dropped", async (t) => {
    const page = await openFor(t, running.url);
    await page.fill("#fragments", "99");
    await page.check("#ping-between");
    const text = "x".repeat(99);
    for (let i = 0; i < 2; i++) await send(page, text);
    await says(page, "wire-dropped", /^The last 200 frames; \d+ before them were dropped\.$/);
    assert.equal(await page.locator("#wire-frames .row").count(), 200);
  });
});

describe("the playground, with this browser's WebSocket", { skip }, () => {
  test("sends text and binary; what a browser cannot do is out of reach, and says why", async (t) => {
    const page = await openFor(t, running.url);
    await page.check("input[name=client][value=browser]");
    await says(page, "browser-note", /./);
    assert.ok(await page.isVisible("#browser-note"));
    for (const control of [
      "text=Send Ping",
      "#fragments",
      "#compress",
      "text=Send bytes",
      "#broken-frames button >> nth=0",
    ]) {
      assert.ok(await page.isDisabled(control), control);
      assert.match((await page.getAttribute(control, "title")) ?? "", /browser's WebSocket/);
    }
    await send(page, "hello hello hello hello hello hello");
    assert.deepEqual(await linesOf(page, "wire", 2), [
      "→ text FIN RSV1 MASK hello hello hello hello hello hello",
      "← text FIN RSV1 hello hello hello hello hello hello",
    ]);

    await page.uncheck("#compressed");
    await says(page, "connection-status", /^Connected\.$/);
    await page.check("input[name=type][value=binary]");
    await send(page, "01 02");
    assert.deepEqual(await linesOf(page, "wire", 2), ["→ binary FIN MASK 01 02", "← binary FIN 01 02"]);
    await page.fill("input[name=code]", "1002");
    await page.click("text=Send Close");
    await says(page, "send-problem", /\S/);
    await says(page, "connection-status", /^Connected\.$/);
    await page.fill("input[name=code]", "3001");
    await page.click("text=Send Close");
    await says(page, "connection-status", /^Closed: 3001/);
  });
});

describe("the playground, for every visitor", { skip }, () => {
  test("by keyboard alone, with labels and landmarks", async (t) => {
    const page = await openFor(t, running.url);
    const { keyboard } = page;
    const focused = () =>
      page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent?.trim());
    await keyboard.press("Tab");
    assert.equal(await focused(), "Skip to the content");
    const tabTo = async (id: string) => {
      for (let presses = 0; (await focused()) !== id; presses++) {
        assert.ok(presses < 60, `Tab does not lead to ${id}`);
        await keyboard.press("Tab");
      }
    };
    await tabTo("message");
    await keyboard.press("Control+A");
    await keyboard.type("typed");
    await tabTo("Send message");
    await keyboard.press("Enter");
    assert.deepEqual(await linesOf(page, "wire", 2), ["→ text FIN MASK typed", "← text FIN typed"]);
    // One stop for all frames; the arrow keys go through them.
    for (
      let presses = 0;
      !(await page.evaluate(() => document.activeElement?.matches("#wire-frames input")));
      presses++
    ) {
      assert.ok(presses < 60, "Tab does not lead to the frames");
      await keyboard.press("Tab");
    }
    await says(page, "wire-detail", /^Server to client: text/);
    await keyboard.press("ArrowUp");
    await says(page, "wire-detail", /^Client to server: text/);
    await tabTo("wire-clear");
    await tabTo("hex");
    await tabTo("benchmark-run");
    await tabTo("echo-run");
    // Its button is out of reach once the connection is closed: the one that opens another has the focus.
    await page.getByRole("button", { name: "No mask", exact: true }).focus();
    await keyboard.press("Enter");
    await says(page, "connection-status", /^Closed: 1002/);
    assert.equal(await focused(), "connect");

    const unlabelled = await page
      .locator("input, select, textarea")
      .evaluateAll((elements) =>
        elements
          .filter((element) => (element as HTMLInputElement).labels?.length === 0)
          .map((element) => element.outerHTML),
      );
    assert.deepEqual(unlabelled, []);
    const landmarks = await page.locator("header, nav, main, footer, section[aria-labelledby]").count();
    assert.equal(landmarks, 10);
  });

  test("its first screen shows frames without a click", async (t) => {
    const page = await openFor(t, running.url, "/");
    const lines = await linesOf(page, "wire", 2);
    assert.match(lines[0], /^→ text /);
    assert.match(lines[1], /^← text /);
    assert.match((await page.textContent("main")) ?? "", /npm install hawser/);
    assert.equal(await page.evaluate(() => scrollY), 0);
    const class_ = await page.getAttribute("#connect", "class");
    assert.ok(!(class_ ?? "").includes("primary"), "Disconnect is a secondary button");
  });

  test("on a phone the last frame is in view after Send", async (t) => {
    const page = await openFor(t, running.url);
    await page.setViewportSize({ width: 390, height: 844 });
    for (const count of [2, 4, 6]) {
      await send(page, `message ${count}`);
      await linesOf(page, "wire", count);
      await page.waitForFunction((index) => {
        const row = document.querySelectorAll("#wire-frames .row")[index];
        const { top, bottom } = row?.getBoundingClientRect() ?? { top: -1, bottom: -1 };
        return top >= 0 && bottom <= innerHeight;
      }, count - 1);
    }
  });

  test("axe finds nothing, light and dark, on a phone and on a desk", async (t) => {
    const page = await openFor(t, running.url, "/");
    await linesOf(page, "wire", 2);
    const axe = await readFile(path.join(root, "node_modules/axe-core/axe.min.js"), "utf8");
    for (const colorScheme of ["light", "dark"] as const) {
      for (const viewport of [
        { width: 390, height: 844 },
        { width: 1360, height: 900 },
      ]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize(viewport);
        await page.evaluate(axe);
        const found = await page.evaluate(async () => {
          const { axe } = globalThis as unknown as {
            axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
          };
          return (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
        });
        assert.deepEqual(found, [], `${colorScheme}, ${viewport.width}`);
      }
    }
  });

  test("light and dark, on a phone and on a desk: nothing sticks out, all can be read", async (t) => {
    const page = await openFor(t, running.url);
    await send(page, "hello from the harbour, hello from the harbour");
    await page.getByRole("button", { name: "Invalid UTF-8", exact: true }).click();
    await says(page, "connection-status", /^Closed: 1007/);
    for (const width of [360, 768, 1360]) {
      await page.setViewportSize({ width, height: 900 });
      const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.deepEqual(widths, [width, width]);
      const [send, wire] = await page
        .locator("#send, #wire")
        .evaluateAll((sections) => sections.map((section) => section.getBoundingClientRect().x));
      assert.equal(wire > send, width === 1360, "two columns on a desk, one elsewhere");
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await faintTexts(page), []);
        await page.screenshot({
          path: path.join(screenshots, `${colorScheme}-${width}.png`),
          fullPage: true,
        });
      }
    }
    t.diagnostic(`see ${screenshots}`);
  });

  test("on a phone: the bits' names can be read, and an edge shows that a dump goes on", async (t) => {
    const page = await openFor(t, running.url);
    await page.setViewportSize({ width: 360, height: 900 });
    await page.selectOption("#compress", "no");
    await send(page, "long enough for more than one line of the dump");
    await framesOf(page, "wire", 2);
    const names = await page.locator("#wire-detail .box:is(.fin, .rsv, .mask) .name").evaluateAll((found) =>
      found.map((name) => {
        const box = (name.parentElement as HTMLElement).getBoundingClientRect();
        // The letters, not the box that they are centred in; they have a pixel of nothing at either side.
        const range = document.createRange();
        range.selectNodeContents(name);
        const letters = range.getBoundingClientRect();
        const outside = Math.max(
          box.left - letters.left,
          letters.right - box.right,
          letters.height - box.height,
        );
        return [Number.parseFloat(getComputedStyle(name).fontSize), outside] as const;
      }),
    );
    assert.equal(names.length, 5);
    for (const [size, outside] of names) assert.ok(size >= 10 && outside <= 1, `${size} px, ${outside} out`);

    const dump = page.locator("#wire-detail pre.hex").first();
    /** The shadow above the text, at either edge. */
    const edges = async () => {
      const { x, y, width } = (await dump.boundingBox()) ?? assert.fail("the dump is not drawn");
      const strips = [x + 2, x + width - 8].map((left) => ({ x: left, y: y + 2, width: 6, height: 4 }));
      const pictures: string[] = [];
      for (const clip of strips)
        pictures.push((await page.screenshot({ clip, fullPage: true })).toString("hex"));
      return pictures;
    };
    await page.evaluate(() => scrollTo(0, 0));
    const [plain, shadow] = await edges();
    await dump.evaluate((element) => element.scrollTo(element.scrollWidth, 0));
    const [shadowThen, plainThen] = await edges();
    assert.notEqual(shadow, plainThen, "the right edge shows whether there is more");
    assert.notEqual(plain, shadowThen, "the left edge shows whether there is more");
  });

  test("hears that the server goes away", async (t) => {
    const other = await start(0);
    t.after(() => other.child.kill("SIGKILL"));
    const { page, problems } = await openPlayground(other.url);
    t.after(() => page.context().close());
    await page.fill("input[name=seconds]", "60");
    await page.click("#echo-run");
    await page.waitForFunction(() => document.querySelector("#echo-rate polyline")?.getAttribute("points"));
    const exited = once(other.child, "exit");
    other.child.kill("SIGTERM");
    assert.deepEqual(await exited, [0, null]);
    await says(page, "echo-status", /^The connection closed: /);
    // Its Close came through the tunnel, and was seen by the mirror.
    await says(page, "connection-status", /^Closed: 1001\.$/);
    assert.deepEqual(await linesOf(page, "wire", 2), ["← close FIN 1001", "→ close FIN MASK 1001"]);
    assert.deepEqual(problems, []);
    await page.click("#connect");
    await says(page, "connection-status", /^Not connected: .* Is `npm start` still running\?$/);
  });
});
