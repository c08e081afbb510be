/** `hawser serve --exec` and `--interactive`: real processes behind real connections. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, it, type TestContext } from "node:test";
import { WebSocket } from "ws";
import { LineSplitter, wordsOf } from "../../src/cli/exec.js";
import { UsageError } from "../../src/cli/options.js";
import { runHere, serve, temporaryFolder } from "./support.js";

async function open(t: TestContext, url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  t.after(() => socket.terminate());
  await once(socket, "open");
  return socket;
}

async function next(socket: WebSocket): Promise<string> {
  const [data, isBinary] = (await once(socket, "message")) as [Buffer, boolean];
  return isBinary ? `binary ${data.toString("hex")}` : `text ${data}`;
}

/** A command that runs JavaScript, which this folder keeps. */
async function script(t: TestContext, code: string): Promise<string> {
  const file = path.join(await temporaryFolder(t), "script.cjs");
  await writeFile(file, code);
  return `'${process.execPath}' '${file}'`;
}

const ECHO_LINES = `
  require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
    if (line === "leave") process.exit(0);
    if (line === "fail") process.exit(3);
    if (line === "complain") return console.error("bad\\x1b[31m");
    console.log(process.pid + " " + line);
  });
`;

/** Whether a process is there. One that has ended and is not collected yet is not. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

async function untilGone(pid: number): Promise<void> {
  const end = Date.now() + 60_000;
  while (isAlive(pid)) {
    assert.ok(Date.now() < end, `process ${pid} is still there`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("serve --exec", { concurrency: 2 }, () => {
  it("runs a process for each connection: a line in, a line out, killed with it", async (t) => {
    const { program, url } = await serve(t, ["--exec", await script(t, ECHO_LINES)]);
    const [one, two] = await Promise.all([open(t, url), open(t, url)]);
    one.send("a");
    const [, pidOne] = /^text (\d+) a$/.exec(await next(one)) ?? [];
    two.send(Buffer.from("b"));
    const [, pidTwo] = /^text (\d+) b$/.exec(await next(two)) ?? [];
    assert.notEqual(pidOne, pidTwo);
    assert.ok(isAlive(Number(pidOne)) && isAlive(Number(pidTwo)));
    one.close();
    await untilGone(Number(pidOne));
    two.terminate();
    await untilGone(Number(pidTwo));
    assert.equal(program.stdout, "");
  });

  it("closes with 1000 when the process ends well, and with 1011 when it does not", async (t) => {
    const { program, url } = await serve(t, ["--exec", await script(t, ECHO_LINES)]);
    for (const [line, code, reason] of [
      ["leave", 1000, ""],
      ["fail", 1011, "the command ended with exit code 3"],
    ] as const) {
      const socket = await open(t, url);
      socket.send(line);
      const [closeCode, closeReason] = await once(socket, "close");
      assert.deepEqual([closeCode, String(closeReason)], [code, reason]);
    }
    const socket = await open(t, url);
    socket.send("complain");
    // What it complains of is shown, and controls no terminal.
    await program.until(/^127\.0\.0\.1:\d+: bad\\x1b\[31m$/m, "stderr");
  });

  it("tells the process of the request, and gives nothing to a shell unless --shell is said", async (t) => {
    const tell = await script(
      t,
      "console.log(process.env.REMOTE_ADDR, process.env.REQUEST_URI, process.env.QUERY_STRING, process.argv[2]);",
    );
    for (const [args, argument] of [
      [[], "$HOME"],
      [["--shell"], process.env.HOME],
    ] as const) {
      const { url } = await serve(t, ["--exec", `${tell} $HOME`, ...args]);
      const socket = new WebSocket(`${url}/a?b=c`);
      assert.equal(await next(socket), `text 127.0.0.1 /a?b=c b=c ${argument}`);
      await once(socket, "close");
    }
  });

  it("kills what a shell has started, and what does not want to end", async (t) => {
    const stubborn = await script(
      t,
      'process.on("SIGTERM", () => {}); console.log(process.pid); setInterval(() => {}, 1e6);',
    );
    const { url } = await serve(t, ["--shell", "--exec", `${stubborn}; echo never`]);
    const socket = await open(t, url);
    const pid = Number((await next(socket)).replace("text ", ""));
    socket.close();
    await untilGone(pid);
  });

  it("ends every process when it is stopped", async (t) => {
    const { program, url } = await serve(t, ["--exec", await script(t, ECHO_LINES)]);
    const socket = await open(t, url);
    socket.send("a");
    const [, pid] = /^text (\d+) a$/.exec(await next(socket)) ?? [];
    program.child.kill("SIGTERM");
    assert.equal((await program.ended).code, 0);
    await untilGone(Number(pid));
  });

  it("--binary raw moves bytes as they are", async (t) => {
    const { url } = await serve(t, ["--exec", "cat", "--binary", "raw"]);
    const socket = await open(t, url);
    socket.send(Uint8Array.of(0, 10, 255));
    assert.equal(await next(socket), "binary 000aff");
    socket.send("text");
    assert.equal(await next(socket), `binary ${Buffer.from("text").toString("hex")}`);
  });

  it("holds a bounded amount where the process writes faster than the client reads", async (t) => {
    const folder = await temporaryFolder(t);
    const count = path.join(folder, "count");
    const writes = await script(
      t,
      `const line = "x".repeat(1e6) + "\\n"; let n = 0;
       const go = () => { require("fs").writeFileSync(${JSON.stringify(count)}, String(++n)); if (n < 400) process.stdout.write(line, go); };
       go();`,
    );
    const { url } = await serve(t, ["--exec", writes]);
    const socket = await open(t, url);
    let received = 0;
    await once(socket, "message");
    socket.pause();
    // It stops writing at some count, far from its end.
    let last = -1;
    for (let now = 0; now !== last; ) {
      last = now;
      await new Promise((resolve) => setTimeout(resolve, 300));
      now = Number(await readFile(count, "utf8"));
    }
    assert.ok(last < 200, `${last} lines were taken`);
    socket.on("message", () => received++);
    socket.resume();
    const [code] = await once(socket, "close");
    assert.equal(code, 1000);
    assert.ok(received >= 397, `${received} lines came`);
  });

  it("--max-connections bounds the processes", async (t) => {
    const { url } = await serve(t, ["--exec", "cat", "--max-connections", "1"]);
    await open(t, url);
    const second = new WebSocket(url);
    second.on("error", () => {});
    const [, response] = await once(second, "unexpected-response");
    assert.equal(response.statusCode, 503);
    second.terminate();
  });

  it("says when the command cannot be started", async (t) => {
    const { program, url } = await serve(t, ["--exec", "/nowhere/at/all"]);
    const socket = new WebSocket(url);
    const [code, reason] = await once(socket, "close");
    assert.deepEqual([code, String(reason)], [1011, "the command cannot be started"]);
    await program.until(/: cannot start \/nowhere\/at\/all: .*ENOENT$/m, "stderr");
  });
});

describe("serve --interactive", { concurrency: 2 }, () => {
  it("sends lines to all clients, and writes their messages to standard output, and nothing else", async (t) => {
    const { program, url } = await serve(t, ["--interactive"]);
    const [one, two] = await Promise.all([open(t, url), open(t, url)]);
    const came = Promise.all([next(one), next(two)]);
    program.child.stdin.write("to all\n");
    assert.deepEqual(await came, ["text to all", "text to all"]);
    one.send('{"a":1}');
    await program.until(/\n/);
    two.send(Uint8Array.of(1, 255));
    await program.until(/01ff\n/);
    assert.equal(program.stdout, '{"a":1}\n01ff\n');
    program.child.kill("SIGINT");
    assert.equal((await program.ended).code, 0);
  });
});

describe("misuse of serve --exec", () => {
  const MISUSE: [args: string[], message: RegExp][] = [
    [["--exec", "cat", "--broadcast"], /--broadcast and --exec cannot be combined/],
    [["--interactive", "--broadcast"], /--broadcast and --interactive cannot be combined/],
    [["--shell"], /--shell is for --exec COMMAND/],
    [["--exec", " "], /--exec must be a command/],
    [["--exec", "cat 'a"], /--exec has a ' that does not end/],
    [["--ca", "package.json"], /--ca must be a file of certificates in PEM/],
  ];
  for (const [args, message] of MISUSE) {
    it(JSON.stringify(args), async () => {
      const { code, stdout, stderr } = await runHere(["serve", ...args]);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, message);
    });
  }
});

describe("words of a command", () => {
  it("are parted by spaces, except in quotes", () => {
    assert.deepEqual(wordsOf(" wc  -c\t-l "), ["wc", "-c", "-l"]);
    assert.deepEqual(wordsOf(`a 'b c' "d 'e'" f"g"'h' '' C:\\x`), ["a", "b c", "d 'e'", "fgh", "", "C:\\x"]);
    assert.throws(() => wordsOf('a "b'), UsageError);
    assert.throws(() => wordsOf(""), UsageError);
  });
});

describe("LineSplitter", () => {
  it("gives the same lines however bytes are cut", () => {
    const text = "one\r\n\ntwo ü 🪢\nthree";
    for (let size = 1; size <= text.length; size++) {
      const splitter = new LineSplitter();
      const bytes = Buffer.from(text);
      const lines: string[] = [];
      for (let at = 0; at < bytes.length; at += size)
        lines.push(...splitter.push(bytes.subarray(at, at + size)));
      assert.equal(splitter.length, 5);
      assert.deepEqual([...lines, ...splitter.end()], ["one", "", "two ü 🪢", "three"]);
      assert.deepEqual(splitter.end(), []);
    }
  });
});
