/** `hawser serve`, the real program, with clients of `ws` and of hawser. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import net, { type AddressInfo } from "node:net";
import path from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type ClientOptions, WebSocket } from "ws";
import { createCertificate, Program, run, runHere, serve, temporaryFolder } from "./support.js";

/** An open connection of `ws`. */
async function open(t: TestContext, url: string, options: ClientOptions = {}): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false, ...options });
  t.after(() => socket.terminate());
  await once(socket, "open");
  return socket;
}

/** The next message, as text or hex. */
async function next(socket: WebSocket): Promise<string> {
  const [data, isBinary] = (await once(socket, "message")) as [Buffer, boolean];
  return isBinary ? `binary ${data.toString("hex")}` : `text ${data}`;
}

/** Resolves when so many messages came; several may come at once. */
function receive(socket: WebSocket, total: number): Promise<void> {
  let received = 0;
  return new Promise((resolve) => {
    socket.on("message", () => {
      if (++received === total) resolve();
    });
  });
}

describe("serve", { concurrency: 2 }, () => {
  it("says where it is and what to try, and echoes", async (t) => {
    const { program, url, port } = await serve(t);
    assert.equal(url, `ws://127.0.0.1:${port}`);
    await program.until(/Ctrl\+C stops it\n/, "stderr");
    assert.ok(program.stderr.startsWith(`echo server on ${url}\ntry: npx hawser connect ${url}\n`));
    assert.match(program.stderr, new RegExp(`^ {5}npx hawser bench ${url}$`, "m"));
    const socket = await open(t, url);
    for (const [data, shown] of [
      ["Grüße 🪢", "text Grüße 🪢"],
      ["", "text "],
      [Uint8Array.of(0, 255), "binary 00ff"],
      [Buffer.alloc(300_000, "x").toString(), `text ${"x".repeat(300_000)}`],
    ] as const) {
      socket.send(data);
      assert.equal(await next(socket), shown);
    }
  });

  it("has a line for each connection, and what a client says controls no terminal", async (t) => {
    const { program, url } = await serve(t);
    const socket = await open(t, `${url}/a?b=%1b`);
    await program.until(/^open 127\.0\.0\.1:\d+ \/a\?b=%1b$/m, "stderr");
    socket.send("hello");
    await next(socket);
    socket.close(4001, "\x1b[31m\nforged");
    await program.until(
      /^close 127\.0\.0\.1:\d+ 4001 \\x1b\[31m\\x0aforged, 1 message in, 1 out$/m,
      "stderr",
    );
    const lost = await open(t, url, { origin: url.replace("ws", "http") });
    await program.until(/^open \S+ \/ from http:\/\/127\.0\.0\.1:\d+$/m, "stderr");
    lost.terminate();
    await program.until(/^close \S+ 1006.*, 0 messages in, 0 out$/m, "stderr");
  });

  it("--quiet prints the address alone", async (t) => {
    const { program, url } = await serve(t, ["--quiet"]);
    const socket = await open(t, url);
    socket.close();
    await once(socket, "close");
    program.child.kill("SIGTERM");
    const { stdout, stderr } = await program.ended;
    assert.deepEqual([stdout, stderr], ["", `echo server on ${url}\n`]);
  });

  it("--compress compresses for clients that offer it, and without it nothing is", async (t) => {
    const text = "compressed".repeat(200);
    for (const [argv, extensions] of [
      [["--compress"], "permessage-deflate"],
      [[], ""],
    ] as const) {
      const { url } = await serve(t, argv);
      const socket = await open(t, url, { perMessageDeflate: true });
      assert.equal(socket.extensions, extensions);
      socket.send(text);
      assert.equal(await next(socket), `text ${text}`);
    }
  });

  it("--broadcast sends to all what one sends", async (t) => {
    const { program, url } = await serve(t, ["--broadcast"]);
    assert.match(program.stderr, /^broadcast server on /);
    const sockets = await Promise.all([open(t, url), open(t, url), open(t, url)]);
    const logs = sockets.map((socket) => {
      const log: string[] = [];
      socket.on("message", (data: Buffer, isBinary) => {
        log.push(isBinary ? `binary ${data.toString("hex")}` : `text ${data}`);
      });
      return log;
    });
    sockets[1].send("to all");
    sockets[1].send(Uint8Array.of(1, 2));
    await Promise.all(sockets.map((socket) => receive(socket, 2)));
    // Behind everything that was sent to it.
    await Promise.all(
      sockets.map((socket) => {
        socket.close();
        return once(socket, "close");
      }),
    );
    const expected = ["text to all", "binary 0102"];
    assert.deepEqual(logs, [expected, expected, expected]);
    await program.until(/Ctrl/, "stderr");
    assert.doesNotMatch(program.stdout, /bench/, "nothing to try that would find wrong echoes");
  });

  it("--broadcast closes a client for which too much waits", async (t) => {
    const { program, url } = await serve(t, ["--broadcast", "--max-message-size", "1048576"]);
    const [slow, quick] = await Promise.all([open(t, url), open(t, url)]);
    slow.pause();
    const total = 40;
    const all = receive(quick, total);
    for (let i = 0; i < total; i++) quick.send(Buffer.alloc(1 << 20));
    await all;
    assert.equal(quick.readyState, WebSocket.OPEN);
    slow.resume();
    const [code] = await once(slow, "close");
    assert.equal(code, 1013);
    await program.until(/^close .*\(the peer reads too slowly: /m, "stderr");
  });

  it("--tls-cert and --tls-key make it wss", async (t) => {
    const { certFile, keyFile, cert } = await createCertificate(t);
    const { url, program } = await serve(t, ["--cert", certFile, "--key", keyFile]);
    assert.match(url, /^wss:/);
    await program.until(/^try: npx hawser connect wss:\S+ --insecure$/m, "stderr");
    const socket = await open(t, url, { ca: cert });
    socket.send("hello");
    assert.equal(await next(socket), "text hello");
    const { stdout } = await run(t, ["connect", url, "--insecure", "-x", "by hawser"]);
    assert.equal(stdout, "by hawser\n");
  });

  it("--host says where to listen", async (t) => {
    const { url } = await serve(t, ["--host", "0.0.0.0"]);
    assert.match(url, /^ws:\/\/localhost:/);
    await open(t, url.replace("localhost", "127.0.0.1"));
    const { code, stderr } = await run(t, ["serve", "0", "--host", "nowhere.invalid"]);
    assert.equal(code, 1);
    assert.match(stderr, /^hawser serve: .*nowhere\.invalid/);
  });

  it("--origin says which pages may connect", async (t) => {
    const judge = async (args: string[], origin: (url: string) => string) => {
      const { program, url } = await serve(t, args);
      const socket = new WebSocket(url, { origin: origin(url) });
      socket.on("error", () => {});
      const outcome = await Promise.race([
        once(socket, "open").then(() => 101),
        once(socket, "unexpected-response").then(([, response]) => response.statusCode),
      ]);
      socket.terminate();
      program.child.kill("SIGKILL");
      return outcome;
    };
    const same = (url: string) => url.replace("ws", "http");
    const other = () => "https://example.com";
    assert.deepEqual(
      await Promise.all([
        judge([], same),
        judge([], other),
        judge(["--origin", "same-origin"], other),
        judge(["--origin", "any"], other),
        judge(["--origin", "https://a.example", "--origin", "https://example.com"], other),
        judge(["--origin", "https://a.example"], other),
      ]),
      [101, 403, 403, 101, 101, 403],
    );
  });

  it("--max-message-size is what a message may have, in one frame or in several", async (t) => {
    const { program, url } = await serve(t, ["--max-message-size", "2000000"]);
    for (const fragments of [1, 2]) {
      const socket = await open(t, url);
      const data = Buffer.alloc(1_000_000 * (3 - fragments), 1);
      for (let i = 1; i <= fragments; i++) socket.send(data, { fin: i === fragments });
      assert.equal((await next(socket)).length, "binary ".length + 4_000_000);
      for (let i = 1; i <= fragments; i++) {
        socket.send(i === 1 ? Buffer.concat([data, data.subarray(0, 1)]) : data, { fin: i === fragments });
      }
      const [code] = await once(socket, "close");
      assert.equal(code, 1009);
    }
    await program.until(/^close \S+ 1006.*Max payload size exceeded/m, "stderr");
  });

  it("keeps little for a client that sends and does not read", async (t) => {
    const { program, url } = await serve(t);
    const socket = await open(t, url);
    socket.pause();
    const message = Buffer.alloc(1 << 20, 1);
    const total = 100;
    for (let i = 0; i < total; i++) socket.send(message);
    // What the server does not read stays here.
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.ok(socket.bufferedAmount > (total / 2) * message.length, `${socket.bufferedAmount} bytes wait`);
    const all = receive(socket, total);
    socket.resume();
    await all;
    assert.equal(program.child.exitCode, null);
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`closes all with 1001 at ${signal}, and leaves`, async (t) => {
      const { program, url } = await serve(t);
      const sockets = await Promise.all([open(t, url), open(t, url)]);
      const closed = Promise.all(sockets.map((socket) => once(socket, "close")));
      program.child.kill(signal);
      assert.deepEqual(
        (await closed).map(([code]) => code),
        [1001, 1001],
      );
      const { code, signal: by, stdout } = await program.ended;
      assert.deepEqual([code, by, stdout], [0, null, ""]);
    });
  }

  it("does not wait for clients that do not close, at a second SIGINT", async (t) => {
    const { program, url } = await serve(t);
    const socket = net.connect(Number(new URL(url).port), "127.0.0.1");
    t.after(() => socket.destroy());
    const key = "dGhlIHNhbXBsZSBub25jZQ==";
    socket.write(
      `GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: ${key}\r\n\r\n`,
    );
    await once(socket, "data");
    const close = once(socket, "data");
    program.child.kill("SIGINT");
    assert.deepEqual([...(await close)[0]].slice(0, 4), [0x88, 2, 3, 0xe9]);
    program.child.kill("SIGINT");
    assert.equal((await program.ended).signal, "SIGINT");
  });

  it("says so when the port is taken", async (t) => {
    const server = net.createServer();
    server.listen(0, "127.0.0.1");
    t.after(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { code, stdout, stderr } = await new Program(t, ["serve", String(port)]).ended;
    assert.deepEqual([code, stdout], [1, ""]);
    assert.equal(
      stderr,
      `hawser serve: port ${port} of 127.0.0.1 is in use: give another one, or 0 for any that is free\n`,
    );
  });
});

describe("misuse of serve", () => {
  const MISUSE: [args: string[], message: RegExp][] = [
    [["70000"], /PORT must be a whole number from 0 to 65535, not "70000"/],
    [["--max-message-size", "1e6"], /--max-message-size must be a whole number from 1 to /],
    [["--cert", "a.pem"], /--cert and --key belong together/],
    [["--cert", "/nowhere/a", "--key", "/nowhere/b"], /--cert must be a file: ENOENT/],
    [["--origin", "any", "--origin", "https://example.com"], /--origin any stands alone/],
    [["--origin", "example.com"], /--origin must be any, same-origin or an origin such as https:/],
    [["--origin", "https://example.com/"], /an origin such as https:\/\/example\.com, not/],
    [["--origin", "https://EXAMPLE.com:443"], /an origin such as https:\/\/example\.com, not/],
  ];
  for (const [args, message] of MISUSE) {
    it(JSON.stringify(args), async () => {
      const { code, stdout, stderr } = await runHere(["serve", ...args]);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, message);
      assert.match(stderr, /\nTry: hawser serve --help\n$/);
    });
  }

  it("a certificate that is none, and a key of another one", async (t) => {
    const [one, other] = await Promise.all([createCertificate(t), createCertificate(t)]);
    const none = path.join(await temporaryFolder(t), "none.pem");
    await writeFile(none, "none");
    for (const certFile of [none, other.certFile]) {
      const { code, stderr } = await runHere(["serve", "--cert", certFile, "--key", one.keyFile]);
      assert.equal(code, 2);
      assert.match(stderr, /--ca, --cert and --key must be certificates and a key that fits, in PEM: /);
    }
  });
});
