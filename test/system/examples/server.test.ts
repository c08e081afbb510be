/** examples/server.ts, which `npm start` runs, and examples/echo-client.ts against it. */

import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { WebSocket } from "ws";
import { root, run } from "../package/support.js";
import { type Running, start } from "./playground-support.js";

async function startFor(t: TestContext, port: number): Promise<Running> {
  const running = await start(port);
  t.after(() => running.child.kill("SIGKILL"));
  return running;
}

async function open(t: TestContext, url: string): Promise<WebSocket> {
  const socket = new WebSocket(url);
  t.after(() => socket.terminate());
  await once(socket, "open");
  return socket;
}

describe("npm start", () => {
  test("echoes, broadcasts, serves its page, and closes when told to", async (t) => {
    const { child, url, output } = await startFor(t, 0);

    const echo = await open(t, `${url}/echo`);
    for (const sent of ["Grüße 🚢", Buffer.from([1, 2, 3])]) {
      echo.send(sent);
      const [data, isBinary] = await once(echo, "message");
      assert.deepEqual(isBinary ? data : data.toString(), sent);
    }

    const members = [await open(t, `${url}/broadcast`), await open(t, `${url}/broadcast`)];
    const heard = members.map(async (member) => String((await once(member, "message"))[0]));
    members[0].send("hello everyone");
    assert.deepEqual(await Promise.all(heard), ["hello everyone", "hello everyone"]);

    const site = url.replace("ws", "http");
    const page = await fetch(site);
    assert.match(await page.text(), /<script type="module" src="\/main.js">/);
    assert.match(page.headers.get("content-security-policy") ?? "", /^default-src 'none'; script-src 'self'/);
    for (const [name, type] of [
      ["main.js", "text/javascript; charset=utf-8"],
      ["worker.js", "text/javascript; charset=utf-8"],
      ["style.css", "text/css; charset=utf-8"],
      ["icon.svg", "image/svg+xml"],
    ]) {
      const { status, headers } = await fetch(`${site}/${name}`);
      assert.deepEqual([status, headers.get("content-type")], [200, type], name);
    }
    assert.equal((await fetch(`${site}/nothing`)).status, 404);
    await assert.rejects(open(t, `${url}/nothing`), /404/);

    const closed = [echo, ...members].map(async (socket) => (await once(socket, "close"))[0]);
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    assert.deepEqual(await Promise.all(closed), [1001, 1001, 1001]);
    assert.deepEqual(await exited, [0, null]);
    assert.match(output(), /^closing\n3 connections, 3 messages in, 4 out$/m);
  });

  test("takes another port if its own is taken, and ends by Ctrl+C", async (t) => {
    const other = net.createServer();
    t.after(() => other.close());
    other.listen(0);
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const { child, url, output } = await startFor(t, port);
    assert.match(output(), new RegExp(`^port ${port} is taken$`, "m"));
    assert.notEqual(new URL(url).port, String(port));
    const exited = once(child, "exit");
    child.kill("SIGINT");
    assert.deepEqual(await exited, [0, null]);
  });
});

test("echo-client.ts prints the answer", async (t) => {
  const { url } = await startFor(t, 0);
  const client = ["--import", "tsx", "examples/echo-client.ts"];
  const { stdout } = await run(process.execPath, [...client, `${url}/echo`], root);
  assert.equal(stdout, "Hello!\n");
  // There is no listener on this port.
  await assert.rejects(
    run(process.execPath, [...client, "ws://127.0.0.1:1/echo"], root),
    /there is no server at/,
  );
});
