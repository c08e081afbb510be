/** How messages and frames are shown. */

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { binaryAs, Display, type DisplayOptions, payloadText } from "../../src/cli/display.js";
import { UsageError } from "../../src/cli/options.js";
import type { Shell } from "../../src/cli/shell.js";
import { temporaryFolder } from "./support.js";

/** A display, and what it wrote to each stream. */
function create(form: string, isTTY = false, options: Partial<DisplayOptions> = {}) {
  const streams = {
    stdin: new PassThrough(),
    stdout: Object.assign(new PassThrough(), { isTTY }),
    stderr: Object.assign(new PassThrough(), { isTTY }),
  };
  const shell: Shell = { ...streams, env: { NO_COLOR: "1" }, on: () => {}, off: () => {} };
  const take = (name: "stdout" | "stderr") => String(streams[name].read() ?? "");
  return { display: new Display(shell, { binary: binaryAs(form), ...options }), take };
}

describe("binaryAs", () => {
  it("knows its forms", () => {
    assert.deepEqual(binaryAs("hex"), { form: "hex" });
    assert.deepEqual(binaryAs("base64"), { form: "base64" });
    assert.deepEqual(binaryAs("raw"), { form: "raw" });
    assert.deepEqual(binaryAs("file"), { form: "file", folder: "." });
    assert.deepEqual(binaryAs("file:a:b"), { form: "file", folder: "a:b" });
  });

  for (const text of ["", "octal", "hex:a", "file:", "File"]) {
    it(`refuses "${text}"`, () => assert.throws(() => binaryAs(text), UsageError));
  }
});

describe("Display", () => {
  const bytes = Uint8Array.of(0, 0xff, 0x10);

  it("writes messages to a pipe as they came, and nothing else", () => {
    const { display, take } = create("hex");
    display.received('{\n  "a": "\u202e\x1b"\n}');
    display.received(bytes, "from somewhere");
    display.sent("not shown");
    display.control("<", "ping", "x");
    display.note("a note");
    assert.equal(take("stdout"), '{\n  "a": "\u202e\x1b"\n}\n00ff10\n');
    assert.equal(take("stderr"), "received ping x\na note\n");
  });

  it("marks messages on a terminal, on one line or with the others indented", () => {
    const { display, take } = create("hex", true);
    display.received("one\n> two\x1b[2J");
    display.received("two", "127.0.0.1:1");
    display.sent("three\nfour");
    display.control(">", "close", "1000");
    assert.equal(take("stdout"), "< one\n  > two\\x1b[2J\n127.0.0.1:1 < two\n");
    assert.equal(take("stderr"), "> three\n  four\n> [close] 1000\n");
  });

  it("shows binary messages in hex or base64, and of those that went only the length", () => {
    for (const [form, shown] of [
      ["hex", "00ff10"],
      ["base64", "AP8Q"],
    ]) {
      const { display, take } = create(form, true);
      display.received(bytes);
      display.sent(bytes);
      assert.equal(take("stdout"), `< [binary] 3 bytes: ${shown}\n`);
      assert.equal(take("stderr"), "> [binary] 3 bytes\n");
    }
  });

  it("raw writes bytes as they are, text too", async () => {
    const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
    const shell: Shell = { ...streams, env: {}, on: () => {}, off: () => {} };
    const display = new Display(shell, { binary: binaryAs("raw") });
    display.received(bytes);
    display.received("text");
    assert.deepEqual([...streams.stdout.read()], [0, 0xff, 0x10, ...Buffer.from("text")]);
  });

  it("writes binary messages to files, and over none that was there", async (t) => {
    const folder = path.join(await temporaryFolder(t), "not there yet");
    const { display, take } = create(`file:${folder}`);
    display.received(bytes);
    await writeFile(path.join(folder, "message-0002.bin"), "mine");
    display.received(Uint8Array.of(7));
    const [first, third] = take("stdout").trimEnd().split("\n");
    assert.deepEqual(
      [first, third].map((file) => path.basename(file)),
      ["message-0001.bin", "message-0003.bin"],
    );
    assert.deepEqual([...(await readFile(first))], [...bytes]);
    assert.deepEqual([...(await readFile(third))], [7]);
    assert.equal(await readFile(path.join(folder, "message-0002.bin"), "utf8"), "mine");
  });

  it("--json shows JSON with a line for each member on a terminal, and nothing of it controls that", () => {
    const { display, take } = create("hex", true, { json: true });
    display.received('{"a":[1,{}],"long":12345678901234567890,\r\n"s":"x\u202e,:{\\"\\\\"}');
    display.received("{no json\x1b");
    assert.equal(
      take("stdout"),
      [
        "< {",
        '    "a": [',
        "      1,",
        "      {}",
        "    ],",
        '    "long": 12345678901234567890,',
        '    "s": "x\\u202e,:{\\"\\\\"',
        "  }",
        "< {no json\\x1b",
        "",
      ].join("\n"),
    );
    const piped = create("hex", false, { json: true });
    piped.display.received('{"a":1}');
    assert.equal(piped.take("stdout"), '{"a":1}\n');
  });

  it("--quiet shows messages, answers and errors", () => {
    const { display, take } = create("hex", false, { quiet: true });
    display.note("a note");
    display.control("<", "ping", "");
    display.received("message");
    display.answer("an answer");
    display.problem("a problem\x1b");
    assert.equal(take("stdout"), "message\n");
    assert.equal(take("stderr"), "an answer\na problem\\x1b\n");
  });

  it("takes the prompt away before it writes, and puts it back", () => {
    const { display, take } = create("hex", true);
    const calls: string[] = [];
    display.prompt = {
      hide: () => calls.push(`hide ${take("stdout")}${take("stderr")}`),
      show: () => calls.push(`show ${take("stdout")}${take("stderr")}`),
    };
    display.received("one");
    display.note("two");
    display.problem("three");
    assert.deepEqual(calls, ["hide ", "show < one\n", "hide ", "show two\n", "hide ", "show three\n"]);
  });
});

describe("payloadText", () => {
  it("is the text, or hex", () => {
    assert.equal(payloadText(Buffer.from("ü")), "ü");
    assert.equal(payloadText(Buffer.from("\ufeffa")), "\ufeffa");
    assert.equal(payloadText(Uint8Array.of(0xff, 0)), "0xff00");
    assert.equal(payloadText(new Uint8Array(0)), "");
  });
});
