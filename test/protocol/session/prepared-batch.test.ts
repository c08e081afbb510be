/** Batches of prepared messages: the same bytes as the messages one by one, and the same for all. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InvalidStateError } from "../../../src/codec/index.js";
import { Endpoint, PreparedBatch, prepareMessage } from "../../../src/protocol/index.js";
import { framesWithout } from "../../../src/protocol/session/prepared-batch.js";

const DEFLATE = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
  windowBits: 13,
  level: undefined,
  memLevel: undefined,
  threshold: undefined,
} as const;

const TEXTS = ["one", "two ".repeat(100), "", "three ".repeat(200), "four"];

function batch(): PreparedBatch {
  return new PreparedBatch(TEXTS.map((text) => ({ message: prepareMessage(text), compress: undefined })));
}

const bytesOf = (endpoint: Endpoint) => Buffer.concat(endpoint.takeOutput());

/** The messages that a client receives. */
function received(bytes: Uint8Array, perMessageDeflate?: typeof DEFLATE): unknown[] {
  const client = new Endpoint({ role: "client", ...(perMessageDeflate && { perMessageDeflate }) });
  client.receiveData(new Uint8Array(bytes));
  const found: unknown[] = [];
  for (let event: ReturnType<Endpoint["nextEvent"]>; (event = client.nextEvent()) !== null; )
    found.push(event.data);
  assert.equal(client.error, undefined);
  return found;
}

describe("sendBatch", () => {
  it("is one segment, the same for all, with the frames of the messages", () => {
    const joined = batch();
    const [one, two] = [new Endpoint({ role: "server" }), new Endpoint({ role: "server" })];
    one.sendBatch(joined);
    two.sendBatch(joined);
    const [outputOne, outputTwo] = [one.takeOutput(), two.takeOutput()];
    assert.equal(outputOne.length, 1);
    assert.equal(outputOne[0], outputTwo[0]);
    assert.deepEqual(received(outputOne[0]), TEXTS);
    const { framesOut, messagesOut } = one.counters;
    assert.deepEqual([framesOut, messagesOut], [5, 5]);
  });

  for (const left of [[0], [4], [1, 2], [0, 2, 4], [0, 1, 2, 3, 4], []]) {
    for (const perMessageDeflate of [undefined, DEFLATE]) {
      it(`without ${left.join(", ") || "none"}${perMessageDeflate ? ", compressed" : ""}`, () => {
        const endpoint = new Endpoint({ role: "server", ...(perMessageDeflate && { perMessageDeflate }) });
        // Something before and behind, so that the history counts.
        endpoint.send("two ".repeat(100));
        endpoint.sendBatch(batch(), new Set(left));
        endpoint.send("three ".repeat(200));
        const expected = TEXTS.filter((_, i) => !left.includes(i));
        assert.deepEqual(received(bytesOf(endpoint), perMessageDeflate), [
          "two ".repeat(100),
          ...expected,
          "three ".repeat(200),
        ]);
        assert.equal(endpoint.counters.messagesOut, expected.length + 2);
      });
    }
  }

  it("of a client is masked, message by message", () => {
    const client = new Endpoint({ role: "client" });
    client.sendBatch(batch(), new Set([0]));
    const server = new Endpoint({ role: "server" });
    server.receiveData(new Uint8Array(bytesOf(client)));
    for (const text of TEXTS.slice(1)) assert.equal(server.nextEvent()?.data, text);
  });

  it("waits behind a message in parts", () => {
    const endpoint = new Endpoint({ role: "server" });
    endpoint.sendPart("begun", { final: false });
    endpoint.sendBatch(batch());
    endpoint.sendPart(", ended", { final: true });
    assert.deepEqual(received(bytesOf(endpoint)), ["begun, ended", ...TEXTS]);
  });

  it("is compressed once for each set of parameters, and by each message's own rule", () => {
    const text = "x".repeat(1000);
    const items = [true, false, undefined].map((compress) => ({ message: prepareMessage(text), compress }));
    const joined = new PreparedBatch(items);
    const parameters = { windowBits: 13, level: undefined, memLevel: undefined };
    const low = joined.compressed({ ...parameters, threshold: 0 });
    assert.equal(low, joined.compressed({ ...parameters, threshold: 0 }));
    assert.deepEqual([...low.compressed.keys()], [0, 2]);
    const high = joined.compressed({ ...parameters, threshold: 2000 });
    assert.deepEqual([...high.compressed.keys()], [0]);
    assert.ok(low.frames.length < high.frames.length && high.frames.length < joined.plain.frames.length);
  });

  it("is refused once a Close was sent", () => {
    const endpoint = new Endpoint({ role: "server" });
    endpoint.close();
    assert.throws(() => endpoint.sendBatch(batch()), InvalidStateError);
  });
});

describe("framesWithout", () => {
  it("returns as few views as there can be, of the same memory", () => {
    const { plain } = batch();
    const segments = framesWithout(plain, new Set([1, 2]));
    assert.equal(segments.length, 2);
    for (const { buffer } of segments) assert.equal(buffer, plain.frames.buffer);
    assert.deepEqual(framesWithout(plain, new Set()), [plain.frames]);
  });
});
