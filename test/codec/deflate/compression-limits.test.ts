/** Where the system has no memory for another shard: no exception escapes the caller. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/** In KiB. Each shard reserves more than 8 GiB of addresses, so there is room for a few. */
const ADDRESS_SPACE = 128 << 20;

const SCRIPT = `
import { Compressor, Decompressor, compress } from "${new URL("../../../dist/codec/index.js", import.meta.url)}";
import { Endpoint } from "${new URL("../../../dist/protocol/index.js", import.meta.url)}";

const parameters = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
  windowBits: 13,
};
const text = "compressed ".repeat(20);
const payload = compress(text);
const client = new Endpoint({ role: "client", perMessageDeflate: parameters });
client.send(text);
const [compressed] = client.takeOutput();

// Each of these has blocks of a length of its own, and so shards of its own.
const held = [];
for (let i = 0, hasMemory = true; hasMemory && i < 72; i++) {
  const compressor = new Compressor({ windowBits: 8 + (i >> 3), memLevel: 2 + (i & 7) });
  hasMemory = compressor.reserve(1);
  held.push(compressor);
}
const full = new Compressor({ windowBits: 15, memLevel: 1 });
const server = new Endpoint({ role: "server", perMessageDeflate: { ...parameters, windowBits: 15, memLevel: 1 } });
server.send(text);
const [sent] = server.takeOutput();
server.receiveData(new Uint8Array(compressed));
const event = server.nextEvent();
console.log(JSON.stringify({
  isHeld: held.length > 1 && held.length < 64,
  full: full.reserve(1),
  rsv1: (sent[0] & 0x40) !== 0,
  sentLength: sent.length,
  event,
  code: server.error?.code,
  closeCode: server.error?.closeCode,
}));
`;

describe("without memory for another shard", () => {
  it("sends as it is, and fails the connection that cannot be read with 1011", async () => {
    // The built code: running TypeScript directly would need memory for WebAssembly too.
    const node = [process.execPath, "--input-type=module", "-e", SCRIPT];
    const limited = 'ulimit -v "$0" && exec "$@"';
    const cwd = fileURLToPath(new URL("../../../", import.meta.url));
    const { stdout } = await run("sh", ["-c", limited, String(ADDRESS_SPACE), ...node], { cwd });
    assert.deepEqual(JSON.parse(stdout), {
      isHeld: true,
      full: false,
      rsv1: false,
      sentLength: 220 + 4,
      event: null,
      code: "WS_ERR_NO_MEMORY",
      closeCode: 1011,
    });
  });
});
