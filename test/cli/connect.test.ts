/** `hawser connect`: its options, pipes, signals and terminals. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http, { type IncomingMessage } from "node:http";
import net, { type AddressInfo } from "node:net";
import path from "node:path";
import { describe, it } from "node:test";
import {
  createCertificate,
  echo,
  Program,
  run,
  runHere,
  Terminal,
  temporaryFolder,
  wsServer,
} from "./support.js";

describe("options of connect", { concurrency: 2 }, () => {
  it("-H, --origin, --auth and -s go into the handshake", async (t) => {
    let seen: IncomingMessage | undefined;
    const url = await wsServer(
      t,
      (_, request) => {
        seen = request;
      },
      { handleProtocols: () => "superchat" },
    );
    const options = ["-H", "X-One: 1", "--header", "X-Two:a:b", "--origin", "https://example.com"];
    const more = ["--auth", "user:pass:word", "-s", "chat", "--subprotocol", "superchat"];
    const { code, stdout, stderr } = await run(t, ["connect", url, ...options, ...more, "-w", "0"]);
    assert.deepEqual([code, stdout], [0, ""]);
    assert.match(stderr, /^connected to ws:.*\/, subprotocol superchat$/m);
    const { headers } = seen ?? {};
    assert.equal(headers?.["x-one"], "1");
    assert.equal(headers?.["x-two"], "a:b");
    assert.equal(headers?.origin, "https://example.com");
    assert.equal(headers?.authorization, `Basic ${btoa("user:pass:word")}`);
    assert.equal(headers?.["sec-websocket-protocol"]?.replaceAll(" ", ""), "chat,superchat");
  });

  it("credentials of the URL are sent, and not shown", async (t) => {
    let authorization: string | undefined;
    const url = await wsServer(t, (_, request) => {
      authorization = request.headers.authorization;
    });
    const { code, stdout, stderr } = await run(t, [
      "connect",
      url.replace("//", "//user:secret@"),
      "-w",
      "0",
    ]);
    assert.equal(code, 0);
    assert.equal(authorization, `Basic ${btoa("user:secret")}`);
    assert.doesNotMatch(stdout + stderr, /secret/);
  });

  it("--insecure trusts a certificate that no authority signed, and without it there is no connection", async (t) => {
    const url = await wsServer(t, echo, { tls: await createCertificate(t) });
    const trusting = await run(t, ["connect", url, "--insecure"], "hello");
    assert.equal(trusting.code, 0, trusting.stderr);
    assert.equal(trusting.stdout, "hello\n");
    const { code, stdout, stderr } = await run(t, ["connect", url], "hello");
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^hawser connect: cannot connect to wss:.*: self-signed certificate/);
  });

  it("--redirect follows, and without it a redirect is an error", async (t) => {
    const url = await wsServer(t, echo);
    const server = http.createServer((_, response) => {
      response.writeHead(302, { Location: url }).end();
    });
    server.on("upgrade", (_, socket) => {
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ${url}\r\nContent-Length: 0\r\n\r\n`);
    });
    t.after(() => server.close());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const from = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const followed = await run(t, ["connect", from, "--redirect"], "hello");
    assert.equal(followed.code, 0, followed.stderr);
    assert.equal(followed.stdout, "hello\n");
    const { code, stderr } = await run(t, ["connect", from]);
    assert.equal(code, 1);
    assert.match(stderr, /302/);
  });

  it("--compress offers compression, and says whether it is used", async (t) => {
    const compressing = await wsServer(t, echo, { perMessageDeflate: true });
    for (const [url, argv, said] of [
      [compressing, ["--compress"], /compressed/],
      [compressing, [], /^connected to [^,]*$/m],
      [await wsServer(t, echo), ["--compress"], /^connected to [^,]*$/m],
    ] as const) {
      const text = "compressed".repeat(200);
      const { code, stdout, stderr } = await run(t, ["connect", url, ...argv], text);
      assert.equal(code, 0, stderr);
      assert.equal(stdout, `${text}\n`);
      assert.match(stdout + stderr, said);
    }
  });

  it("-x runs the given commands instead of reading lines, then waits for -w", async (t) => {
    const url = await wsServer(t, (socket) => {
      socket.on("message", (data) => setTimeout(() => socket.send(`after a while: ${data}`), 50));
    });
    // Its standard input does not end.
    const program = new Program(t, ["connect", url, "-x", "one", "--execute", "/text /two", "-w", "1"]);
    const { code, stdout } = await program.ended;
    assert.deepEqual([code, stdout], [0, "after a while: one\nafter a while: /two\n"]);
  });

  it("-w is how long answers may take: 0, or forever", async (t) => {
    const url = await wsServer(t, (socket) => {
      socket.on("message", () => {
        setTimeout(() => {
          socket.send("late");
          socket.close(4000, "done");
        }, 800);
      });
    });
    const [hasty, patient, usual] = await Promise.all([
      run(t, ["connect", url, "-w", "0"], "hello"),
      run(t, ["connect", url, "-w", "forever"], "hello"),
      run(t, ["connect", url], "hello"),
    ]);
    assert.deepEqual([hasty.stdout, patient.stdout], ["", "late\n"]);
    assert.match(hasty.stderr, /\nsent close 1000\n/);
    assert.match(patient.stderr, /\nreceived close 4000 done\n$/);
    assert.match(usual.stderr, /\nsent close 1000\n/);
    assert.deepEqual([hasty.code, patient.code, usual.code], [0, 0, 0]);
  });

  it("--binary shows bytes in another way", async (t) => {
    const url = await wsServer(t, (socket) => {
      socket.send(Uint8Array.of(0, 0xff, 0x10));
      socket.close(1000);
    });
    const folder = await temporaryFolder(t);
    const [base64, file, unwritable] = await Promise.all([
      run(t, ["connect", url, "--binary", "base64"]),
      run(t, ["connect", url, "--binary", `file:${folder}`]),
      run(t, ["connect", url, "--binary", "file:/dev/null/nowhere"]),
    ]);
    assert.equal(base64.stdout, "AP8Q\n");
    const saved = path.join(folder, "message-0001.bin");
    assert.equal(file.stdout, `${saved}\n`);
    assert.deepEqual([...(await readFile(saved))], [0, 0xff, 0x10]);
    assert.equal(unwritable.code, 1);
    assert.match(unwritable.stderr, /^cannot save a message: /m);
  });

  const MISUSE: [args: string[], message: RegExp][] = [
    [["-H", "no colon"], /a header must be 'Name: value', not "no colon"/],
    [["-s", "a b"], /subprotocol/],
    [["--auth", "user"], /--auth must be USER:PASSWORD/],
    [["-w", "soon"], /--wait must be a number of seconds/],
    [["--binary", "octal"], /--binary must be hex, base64, raw, file or file:FOLDER, not "octal"/],
    [["--execute"], /--execute/],
  ];
  for (const [args, message] of MISUSE) {
    it(`${JSON.stringify(args)} is misuse`, async () => {
      const { code, stdout, stderr } = await runHere(["connect", "ws://127.0.0.1:1", ...args]);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, message);
      assert.match(stderr, /\nTry: hawser connect --help\n$/);
    });
  }
});

describe("connect", { concurrency: 2 }, () => {
  it("says why there is no connection", async (t) => {
    const server = net.createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    const refused = await run(t, ["connect", `:${port}`]);
    assert.deepEqual([refused.code, refused.stdout], [1, ""]);
    assert.match(refused.stderr, /^hawser connect: cannot connect to ws:\/\/localhost:\d+\/: .*ECONNREFUSED/);

    const url = await wsServer(t, echo, { verifyClient: (_, done) => done(false, 403, "\x9b31m") });
    const forbidden = await run(t, ["connect", url]);
    assert.equal(forbidden.code, 1);
    assert.match(forbidden.stderr, /403/);
    assert.doesNotMatch(forbidden.stderr, /\x9b/u);
  });

  it("ends when the server closes, though its input does not", async (t) => {
    const url = await wsServer(t, (socket) => socket.close(1000, "bye"));
    const { code, stdout, stderr } = await new Program(t, ["connect", url]).ended;
    assert.deepEqual([code, stdout], [0, ""]);
    assert.match(stderr, /^received close 1000 bye\n$/m);
  });

  it("sends lines as they come, not when all have come", async (t) => {
    const url = await wsServer(t, echo);
    const program = new Program(t, ["connect", url]);
    for (const line of ["one", "two"]) {
      program.child.stdin.write(`${line}\r`);
      await program.until(new RegExp(`^${line}$`, "m"));
      // One end of a line, though its second half comes late.
      await new Promise((resolve) => setTimeout(resolve, 120));
      program.child.stdin.write("\n");
    }
    program.child.stdin.end();
    const { code, stdout } = await program.ended;
    assert.equal(code, 0);
    assert.equal(stdout, "one\ntwo\n");
  });

  it("sends a file of many lines, to a server that takes its time", async (t) => {
    const count = 3000;
    let received = 0;
    const url = await wsServer(t, (socket) => {
      socket.on("message", () => {
        received++;
        if (received % 500 === 0) {
          socket.pause();
          setTimeout(() => socket.resume(), 20);
        }
      });
    });
    const { code } = await run(t, ["connect", url], `${"x".repeat(1000)}\n`.repeat(count));
    assert.deepEqual([code, received], [0, count]);
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`closes with 1000 at ${signal}`, async (t) => {
      const codes: number[] = [];
      const url = await wsServer(t, (socket) => socket.on("close", (code) => codes.push(code)));
      const program = new Program(t, ["connect", url]);
      await program.until(/connected/, "stderr");
      program.child.kill(signal);
      const { code, signal: by, stdout, stderr } = await program.ended;
      assert.deepEqual([code, by, stdout], [0, null, ""]);
      assert.match(stderr, /\nsent close 1000\nreceived close 1000\n$/);
      assert.deepEqual(codes, [1000]);
    });
  }

  it("gives up opening at SIGINT", async (t) => {
    const server = net.createServer();
    server.listen(0, "127.0.0.1");
    t.after(() => server.close());
    await once(server, "listening");
    const accepted = once(server, "connection");
    const program = new Program(t, ["connect", `:${(server.address() as AddressInfo).port}`]);
    const [socket] = await accepted;
    t.after(() => socket.destroy());
    program.child.kill("SIGINT");
    const { code, stderr } = await program.ended;
    assert.deepEqual([code, stderr], [1, "hawser connect: interrupted\n"]);
  });

  it("does not wait for a server that does not close, at a second SIGINT", async (t) => {
    const url = await wsServer(t, (socket) => socket.pause());
    const program = new Program(t, ["connect", url]);
    await program.until(/connected/, "stderr");
    program.child.kill("SIGINT");
    await program.until(/sent close 1000/, "stderr");
    program.child.kill("SIGINT");
    assert.equal((await program.ended).signal, "SIGINT");
  });

  it("ends when the reader of its output closes it", async (t) => {
    const url = await wsServer(t, (socket) => {
      const timer = setInterval(() => socket.send("tick"), 10);
      socket.on("close", () => clearInterval(timer));
    });
    const program = new Program(t, ["connect", url]);
    await program.until(/tick/);
    program.child.stdout.destroy();
    assert.equal((await program.ended).code, 0);
  });
});

describe("connect on a terminal", () => {
  it("keeps the typed line below the output", async (t) => {
    let send: (text: string) => void = () => {};
    const url = await wsServer(t, (socket) => {
      send = (text) => socket.send(text);
      echo(socket);
    });
    const terminal = new Terminal(["connect", url], { NO_COLOR: "1" });
    await terminal.until(/connected to .*Ctrl\+D leaves\n/);
    await terminal.type("hel", /hel/);
    const start = terminal.screen.length;
    send("in between");
    // The line is taken away, the message written, and the line put back.
    await terminal.until(/␛\[0J< in between\n[\s\S]*> hel␛\[6G$/, start);
    await terminal.type("lo\r", /< hello\n/);
    assert.doesNotMatch(terminal.screen, /\n> hello\n/, "the typed line is not shown twice");
    await terminal.type("/ping x\r", /< \[pong\] x \(\d+\.\d\d ms\)\n/);
    await terminal.type("/nothing\r", /there is no \/nothing/);
    await terminal.type("/close 3000 bye\r", /> \[close\] 3000 bye\n[\s\S]*< \[close\] 3000 bye\n/);
    // The user sees a command that could not be run: that is not a failure.
    assert.equal(await terminal.ended, 0);
  });

  it("removes all rows of the typed line", async (t) => {
    let send: (text: string) => void = () => {};
    const url = await wsServer(t, (socket) => {
      send = (text) => socket.send(text);
    });
    const terminal = new Terminal(["connect", url], { NO_COLOR: "1" });
    await terminal.until(/connected/);
    await terminal.type("x".repeat(200), /x{70}/);
    const start = terminal.screen.length;
    send("in between");
    // 202 characters with the prompt: the cursor is on the third row of 80 columns.
    await terminal.until(/␛\[2A␛\[1G␛\[0J< in between\n/, start);
    await terminal.type("\x03", /\[close\] 1000\n/);
    assert.equal(await terminal.ended, 0);
  });

  for (const [name, key] of [
    ["Ctrl+C", "\x03"],
    ["Ctrl+D", "\x04"],
  ]) {
    it(`leaves at ${name}, at once`, async (t) => {
      const url = await wsServer(t, echo);
      const terminal = new Terminal(["connect", url, "-w", "forever"], { NO_COLOR: "1" });
      await terminal.until(/connected/);
      // The prompt is taken away first.
      await terminal.type(key, /␛\[0J> \[close\] 1000\n< \[close\] 1000\n/);
      assert.equal(await terminal.ended, 0);
      assert.ok(terminal.screen.endsWith("\n"), "the shell's prompt comes on a line of its own");
    });
  }

  it("leaves when the server closes", async (t) => {
    const url = await wsServer(t, (socket) => setTimeout(() => socket.close(1001), 50));
    const terminal = new Terminal(["connect", url]);
    await terminal.until(/\[close\] 1001/);
    assert.equal(await terminal.ended, 0);
  });

  it("has colours, unless NO_COLOR is set", async (t) => {
    const url = await wsServer(t, echo);
    for (const [env, shown] of [
      [{}, /␛\[36m<␛\[39m hello/],
      [{ NO_COLOR: "1" }, /(?<!m)< hello/],
    ] as const) {
      const terminal = new Terminal(["connect", url], env);
      await terminal.type("hello\r", shown);
      await terminal.type("/quit\r", /\[close\] 1000/);
      await terminal.ended;
    }
  });

  it("closes at a signal", async (t) => {
    const url = await wsServer(t, echo);
    const terminal = new Terminal(["connect", url]);
    await terminal.until(/connected/);
    terminal.signal("SIGTERM");
    assert.equal(await terminal.ended, 0);
  });
});
