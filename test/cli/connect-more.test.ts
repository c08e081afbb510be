/** `hawser connect` beyond one conversation: bytes, JSON, Pings, proxies, frames, and staying connected. */

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { WebSocketServer } from "ws";
import { echo, Program, run, Terminal, wsServer } from "./support.js";

describe("connect", { concurrency: 2 }, () => {
  it("says the subprotocol that was chosen", async (t) => {
    const url = await wsServer(t, echo, { handleProtocols: () => "superchat" });
    const { stderr } = await run(t, ["connect", url, "-s", "chat", "-s", "superchat", "-w", "0"]);
    assert.match(stderr, /^connected to \S+, subprotocol superchat$/m);
  });

  it("--binary raw moves bytes both ways as they are", async (t) => {
    const url = await wsServer(t, echo);
    const program = new Program(t, ["connect", url, "--binary", "raw", "-w", "forever"]);
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i & 0xff));
    const chunks: Buffer[] = [];
    program.child.stdout.setEncoding("latin1");
    const came = new Promise<void>((resolve) => {
      program.child.stdout.on("data", (text: string) => {
        chunks.push(Buffer.from(text, "latin1"));
        if (chunks.reduce((sum, chunk) => sum + chunk.length, 0) >= bytes.length) resolve();
      });
    });
    program.child.stdin.write(bytes);
    await came;
    assert.ok(Buffer.concat(chunks).equals(bytes));
    program.child.stdin.end();
    program.child.kill("SIGINT");
    assert.equal((await program.ended).code, 0);
  });

  it("--binary raw ends when the server does, though standard input does not", async (t) => {
    const url = await wsServer(t, (socket) => socket.close(1000));
    const program = new Program(t, ["connect", url, "--binary", "raw"]);
    assert.equal((await program.ended).code, 0);
  });

  it("--json is for terminals: through a pipe JSON stays as it came", async (t) => {
    const url = await wsServer(t, echo);
    const text = '{"a":[1,2]}';
    assert.equal((await run(t, ["connect", url, "--json"], text)).stdout, `${text}\n`);
    const terminal = new Terminal(["connect", url, "--json"], { NO_COLOR: "1" });
    await terminal.until(/connected/);
    await terminal.type(`${text}\r`, /< \{\n {4}"a": \[\n {6}1,\n {6}2\n {4}\]\n {2}\}\n/);
    await terminal.type("/quit\r", /\[close\] 1000/);
    assert.equal(await terminal.ended, 0);
  });

  it("--ping sends Pings by itself, and shows none of their Pongs", async (t) => {
    let pings = 0;
    const url = await wsServer(t, (socket) => {
      socket.on("ping", () => {
        if (++pings === 2) socket.close(1000);
      });
    });
    const { code, stderr } = await run(t, ["connect", url, "--ping", "0.1", "-w", "forever"]);
    assert.equal(code, 0);
    assert.equal(pings, 2);
    assert.doesNotMatch(stderr, /pong/);
  });

  it("--quiet says nothing but errors", async (t) => {
    const url = await wsServer(t, echo);
    assert.deepEqual(await run(t, ["connect", url, "-q"], "hello"), {
      code: 0,
      signal: null,
      stdout: "hello\n",
      stderr: "",
    });
  });

  it("--debug shows frames on standard error", async (t) => {
    const url = await wsServer(t, echo);
    const { stdout, stderr } = await run(t, ["connect", url, "--debug", "-q"], "hello");
    assert.equal(stdout, "hello\n");
    assert.match(stderr, /^hawser #1 > TEXT 'hello' \[5 bytes\]\nhawser #1 < TEXT 'hello' \[5 bytes\]$/m);
    assert.match(stderr, /^hawser #1 > CLOSE 1000 \[2 bytes\]$/m);
  });

  it("goes through a proxy: that of --proxy, or that of the environment, or none", async (t) => {
    const url = await wsServer(t, echo);
    const asked: string[] = [];
    const proxy = http.createServer();
    proxy.on("connect", (request, socket: net.Socket) => {
      asked.push(String(request.url));
      const up = net.connect(Number(new URL(url).port), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        socket.pipe(up).pipe(socket);
      });
      for (const each of [socket, up]) each.on("error", () => {});
    });
    proxy.listen(0, "127.0.0.1");
    t.after(() => proxy.close());
    await once(proxy, "listening");
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const none = { http_proxy: "", HTTP_PROXY: "", no_proxy: "", NO_PROXY: "" };
    const named = await run(t, ["connect", "ws://a.example/x", "--proxy", address], "hello", none);
    assert.deepEqual([named.code, named.stdout], [0, "hello\n"], named.stderr);
    const environment = { ...none, http_proxy: address };
    const told = await run(t, ["connect", "ws://b.example/x"], "hello", environment);
    assert.deepEqual([told.code, told.stdout], [0, "hello\n"], told.stderr);
    // This machine is reached without it, and so is everything by --proxy none.
    assert.equal((await run(t, ["connect", url], "hello", environment)).stdout, "hello\n");
    assert.equal((await run(t, ["connect", "ws://c.invalid", "--proxy", "none"], "", environment)).code, 1);
    assert.deepEqual(asked, ["a.example:80", "b.example:80"]);
  });
});

describe("connect --reconnect", { concurrency: 2 }, () => {
  /** A server that can be stopped and started again on the same port. */
  async function restartable(t: TestContext) {
    const log: string[] = [];
    let server: WebSocketServer;
    let port = 0;
    const start = async () => {
      server = new WebSocketServer({ host: "127.0.0.1", port });
      server.on("connection", (socket) => {
        socket.on("message", (data) => {
          log.push(String(data));
          socket.send(`got ${data}`);
        });
      });
      await once(server, "listening");
      port = (server.address() as AddressInfo).port;
    };
    const stop = async () => {
      for (const client of server.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    };
    await start();
    t.after(() => stop());
    return { url: `ws://127.0.0.1:${port}`, log, start, stop };
  }

  it("opens the connection again when it is lost, and lines wait until it is open", async (t) => {
    const { url, log, start, stop } = await restartable(t);
    const program = new Program(t, ["connect", url, "--reconnect"]);
    program.child.stdin.write("one\n");
    await program.until(/got one/);
    await stop();
    await program.until(/the connection was lost[\s\S]*opening it again in/, "stderr");
    program.child.stdin.write("two\n");
    await start();
    await program.until(/got two/);
    program.child.stdin.end();
    const { code, stdout, stderr } = await program.ended;
    assert.deepEqual([code, stdout], [0, "got one\ngot two\n"]);
    assert.deepEqual(log, ["one", "two"]);
    assert.equal(stderr.match(/^connected/gm)?.length, 2);
  });

  it("waits for a server that is not there yet, and gives up at a signal", async (t) => {
    const { url, start, stop } = await restartable(t);
    await stop();
    const program = new Program(t, ["connect", url, "--reconnect"]);
    await program.until(/Nothing listens[\s\S]*the next attempt comes in/, "stderr");
    await start();
    await program.until(/^connected/m, "stderr");
    await stop();
    await program.until(/opening it again in/, "stderr");
    program.child.kill("SIGINT");
    const { code, signal } = await program.ended;
    assert.deepEqual([code, signal], [0, null]);
    await start();
  });

  it("does not try again what would be refused again", async (t) => {
    const url = await wsServer(t, echo, { verifyClient: (_, done) => done(false, 401) });
    const { code, stderr } = await run(t, ["connect", url, "--reconnect"]);
    assert.equal(code, 1);
    assert.match(stderr, /401[\s\S]*--auth/);
  });
});
