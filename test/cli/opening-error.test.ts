/** Why `hawser connect` opens no connection, and what it says to do: the real program against real servers. */

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { createCertificate, echo, run, wsServer } from "./support.js";

/** Listens on loopback until the test ends. Returns the port. */
async function listen(t: TestContext, server: net.Server): Promise<number> {
  const sockets = new Set<net.Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Runs `hawser connect`, which must fail. Returns what it says. */
async function failing(t: TestContext, url: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(t, ["connect", url, ...args]);
  assert.deepEqual([code, stdout], [1, ""], stderr);
  return stderr;
}

describe("connect says why there is no connection, and what to do", { concurrency: 2 }, () => {
  it("a wss URL, and a port without TLS", async (t) => {
    const url = await wsServer(t, echo);
    const port = new URL(url).port;
    assert.match(
      await failing(t, url.replace("ws:", "wss:")),
      new RegExp(
        `: wrong version number\\n {2}The server does not speak TLS on port ${port}: use ws:// in place of wss://, or another port\\.\\n$`,
      ),
    );
  });

  it("a ws URL, and a port with TLS", async (t) => {
    const { cert, key } = await createCertificate(t);
    const port = await listen(t, https.createServer({ cert, key }));
    assert.match(await failing(t, `ws://127.0.0.1:${port}`), /use wss:\/\/ in place of ws:\/\/\.\n$/);
  });

  it("a self-signed certificate, which --ca or --insecure accepts", async (t) => {
    const certificate = await createCertificate(t);
    const url = await wsServer(t, echo, { tls: certificate });
    assert.match(
      await failing(t, url),
      /: self-signed certificate\n {2}No authority that you trust signed its certificate: name one by --ca FILE/,
    );
    const { code, stdout, stderr } = await run(t, ["connect", url, "--ca", certificate.certFile], "hello");
    assert.deepEqual([code, stdout], [0, "hello\n"], stderr);
    const other = await createCertificate(t);
    assert.match(await failing(t, url, "--ca", other.certFile), /certificate/);
  });

  it("a 404, with its body on one line", async (t) => {
    const server = http.createServer();
    server.on("upgrade", (_, socket) => {
      const body = "no such\nroom \x1b[31m";
      socket.end(`HTTP/1.1 404 Not Found\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
    const port = await listen(t, server);
    assert.match(
      await failing(t, `ws://127.0.0.1:${port}/lobby`),
      /404.*\n {2}The server says: no such room \\x1b\[31m\n {2}Check the path of the URL: nothing is served there\.\n/,
    );
  });

  it("other answers", async (t) => {
    let answer = "";
    const server = http.createServer((_, response) => response.end("a page"));
    server.on("upgrade", (_, socket) => socket.end(answer));
    const port = await listen(t, server);
    const answers: [head: string, hint: RegExp][] = [
      ["401 Unauthorized\r\nContent-Length: 0", /Log in by --auth USER:PASSWORD/],
      ["403 Forbidden\r\nContent-Length: 0", /--origin https:\/\/example\.com/],
      [
        "302 Found\r\nLocation: ws://127.0.0.1:1/a\r\nContent-Length: 0",
        /--redirect follows it to ws:.*\/a\./,
      ],
      ["503 Down\r\nContent-Length: 0", /try again later/],
      ["200 OK\r\nContent-Length: 0", /It serves HTTP there, and no WebSocket/],
    ];
    for (const [head, hint] of answers) {
      answer = `HTTP/1.1 ${head}\r\n\r\n`;
      assert.match(await failing(t, `ws://127.0.0.1:${port}`), hint, head);
    }
  });

  it("a server that does not speak HTTP", async (t) => {
    const port = await listen(
      t,
      net.createServer((socket) => socket.end("SSH-2.0-OpenSSH\r\n")),
    );
    assert.match(await failing(t, `ws://127.0.0.1:${port}`), /Something else listens there\./);
  });

  it("a port where nothing listens, and a name that is none", async (t) => {
    const server = net.createServer();
    const port = await listen(t, server);
    server.close();
    await once(server, "close");
    assert.match(
      await failing(t, `:${port}`),
      new RegExp(
        `ECONNREFUSED.*\\n {2}Nothing listens on port ${port} of localhost: start the server, or check host`,
        "s",
      ),
    );
    assert.match(await failing(t, "ws://nowhere.invalid"), /The name nowhere\.invalid is not known/);
  });

  it("a server that wants a certificate, which --cert and --key show", async (t) => {
    const ours = await createCertificate(t);
    const server = https.createServer({
      ...ours,
      ca: ours.cert,
      requestCert: true,
      rejectUnauthorized: true,
    });
    let name: string | undefined;
    server.on("upgrade", (request, socket) => {
      name = String((request.socket as import("node:tls").TLSSocket).getPeerCertificate().subject?.CN);
      socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    });
    const port = await listen(t, server);
    const url = `wss://127.0.0.1:${port}`;
    await failing(t, url, "--ca", ours.certFile);
    assert.equal(name, undefined);
    await failing(t, url, "--ca", ours.certFile, "--cert", ours.certFile, "--key", ours.keyFile);
    assert.equal(name, "localhost");
  });
});
