/** How messages and frames are shown. */

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { binaryAs, Display, payloadText } from "../../src/cli/display.js";
import { UsageError } from "../../src/cli/options.js";
import type { Shell } from "../../src/cli/shell.js";
import { temporaryFolder } from "./support.js";

/** A display, and what it wrote to each stream. */
function create(form: string, isTTY = false) {
  const streams = {
    stdin: new PassThrough(),
    stdout: Object.assign(new PassThrough(), { isTTY }),
    stderr: new PassThrough(),
  };
  const shell: Shell = { ...streams, env: {}, on: () => {}, off: () => {} };
  const take = (name: "stdout" | "stderr") => String(streams[name].read() ?? "");
  return { display: new Display(shell, binaryAs(form)), take };
}

describe("binaryAs", () => {
  it("knows its forms", () => {
    assert.deepEqual(binaryAs("hex"), { form: "hex" });
    assert.deepEqual(binaryAs("base64"), { form: "base64" });
    assert.deepEqual(binaryAs("file"), { form: "file", folder: "." });
    assert.deepEqual(binaryAs("file:a:b"), { form: "file", folder: "a:b" });
  });

  for (const text of ["", "octal", "hex:a", "file:", "File"]) {
    it(`refuses "${text}"`, () => assert.throws(() => binaryAs(text), UsageError));
  }
});

describe("Display", () => {
  const bytes = Uint8Array.of(0, 0xff, 0x10);

  it("shows where a message went, on one line or with the others indented", () => {
    const { display, take } = create("hex");
    display.message("<", "one\n> two\x1b[2J");
    display.message(">", "three");
    assert.equal(take("stdout"), "< one\n  > two\\x1b[2J\n> three\n");
  });

  it("shows binary messages in hex or base64, and of those that went only the length", () => {
    for (const [form, shown] of [
      ["hex", "00ff10"],
      ["base64", "AP8Q"],
    ]) {
      const { display, take } = create(form);
      display.message("<", bytes);
      display.message(">", bytes);
      assert.equal(take("stdout"), `< [binary] 3 bytes: ${shown}\n> [binary] 3 bytes\n`);
    }
  });

  it("writes binary messages to files, and over none that was there", async (t) => {
    const folder = path.join(await temporaryFolder(t), "made");
    const { display, take } = create(`file:${folder}`);
    display.message("<", bytes);
    await writeFile(path.join(folder, "message-0002.bin"), "mine");
    display.message("<", Uint8Array.of(7));
    const files = ["message-0001.bin", "message-0003.bin"].map((name) => path.join(folder, name));
    assert.equal(take("stdout"), `< [binary] 3 bytes: ${files[0]}\n< [binary] 1 byte: ${files[1]}\n`);
    assert.deepEqual([...(await readFile(files[0]))], [...bytes]);
    assert.deepEqual([...(await readFile(files[1]))], [7]);
    assert.equal(await readFile(path.join(folder, "message-0002.bin"), "utf8"), "mine");
  });

  it("shows control frames on one line", () => {
    const { display, take } = create("hex");
    display.control("<", "close", "1000 a\nb\x1b");
    display.control(">", "ping", "");
    assert.equal(take("stdout"), "< [close] 1000 a\\x0ab\\x1b\n> [ping]\n");
  });

  it("says the error on the other stream", () => {
    const { display, take } = create("hex");
    display.problem("no\x1b");
    assert.deepEqual([take("stdout"), take("stderr")], ["", "no\\x1b\n"]);
  });

  it("has colours on a terminal", () => {
    const { display, take } = create("hex", true);
    display.message("<", "\x1b[31m");
    assert.equal(take("stdout"), "\x1b[36m<\x1b[39m \\x1b[31m\n");
  });

  it("writes above the line being typed", () => {
    const { display, take } = create("hex");
    const calls: string[] = [];
    display.prompt = {
      hide: () => calls.push(`hide ${take("stdout")}`),
      show: () => calls.push(`show ${take("stdout")}`),
    };
    display.message("<", "a");
    assert.deepEqual(calls, ["hide ", "show < a\n"]);
  });
});

describe("payloadText", () => {
  it("is text, or hex where it is none", () => {
    assert.equal(payloadText(Buffer.from("\ufeffa ü")), "\ufeffa ü");
    assert.equal(payloadText(new Uint8Array()), "");
    assert.equal(payloadText(Uint8Array.of(0xff, 0)), "0xff00");
  });
});
