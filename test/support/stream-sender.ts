/** A process that sends so many bytes through a connection's streams, and says their checksum and its own memory. */

import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { connect, WebSocketStream } from "../../src/index.js";

interface Task {
  readonly url: string;
  readonly how: "stream" | "duplex" | "WebSocketStream";
  readonly length: number;
  readonly chunk: number;
}

process.once("message", async ({ url, how, length, chunk }: Task) => {
  const hash = createHash("sha256");
  const connection = how === "WebSocketStream" ? undefined : await connect(url);
  const stream = how === "WebSocketStream" ? new WebSocketStream(url) : undefined;
  const opened = await stream?.opened;
  const idle = process.memoryUsage().rss;
  let most = 0;
  const source = Readable.from(
    (function* () {
      for (let i = 0; i < length / chunk; i++) {
        const bytes = Buffer.alloc(chunk, i);
        bytes.writeUInt32LE(i);
        hash.update(bytes);
        if (i % 16 === 0) most = Math.max(most, process.memoryUsage().rss - idle);
        yield bytes;
      }
    })(),
    { objectMode: true, highWaterMark: 1 },
  );
  if (connection !== undefined && how === "duplex") await pipeline(source, connection.duplex());
  else {
    const writable = (opened ?? connection?.stream())?.writable as WritableStream;
    await Readable.toWeb(source).pipeTo(writable);
  }
  process.send?.({ hash: hash.digest("hex"), most }, () => process.disconnect());
});
