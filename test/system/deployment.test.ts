/**
 * The configurations of docs/deployment.md, run: nginx and HAProxy in front of a server of hawser, a socket that the
 * service manager opened, and units that systemd accepts. A test is skipped where its program is not installed.
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import http2 from "node:http2";
import net from "node:net";
import path from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { connect, createConnection, HandshakeError, type Server, serve } from "../../src/index.js";
import { type Certificate, certificate } from "../support/certificate.js";
import { freePort, sleep } from "../support/sockets.js";
import { createFolder, documented, removeFolder, root, run } from "./package/support.js";

const DOCUMENT = "docs/deployment.md";

function isInstalled(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

/** The page's configuration with other ports and files; each of the replaced texts must be in it. */
function adapted(text: string, changes: Readonly<Record<string, string>>): string {
  let result = text;
  for (const [from, to] of Object.entries(changes)) {
    assert.ok(result.includes(from), `the configuration has ${from}`);
    result = result.replaceAll(from, to);
  }
  return result;
}

/** Waits until a port accepts connections, or the program behind it has ended. */
async function accepts(port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    assert.equal(child.exitCode, null, `${child.spawnfile} ended`);
    const socket = net.connect(port, "127.0.0.1");
    const isOpen = await new Promise((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await sleep(20);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}

interface Proxy {
  readonly name: string;
  readonly probe: readonly string[];
  /** Writes the configuration and starts the proxy in the foreground. */
  start(folder: string, port: number, server: Server, tls: Certificate): Promise<ChildProcess>;
}

const PROXIES: readonly Proxy[] = [
  {
    name: "nginx",
    probe: ["-v"],
    async start(folder, port, server, tls) {
      await writeFile(path.join(folder, "cert.pem"), tls.cert);
      await writeFile(path.join(folder, "key.pem"), tls.key);
      const site = adapted(await documented(DOCUMENT, "nginx"), {
        "127.0.0.1:8080": `127.0.0.1:${server.port}`,
        "listen 8443": `listen 127.0.0.1:${port}`,
        "/etc/ssl/example.com.pem": path.join(folder, "cert.pem"),
        "/etc/ssl/example.com.key": path.join(folder, "key.pem"),
      });
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map((name) => `  ${name}_temp_path ${folder};`)
        .join("\n");
      const file = path.join(folder, "nginx.conf");
      const head = `daemon off; pid ${folder}/pid; error_log stderr; worker_processes 1;`;
      const user = process.getuid?.() === 0 ? "user root;" : "";
      await writeFile(
        file,
        `${head} ${user}\nevents {}\nhttp {\n  access_log off;\n${temporary}\n${site}\n}\n`,
      );
      return spawn("nginx", ["-p", folder, "-e", "stderr", "-c", file], { stdio: "inherit" });
    },
  },
  {
    name: "haproxy",
    probe: ["-v"],
    async start(folder, port, server, tls) {
      const pem = path.join(folder, "both.pem");
      await writeFile(pem, tls.cert + tls.key);
      const text = adapted(await documented(DOCUMENT, "haproxy"), {
        "maxconn 20000": "maxconn 100", // each takes two files, and the tests' limit may be low
        "127.0.0.1:8080": `127.0.0.1:${server.port}`,
        "bind :8443": `bind 127.0.0.1:${port}`,
        "/etc/haproxy/example.com.pem": pem,
      });
      const file = path.join(folder, "haproxy.cfg");
      await writeFile(file, text);
      return spawn("haproxy", ["-f", file, "-db"], { stdio: "inherit" });
    },
  },
];

for (const proxy of PROXIES) {
  const skip = !isInstalled(proxy.name, proxy.probe) && `${proxy.name} is not installed`;

  describe(`behind ${proxy.name}`, { skip, timeout: 60_000 }, () => {
    let folder = "";
    let port = 0;
    let server: Server<{ forwardedFor: unknown }>;
    let child: ChildProcess | undefined;
    let tls: Certificate;

    before(async () => {
      tls = await certificate();
      server = await serve({
        hostname: "127.0.0.1",
        authorize: (request) => ({ data: { forwardedFor: request.headers["x-forwarded-for"] } }),
        message(connection, message) {
          connection.send(message.data);
        },
      });
      folder = await createFolder({ ".keep": "" });
      port = await freePort();
      child = await proxy.start(folder, port, server, tls);
      await accepts(port, child);
    });
    after(async () => {
      if (child !== undefined) await end(child);
      await server?.close({ timeoutMs: 0 });
      await removeFolder(folder);
    });

    const options = (origin = `https://localhost:${port}`) => ({
      origin,
      headers: { "X-Forwarded-For": "203.0.113.9" },
      tls: { ca: tls.cert },
    });

    test("a page of the same origin connects, and large messages come back whole", async () => {
      const client = await connect(`wss://localhost:${port}/`, options());
      const payload = new Uint8Array(1_000_000).fill(7);
      client.send("hello");
      client.send(payload);
      assert.equal((await client.receive())?.data, "hello");
      assert.deepEqual((await client.receive())?.data, payload);
      assert.equal((await client.close(1000, "done")).code, 1000);
    });

    test("a page of another origin is refused", async () => {
      await assert.rejects(
        connect(`wss://localhost:${port}/`, options("https://elsewhere.example")),
        (error: unknown) => error instanceof HandshakeError && error.status === 403,
      );
    });

    test("the client's address is the one that the proxy saw, not the one that the client claims", async () => {
      const client = await connect(`wss://localhost:${port}/`, options());
      assert.equal([...server.connections][0].data.forwardedFor, "127.0.0.1");
      await client.close();
    });

    test("a client hears that the server closes", async () => {
      const client = await connect(`wss://localhost:${port}/`, options());
      for (const connection of server.connections) void connection.close(1012, "restarting");
      const { code, reason } = await client.closed;
      assert.deepEqual([code, reason], [1012, "restarting"]);
    });

    if (proxy.name === "haproxy") {
      test("a client over HTTP/2 (RFC 8441) reaches the server", async () => {
        const session = http2.connect(`https://localhost:${port}`, { ca: tls.cert });
        try {
          const [settings] = (await once(session, "remoteSettings")) as [http2.Settings];
          assert.equal(settings.enableConnectProtocol, true);
          const stream = session.request({
            ":method": "CONNECT",
            ":protocol": "websocket",
            ":path": "/",
            origin: `https://localhost:${port}`,
            "sec-websocket-version": "13",
          });
          const [head] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
          assert.equal(head[":status"], 200);
          const client = createConnection(stream, { role: "client" });
          client.send("over HTTP/2");
          assert.equal((await client.receive())?.data, "over HTTP/2");
          client.terminate();
        } finally {
          session.destroy();
        }
      });
    }
  });
}

describe("a socket of the service manager", { timeout: 60_000 }, () => {
  async function startService(t: TestContext): Promise<{ url: string; child: ChildProcess }> {
    const folder = await createFolder({ "server.ts": await documented(DOCUMENT, "ts listening") });
    await mkdir(path.join(folder, "node_modules"));
    t.after(() => removeFolder(folder));
    // What systemd does: it opens the socket, and the service finds it as file descriptor 3.
    const listener = net.createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as net.AddressInfo;
    const { fd } = (listener as unknown as { _handle: { fd: number } })._handle;
    const script = (await readFile(path.join(folder, "server.ts"), "utf8")).replace(
      '"hawser"',
      JSON.stringify(path.join(root, "src/index.ts")),
    );
    await writeFile(path.join(folder, "server.mts"), script);
    const child = spawn(
      process.execPath,
      ["--import", import.meta.resolve("tsx"), path.join(folder, "server.mts")],
      { cwd: root, stdio: ["ignore", "inherit", "inherit", fd], env: { ...process.env, LISTEN_FDS: "1" } },
    );
    t.after(() => end(child));
    listener.close();
    return { url: `ws://127.0.0.1:${port}/`, child };
  }

  test("takes clients that connected before the service ran, and says 1012 when it stops", async (t) => {
    const { url, child } = await startService(t);
    const client = await connect(url, { timeout: 30_000 }); // waits in the socket's backlog
    client.send("hello");
    assert.equal((await client.receive())?.data, "hello");
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    const { code, reason } = await client.closed;
    assert.deepEqual([code, reason], [1012, "restarting"]);
    assert.deepEqual(await exited, [0, null]);
  });
});

test("systemd accepts the units", {
  skip: !isInstalled("systemd-analyze", ["--version"]) && "systemd-analyze is not installed",
}, async (t) => {
  const text = await readFile(path.join(root, DOCUMENT), "utf8");
  const units = [...text.matchAll(/^```ini\n# \S+\/(\S+)\n([\s\S]*?)^```$/gm)];
  assert.deepEqual(
    units.map(([, name]) => name),
    ["chat.socket", "chat.service"],
  );
  const files = Object.fromEntries(
    units.map(([, name, unit]) => [
      name,
      unit.replace("/usr/bin/node /srv/chat/server.js", `${process.execPath} --version`),
    ]),
  );
  const folder = await createFolder(files);
  t.after(() => removeFolder(folder));
  await run(
    "systemd-analyze",
    ["verify", ...Object.keys(files).map((name) => path.join(folder, name))],
    folder,
  );
});
