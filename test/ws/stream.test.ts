/** createWebSocketStream: messages as chunks, both ways, with backpressure, to the end. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { describe, test } from "node:test";
import WebSocket, { createWebSocketStream } from "../../src/ws/index.js";
import { listen, pair, urlOf } from "./support.js";

describe("a stream", () => {
  test("delivers data that the other end wrote, also before the WebSocket is open", async (t) => {
    const server = await listen(t);
    server.on("connection", (webSocket) => {
      const stream = createWebSocketStream(webSocket);
      stream.pipe(stream);
    });
    const stream = createWebSocketStream(new WebSocket(urlOf(server)), { highWaterMark: 1000 });
    const sent = Array.from({ length: 200 }, (_, i) => Buffer.alloc(i * 7 + 1, i));
    const length = Buffer.concat(sent).length;
    const written = pipeline(
      Readable.from(sent),
      async function* (source) {
        for await (const chunk of source) if (!stream.write(chunk)) await once(stream, "drain");
        yield "";
      },
      async (source) => {
        for await (const _ of source);
      },
    );
    const got: Buffer[] = [];
    let count = 0;
    for await (const chunk of stream) {
      got.push(chunk);
      count += chunk.length;
      if (count === length) break;
    }
    await written;
    assert.deepEqual(Buffer.concat(got), Buffer.concat(sent));
  });

  test("its end closes the WebSocket", async (t) => {
    const { ours, theirs } = await pair(t);
    const closed = once(ours, "close");
    const stream = createWebSocketStream(theirs);
    const all = buffer(createWebSocketStream(ours));
    stream.end("last");
    assert.equal(String(await all), "last");
    assert.equal((await closed)[0], 1005);
  });

  test("an error of the WebSocket destroys it", async (t) => {
    const { ours, theirs } = await pair(t);
    const stream = createWebSocketStream(theirs);
    const failed = once(stream, "error");
    ours._socket?.write(Buffer.from([0x83, 0]));
    assert.equal((await failed)[0].code, "WS_ERR_INVALID_OPCODE");
    assert.equal(stream.destroyed, true);
  });

  test("destroy cuts the WebSocket", async (t) => {
    const { ours, theirs } = await pair(t);
    const closed = once(ours, "close");
    const stream = createWebSocketStream(theirs);
    stream.destroy();
    await once(stream, "close");
    assert.equal((await closed)[0], 1006);
  });
});
