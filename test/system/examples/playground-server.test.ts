/** What the playground's server adds to the echo: mirrors of connections, and a tunnel to TCP. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, type TestContext, test } from "node:test";
import { type RawData, WebSocket } from "ws";
import type { MirrorNote } from "../../../examples/playground/page/wire/mirror-format.js";
import { hex, toHex } from "../../support/hex.js";
import { type Running, start } from "./playground-support.js";

let running: Running;

before(async () => {
  running = await start(0);
});

after(() => {
  running.child.kill("SIGKILL");
});

async function open(t: TestContext, target: string): Promise<WebSocket> {
  const socket = new WebSocket(running.url + target, { perMessageDeflate: target.includes("deflate") });
  t.after(() => socket.terminate());
  await once(socket, "open");
  return socket;
}

/** A mirror, and everything that it says: notes, and bytes as their sender and hex. */
interface Mirror {
  readonly socket: WebSocket;
  readonly id: string;
  readonly said: (MirrorNote | readonly [sender: "client" | "server", hex: string])[];
}

async function openMirror(t: TestContext): Promise<Mirror> {
  const socket = new WebSocket(`${running.url}/mirror`);
  t.after(() => socket.terminate());
  const said: Mirror["said"] = [];
  socket.on("message", (data: RawData, isBinary) => {
    const bytes = data as Buffer;
    if (isBinary) said.push([bytes[0] === 0 ? "client" : "server", toHex(bytes.subarray(1))]);
    else said.push(JSON.parse(String(bytes)));
  });
  await once(socket, "message");
  const note = said[0] as MirrorNote;
  assert.equal(note.note, "id");
  return { socket, id: "id" in note ? note.id : "", said };
}

/** The bytes of one side, in a row. */
function bytesOf({ said }: Mirror, sender: "client" | "server"): string {
  return said.map((item) => ("note" in item || item[0] !== sender ? "" : item[1])).join("");
}

function noteOf({ said }: Mirror, name: MirrorNote["note"]): MirrorNote | undefined {
  return said.find((item): item is MirrorNote => "note" in item && item.note === name);
}

describe("/mirror", () => {
  test("shows both handshakes and every byte behind them, both ways, then the end", async (t) => {
    const mirror = await openMirror(t);
    const echo = await open(t, `/echo?mirror=${mirror.id}`);
    echo.send("Hello");
    const [answer] = await once(echo, "message");
    assert.equal(String(answer), "Hello");
    echo.close(1000);
    await once(mirror.socket, "close");

    const request = noteOf(mirror, "request");
    assert.ok(request !== undefined && "head" in request);
    assert.match(
      request.head,
      /^GET \/echo\?mirror=\S+ HTTP\/1\.1\r\n(?:.+\r\n)*Sec-WebSocket-Key: .+\r\n(?:.+\r\n)*\r\n$/,
    );
    const response = noteOf(mirror, "response");
    assert.ok(response !== undefined && "head" in response);
    assert.match(response.head, /^HTTP\/1\.1 101 Switching Protocols\r\n(?:.+\r\n)+\r\n$/);
    assert.match(bytesOf(mirror, "client"), /^8185[0-9a-f]{18}8882[0-9a-f]{12}$/);
    assert.equal(bytesOf(mirror, "server"), "810548656c6c6f" + "880203e8");
    assert.deepEqual(mirror.said.at(-1), { note: "end" });
  });

  test("is for one connection, and for as long as it is open", async (t) => {
    const mirror = await openMirror(t);
    await open(t, `/echo?mirror=${mirror.id}`);
    await assert.rejects(open(t, `/echo?mirror=${mirror.id}`), /404/);
    await assert.rejects(open(t, "/echo?mirror=00000000-0000-0000-0000-000000000000"), /404/);
    const gone = await openMirror(t);
    gone.socket.close();
    await once(gone.socket, "close");
    await assert.rejects(open(t, `/echo?mirror=${gone.id}`), /404/);
  });

  test("ids are not to be guessed", async (t) => {
    const ids = [await openMirror(t), await openMirror(t)].map(({ id }) => id);
    for (const id of ids)
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.notEqual(ids[0], ids[1]);
  });

  test("accepts no messages", async (t) => {
    const { socket } = await openMirror(t);
    socket.send("hello?");
    assert.equal((await once(socket, "close"))[0], 1008);
  });

  test("that is not read loses the rest, and says so; the connection goes on", async (t) => {
    const mirror = await openMirror(t);
    const echo = await open(t, `/echo?mirror=${mirror.id}`);
    mirror.socket.pause();
    const message = Buffer.alloc(1 << 20);
    for (let sent = 0; sent < 24; sent++) {
      echo.send(message);
      const [answer] = await once(echo, "message");
      assert.equal((answer as Buffer).length, message.length);
    }
    mirror.socket.resume();
    echo.close();
    await once(mirror.socket, "close");
    const lost = mirror.said.findIndex((item) => "note" in item && item.note === "lost");
    assert.notEqual(lost, -1);
    assert.deepEqual(mirror.said.slice(lost + 1), [{ note: "end" }]);
    assert.ok(bytesOf(mirror, "client").length / 2 < 24 * message.length);
  });
});

describe("/echo", () => {
  test("compresses for clients that offer it, but for /echo?plain", async (t) => {
    assert.equal((await open(t, "/echo?deflate")).extensions, "permessage-deflate");
    assert.equal((await open(t, "/echo?deflate&plain")).extensions, "");
    assert.equal((await open(t, "/broadcast?deflate")).extensions, "");
  });
});

describe("/tunnel", () => {
  /** The bytes out of a tunnel until it closes, and with which code. */
  async function talk(t: TestContext, ...sent: readonly Uint8Array[]): Promise<[text: string, code: number]> {
    const tunnel = await open(t, "/tunnel");
    const parts: Buffer[] = [];
    tunnel.on("message", (data: RawData) => parts.push(data as Buffer));
    for (const bytes of sent) tunnel.send(bytes);
    const [code] = await once(tunnel, "close");
    return [Buffer.concat(parts).toString("latin1"), code];
  }

  test("is a TCP connection to this very server", async (t) => {
    const request = Buffer.from("GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const [answer, code] = await talk(t, request.subarray(0, 20), request.subarray(20));
    assert.match(answer, /^HTTP\/1\.1 404 Not Found\r\n/);
    assert.match(answer, /there is a page at \/ only/);
    assert.equal(code, 1000);
  });

  test("carries bytes as they are: a frame that breaks a rule is answered with a Close", async (t) => {
    const handshake =
      "GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    const [answer] = await talk(t, Buffer.from(handshake), hex("8105 48656c6c6f"));
    const [head, frames] = answer.split("\r\n\r\n");
    assert.match(head, /^HTTP\/1\.1 101 /);
    // 0x03ea is 1002.
    assert.match(toHex(Buffer.from(frames, "latin1")), /^88..03ea/);
  });

  // The server itself would find out, within a minute.
  test("ends the TCP connection when the page leaves", { timeout: 10_000 }, async (t) => {
    const mirror = await openMirror(t);
    const tunnel = await open(t, "/tunnel");
    tunnel.send(
      Buffer.from(
        `GET /echo?mirror=${mirror.id} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      ),
    );
    await once(tunnel, "message");
    tunnel.terminate();
    await once(mirror.socket, "close");
    assert.deepEqual(mirror.said.at(-1), { note: "end" });
  });
});
