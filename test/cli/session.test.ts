/** What lines do, piped into the real program, against a server of `ws`. */

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import type net from "node:net";
import path from "node:path";
import { describe, it } from "node:test";
import type { WebSocket } from "ws";
import { echo, run, Terminal, temporaryFolder, wsServer } from "./support.js";

/** A server that notes what it gets, and echoes it. */
async function recorder(t: import("node:test").TestContext) {
  const log: string[] = [];
  const url = await wsServer(t, (socket) => {
    echo(socket);
    socket.on("message", (data: Buffer, isBinary) => {
      log.push(isBinary ? `binary ${data.toString("hex")}` : `text ${data}`);
    });
    socket.on("ping", (data) => log.push(`ping ${data}`));
    socket.on("close", (code, reason) => log.push(`close ${code} ${reason}`));
  });
  return { url, log };
}

describe("lines", { concurrency: 2 }, () => {
  it("are sent as text, each a message, in order", async (t) => {
    const { url, log } = await recorder(t);
    const { code, stdout, stderr } = await run(
      t,
      ["connect", url],
      "one\r\n\ntwo ü 🪢\n\tlast, without an end",
    );
    assert.equal(code, 0);
    assert.deepEqual(log, [
      "text one",
      "text ",
      "text two ü 🪢",
      "text \tlast, without an end",
      "close 1000 ",
    ]);
    // Piped input is not echoed: standard output has only received messages.
    assert.equal(stdout, "one\n\ntwo ü 🪢\n\tlast, without an end\n");
    assert.equal(stderr, `connected to ${url}/\nsent close 1000\nreceived close 1000\n`);
  });

  it("that begin with a slash are commands", async (t) => {
    const { url, log } = await recorder(t);
    const folder = await temporaryFolder(t);
    const file = path.join(folder, "a file.bin");
    await writeFile(file, Uint8Array.of(1, 2, 0xff));
    const lines = [
      "/text /slash",
      "/text",
      "/binary 00 fF10",
      `/file ${file}`,
      "/ping hello ü",
      "/help",
      "/quit",
      "lost",
    ];
    const { code, stdout, stderr } = await run(t, ["connect", url], lines.join("\n"));
    assert.equal(code, 0);
    assert.deepEqual(log, [
      "text /slash",
      "text ",
      "binary 00ff10",
      "binary 0102ff",
      "ping hello ü",
      "close 1000 ",
    ]);
    assert.equal(stdout, "/slash\n\n00ff10\n0102ff\n");
    assert.match(stderr, /^sent ping hello ü\n[\s\S]*^received pong hello ü \(\d+\.\d\d ms\)$/m);
    for (const name of ["text", "binary", "file", "ping", "close", "quit", "help"]) {
      assert.match(stderr, new RegExp(`^ {2}/${name} `, "m"));
    }
    assert.doesNotMatch(stdout + stderr, /lost/);
  });

  it("/close sends a code and a reason", async (t) => {
    for (const [line, sent] of [
      ["/close", "1000"],
      ["/close 3001", "3001"],
      ["/close 4000  as agreed ü", "4000 as agreed ü"],
    ]) {
      const { url, log } = await recorder(t);
      const { code, stdout, stderr } = await run(t, ["connect", url], line);
      assert.deepEqual([code, stdout], [0, ""]);
      assert.deepEqual(
        log.map((text) => text.trimEnd()),
        [`close ${sent}`],
      );
      assert.match(stderr, new RegExp(`^sent close ${sent}\nreceived close ${sent}\n$`, "m"));
    }
  });

  it("that cannot be followed send nothing, and make the exit code 1", async (t) => {
    const { url, log } = await recorder(t);
    const bad: [line: string, message: RegExp][] = [
      ["/dance", /there is no \/dance; \/help lists/],
      ["/", /there is no \/; /],
      ["/binary", /\/binary must have pairs of hex digits/],
      ["/binary 0", /pairs of hex digits/],
      ["/binary 0g", /pairs of hex digits/],
      ["/file", /\/file must have the path of a file/],
      ["/file /nowhere/at all", /cannot read that file: ENOENT/],
      [`/ping ${"x".repeat(126)}`, /the text of a Ping must have at most 125 bytes, not 126/],
      ["/close 1005", /1005/],
      ["/close abc", /close code/],
      [`/close 1000 ${"x".repeat(124)}`, /reason/],
      ["/\x1b[2J", /there is no \/\\x1b\[2J;/],
    ];
    const input = bad
      .map(([line]) => line)
      .concat("still here")
      .join("\n");
    const { code, stderr } = await run(t, ["connect", url], input);
    assert.equal(code, 1);
    assert.deepEqual(log, ["text still here", "close 1000 "]);
    const said = stderr.split("\n").filter((line) => !/^(?:connected|sent|received|$)/.test(line));
    assert.equal(said.length, bad.length, stderr);
    for (const [i, [, message]] of bad.entries()) assert.match(said[i], message);
  });

  it("that come when the server has closed are an error", async (t) => {
    const url = await wsServer(t, (socket) => {
      // It closes when the first line is under way; the rest of that is too much for the system to hold.
      const { _socket: stream } = socket as unknown as { _socket: net.Socket };
      stream.on("data", () => {
        if (stream.bytesRead > 100_000) socket.close(4001, "enough");
      });
    });
    const file = path.join(await temporaryFolder(t), "large");
    await writeFile(file, Buffer.alloc(20 << 20));
    const { code, stdout, stderr } = await run(t, ["connect", url, "-x", `/file ${file}`, "-x", "two"]);
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /^received close 4001 enough$/m);
    assert.match(stderr, /^the connection closed before this was sent: two$/m);
  });
});

