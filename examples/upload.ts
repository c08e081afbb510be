/**
 * Uploads of any size: each is one message that goes to a file while it arrives, beside other messages on the same
 * connection. Both sides hold a few hundred kilobytes of it at a time.
 *
 *     node --import tsx examples/upload.ts                           # the server
 *     node --import tsx examples/upload.ts ws://localhost:8080 FILE  # sends a file
 */

import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { connect, serve } from "hawser";

const [url, file] = process.argv.slice(2);

if (url !== undefined && file !== undefined) {
  const connection = await connect(url);
  await connection.sendStream(createReadStream(file));
  const answer = await connection.receive();
  console.log(String(answer));
  await connection.close();
} else {
  const folder = mkdtempSync(path.join(tmpdir(), "uploads-"));
  let uploads = 0;
  const server = await serve({
    port: Number(process.env.PORT ?? 8080),
    streamFrom: 0,
    async stream(connection, stream) {
      const name = path.join(folder, String(++uploads));
      const hash = createHash("sha256");
      let length = 0;
      await pipeline(
        stream,
        async function* (parts: AsyncIterable<string | Uint8Array>) {
          for await (const part of parts) {
            hash.update(part);
            length += part.length;
            yield part;
          }
        },
        createWriteStream(name),
      );
      connection.sendJson({ name, length, sha256: hash.digest("hex") });
    },
  });
  console.log(server.url);
}
