/** `hawser bench`: what it reports, and that it finds what a server does wrong. */

import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { createCertificate, echo, Program, run, runHere, serve, Terminal, wsServer } from "./support.js";

const SHORT = ["-c", "3", "-d", "0.3"];

describe("bench", { concurrency: 2 }, () => {
  it("counts, times and verifies echoes", async (t) => {
    const { url } = await serve(t, ["--quiet"]);
    const { code, stdout, stderr } = await run(t, ["bench", url, "-c", "30", "-d", "0.3"]);
    assert.deepEqual([code, stderr], [0, ""]);
    const lines =
      /^30 connections, 1 in flight on each, binary of 128 bytes, ([\d.]+) s\n\nmessages {2}([\d,]+)\/s, ([\d,]+) echoes verified\npayload {3}([\d.]+) MB\/s each way\nlatency {3}p50 ([\d.]+) ms {2}p90 ([\d.]+) ms {2}p99 ([\d.]+) ms {2}max ([\d.]+) ms\nerrors {4}0\n$/;
    assert.match(stdout, lines);
    const [elapsed, rate, echoes, payload, p50, p90, p99, max] = (lines.exec(stdout) ?? [])
      .slice(1)
      .map((text) => Number(text.replaceAll(",", "")));
    assert.ok(echoes > 0 && p50 > 0 && p50 <= p90 && p90 <= p99 && p99 <= max, stdout);
    assert.ok(Math.abs(payload - (rate * 128) / 1e6) < 0.01, stdout);
    assert.ok(elapsed >= 0.3 && Math.abs((rate * elapsed) / echoes - 1) < 0.2, stdout);
  });

  it("--text, --size, --in-flight and --connections", async (t) => {
    const seen = new Set<string>();
    let connections = 0;
    let most = 0;
    const url = await wsServer(t, (socket) => {
      connections++;
      let inFlight = 0;
      socket.on("message", (data: Buffer, isBinary) => {
        seen.add(`${isBinary ? "binary" : "text"} of ${data.length}`);
        most = Math.max(most, ++inFlight);
        setImmediate(() => {
          inFlight--;
          socket.send(data, { binary: isBinary });
        });
      });
    });
    const options = [
      "--connections",
      "2",
      "--size",
      "1000",
      "--in-flight",
      "4",
      "--seconds",
      "0.3",
      "--text",
    ];
    const { code, stdout } = await run(t, ["bench", url, ...options]);
    assert.equal(code, 0);
    assert.match(stdout, /^2 connections, 4 in flight on each, text of 1,000 bytes, /);
    assert.deepEqual([...seen], ["text of 1000"]);
    assert.equal(connections, 2);
    assert.equal(most, 4);
  });

  it("takes any size, empty and large", async (t) => {
    const { url } = await serve(t, ["--quiet"]);
    for (const size of [0, 1, 3_000_000]) {
      const { code, stdout } = await run(t, ["bench", url, ...SHORT, "-s", String(size), "-n", "2"]);
      assert.equal(code, 0, stdout);
    }
  });

  it("finds an echo that was changed, and --no-verify does not look", async (t) => {
    let count = 0;
    const url = await wsServer(t, (socket) => {
      socket.on("message", (data: Buffer) => {
        if (++count === 3) data[100] ^= 1;
        socket.send(data);
      });
    });
    const found = await run(t, ["bench", url, ...SHORT]);
    assert.equal(found.code, 1);
    assert.match(
      found.stdout,
      /^errors {4}1\n {2}1 x a wrong echo\n {2}the first wrong echo: message \d of connection \d has 0x.. at byte 100, not 0x..\n$/m,
    );
    count = 0;
    const blind = await run(t, ["bench", url, ...SHORT, "--no-verify"]);
    assert.equal(blind.code, 0);
    assert.match(blind.stdout, /echoes not verified\n/);
  });

  it("finds echoes in the wrong order", async (t) => {
    const url = await wsServer(t, (socket) => {
      let held: Buffer | undefined;
      socket.on("message", (data: Buffer) => {
        if (held === undefined) held = data;
        else {
          socket.send(data);
          socket.send(held);
          held = undefined;
        }
      });
    });
    const { code, stdout } = await run(t, ["bench", url, ...SHORT, "-n", "2"]);
    assert.equal(code, 1);
    assert.match(stdout, /x a wrong echo\n/);
  });

  it("finds echoes that do not come, that come twice, and of another type", async (t) => {
    let opened = 0;
    const [lost, twice, typed] = await Promise.all([
      wsServer(t, (socket) => {
        if (++opened === 1) echo(socket);
      }),
      wsServer(t, (socket) => {
        socket.on("message", (data) => {
          socket.send(data);
          socket.send(data);
        });
      }),
      wsServer(t, (socket) => {
        socket.on("message", (data) => socket.send(data, { binary: true }));
      }),
    ]);
    const results = await Promise.all([
      run(t, ["bench", lost, ...SHORT]),
      run(t, ["bench", twice, ...SHORT]),
      run(t, ["bench", typed, ...SHORT, "--text"]),
    ]);
    assert.deepEqual(
      results.map(({ code }) => code),
      [1, 1, 1],
    );
    assert.match(results[0].stdout, /^errors {4}2\n {2}2 x an echo did not come in time$/m);
    assert.match(results[1].stdout, /x (a message came that answers none|a wrong echo)$/m);
    assert.match(results[2].stdout, /the first wrong echo: .* came as binary$/m);
  });

  it("counts connections that cannot be opened, and that are closed", async (t) => {
    const server = net.createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    let opened = 0;
    const closing = await wsServer(t, (socket) => {
      if (++opened === 1) socket.close(1013);
      else echo(socket);
    });
    const [refused, closed] = await Promise.all([
      run(t, ["bench", `127.0.0.1:${port}`, ...SHORT]),
      run(t, ["bench", closing, ...SHORT]),
    ]);
    assert.equal(refused.code, 1);
    assert.match(refused.stdout, /^errors {4}3\n {2}3 x cannot connect: .*ECONNREFUSED/m);
    assert.equal(closed.code, 1);
    assert.match(closed.stdout, /^errors {4}1\n {2}1 x the server closed a connection \(1013\)$/m);
  });

  it("speaks TLS, and takes the options of connect", async (t) => {
    let protocol = "";
    let authorization: string | undefined;
    const url = await wsServer(
      t,
      (socket, request) => {
        protocol = socket.protocol;
        authorization = request.headers.authorization;
        echo(socket);
      },
      { tls: await createCertificate(t) },
    );
    const options = ["--insecure", "--subprotocol", "chat", "--auth", "a:b"];
    const { code, stdout } = await run(t, ["bench", url, ...SHORT, ...options]);
    assert.equal(code, 0, stdout);
    assert.deepEqual([protocol, authorization], ["chat", `Basic ${btoa("a:b")}`]);
    const { code: untrusted, stdout: why } = await run(t, ["bench", url, ...SHORT]);
    assert.equal(untrusted, 1);
    assert.match(why, /3 x cannot connect: self-signed certificate/);
  });

  it("reports what it has at SIGINT", async (t) => {
    let enough: () => void = () => {};
    const isRunning = new Promise<void>((resolve) => {
      enough = resolve;
    });
    const url = await wsServer(t, (socket) => {
      let count = 0;
      socket.on("message", (data) => {
        socket.send(data);
        if (++count === 20) enough();
      });
    });
    const program = new Program(t, ["bench", url, "-c", "2", "-d", "1000"]);
    await isRunning;
    program.child.kill("SIGINT");
    const { code, stdout } = await program.ended;
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^messages .* echoes verified$/m);
  });

  it("shows progress on a terminal, on a line that goes away", async (t) => {
    const url = await wsServer(t, echo);
    const terminal = new Terminal(["bench", url, "-c", "2", "-d", "0.6"]);
    await terminal.until(/\r␛\[K0\.\d s {2}[\d,]+ messages\/s {2}p99 \d+\.\d\d ms {2}0 errors/);
    assert.equal(await terminal.ended, 0);
    assert.match(terminal.screen, /\r␛\[K2 connections, /);
  });

  const MISUSE: [args: string[], message: RegExp][] = [
    [[], /expected a URL/],
    [["h", "-c", "0"], /--connections must be a whole number from 1 to 65535, not "0"/],
    [["h", "-s", "-1"], /--size|-s/],
    [["h", "-s", "1k"], /--size must be a whole number from 0 to /],
    [["h", "-n", "0"], /--in-flight must be a whole number from 1 to /],
    [["h", "-d", "0"], /--seconds must be more than 0/],
    [["h", "-d", "long"], /--seconds must be a number of seconds/],
  ];
  for (const [args, message] of MISUSE) {
    it(`${JSON.stringify(args)} is misuse`, async () => {
      const { code, stdout, stderr } = await runHere(["bench", ...args]);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, message);
      assert.match(stderr, /\nTry: hawser bench --help\n$/);
    });
  }
});