describe("received messages", { concurrency: 2 }, () => {
  const show = async (t: import("node:test").TestContext, send: (socket: WebSocket) => void) => {
    const url = await wsServer(t, send);
    // Far longer than a program may run here: it has to leave when the server closes.
    return run(t, ["connect", url, "-w", "1000"]);
  };

  it("cannot control the terminal", async (t) => {
    const url = await wsServer(t, (socket) => {
      socket.send("\x1b]0;title\x07\x1b[2J\x9b31m\r> forged\n< [close] 1000\u202e");
      socket.ping("\x1b[31m\n< forged");
      socket.pong("\x1b[32m");
      socket.close(1000, "\x1b[33m\n< forged");
    });
    const terminal = new Terminal(["connect", url, "-x", "/text", "-w", "1000"], { NO_COLOR: "1" });
    await terminal.ended;
    assert.deepEqual(
      terminal.screen.split("\n").filter((line) => /^(?:<| |> \[)/.test(line)),
      [
        "< \\x1b]0;title\\x07\\x1b[2J\\x9b31m\\x0d> forged",
        "  < [close] 1000\\u202e",
        "< [ping] \\x1b[31m\\x0a< forged",
        "> [pong] \\x1b[31m\\x0a< forged",
        "< [pong] \\x1b[32m",
        "< [close] 1000 \\x1b[33m\\x0a< forged",
      ],
    );
  });

  it("is shown when it is binary, a Ping, or a Close without a code", async (t) => {
    const { code, stdout, stderr } = await show(t, (socket) => {
      socket.send(Uint8Array.of(0, 0x1b, 0xff));
      socket.ping(Uint8Array.of(0xff));
      socket.close();
    });
    assert.deepEqual([code, stdout], [0, "001bff\n"]);
    assert.deepEqual(stderr.split("\n").slice(1), [
      "received ping 0xff",
      "sent pong 0xff",
      "received close 1005",
      "",
    ]);
  });

  it("may be cut off, and that is an error", async (t) => {
    const { code, stderr } = await show(t, (socket) => socket.terminate());
    assert.equal(code, 1);
    assert.match(stderr, /\nthe connection was lost: no Close frame came \(1006\)\n$/);
  });

  it("may break the protocol, and that is an error", async (t) => {
    const { code, stderr } = await show(t, (socket) => {
      const raw = (socket as unknown as { _socket: import("node:net").Socket })._socket;
      raw.write(Uint8Array.of(0x83, 0));
    });
    assert.equal(code, 1);
    assert.match(stderr, /\nInvalid WebSocket frame: invalid opcode 3\n$/);
  });

  it("may be large, up to 16 MiB", async (t) => {
    const text = "x".repeat(3_000_000);
    const large = await show(t, (socket) => {
      socket.send(text);
      socket.close(1000);
    });
    assert.equal(large.code, 0);
    assert.equal(large.stdout, `${text}\n`);
    const { code, stderr } = await show(t, (socket) => socket.send(Buffer.alloc((16 << 20) + 1)));
    assert.equal(code, 1);
    assert.match(
      stderr,
      /\nMax payload size exceeded: maxMessageSize is 16777216, and the message has at least 16777217 bytes\n$/,
    );
  });
});
