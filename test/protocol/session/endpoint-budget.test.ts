/** How much one turn inflates (`inflateBudget`), and the greatest text that is delivered as a string. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LimitError, receiveBuffer } from "../../../src/codec/index.js";
import { Endpoint, type EndpointOptions, type Message } from "../../../src/protocol/index.js";
import { MAX_TEXT_LENGTH } from "../../../src/protocol/session/message.js";
import { eachBackend } from "../../support/backends.js";
import { compressedFrames, Events, fromPeer, inWords, parameters } from "../../support/deflate.js";
import { BINARY, CLOSE, CONTINUATION, closeBody, headerOf, PING, TEXT } from "../../support/frames.js";
import { toHex, utf8 } from "../../support/hex.js";
import { deflateAlone } from "../../support/zlib-streams.js";

const KIB = 1024;
const BUDGET = 64 * KIB;
/** What one call of the kernel may make behind the last byte of the budget: its window, and as much again and more. */
const SLACK = 96 * KIB;
const perMessageDeflate = parameters({ serverNoContextTakeover: true, clientNoContextTakeover: true });

/** 1 MiB that compresses well, and in which every place is known. */
const LARGE = utf8(
  Array.from({ length: 65_536 }, (_, i) => `${i.toString(16).padStart(12, "0")} é\n`.slice(0, 15)).join(""),
);

/** Asks for events in rounds, each with the budget, until nothing is unread. Returns the number of rounds. */
function rounds(
  endpoint: Endpoint,
  add: (event: Message) => void,
  between: () => void = () => undefined,
): number {
  for (let count = 1; ; count++) {
    endpoint.inflateBudget = BUDGET;
    for (let event: Message | null; (event = endpoint.nextEvent()) !== null; ) add(event);
    assert.ok(endpoint.inflateBudget > -SLACK, `${-endpoint.inflateBudget} bytes too many`);
    if (!endpoint.hasUnread) return count;
    assert.ok(endpoint.inflateBudget <= 0, "it stops when the budget is spent, and not before");
    assert.equal(endpoint.nextEvent(), null, "without a budget nothing more comes");
    assert.ok(count < 1000, "it comes to an end");
    between();
  }
}

const WAYS: readonly Omit<EndpointOptions, "role">[] = [false, true].flatMap((partial) =>
  (["string", "bytes"] as const).flatMap((text) =>
    [false, true].map((borrow) => ({ partial, text, borrow })),
  ),
);

eachBackend("inflateBudget", () => {
  for (const way of WAYS) {
    for (const retains of [false, true]) {
      const name = `${way.partial ? "in parts" : "whole"}, text as ${way.text}${way.borrow ? ", borrowed" : ""}`;
      it(`spreads a large message over rounds, nothing lost or reordered: ${name}${retains ? ", retained" : ""}`, () => {
        const endpoint = new Endpoint({ role: "client", perMessageDeflate, ...way });
        const frames = fromPeer(
          "client",
          { opcode: TEXT, payload: utf8("before") },
          ...compressedFrames(TEXT, [deflateAlone(LARGE)]),
          { opcode: PING, payload: utf8("between") },
          { opcode: BINARY, fin: false, payload: utf8("plain ") },
          { opcode: CONTINUATION, payload: utf8("fragments") },
          ...compressedFrames(BINARY, [deflateAlone(LARGE.subarray(0, 200_000))]),
          { opcode: TEXT, payload: utf8("behind") },
          { opcode: CLOSE, payload: closeBody(1000) },
        );
        let chunk: Uint8Array = frames;
        if (retains) {
          assert.ok(frames.length <= receiveBuffer().length, "the chunk fits");
          chunk = receiveBuffer().subarray(0, frames.length);
          chunk.set(frames);
        }
        endpoint.receiveData(chunk);
        const events = new Events();
        const count = rounds(
          endpoint,
          (event) => events.add(event),
          () => {
            if (!retains) return;
            endpoint.retain();
            receiveBuffer().fill(0xff);
          },
        );
        assert.ok(count >= (LARGE.length + 200_000) / (BUDGET + SLACK), `${count} rounds`);
        assert.equal(endpoint.error, undefined);
        const said = events.whole.map(({ type, data }) =>
          data.length > 1000
            ? `${type} ${data === toHex(LARGE) ? "large" : data === toHex(LARGE.subarray(0, 200_000)) ? "part" : "wrong"}`
            : inWords({ type, data }),
        );
        assert.deepEqual(said, [
          "text before",
          "text large",
          "ping between",
          `binary ${toHex(utf8("plain fragments"))}`,
          "binary part",
          "text behind",
          "close",
        ]);
        assert.equal(endpoint.messagesIn, 5);
        assert.equal(endpoint.retainedLength, 0);
      });
    }
  }

  it("counts down over messages, and a small one that it allows comes at once", () => {
    const endpoint = new Endpoint({ role: "server", perMessageDeflate });
    const small = compressedFrames(TEXT, [deflateAlone(utf8("small"))]);
    endpoint.inflateBudget = 8;
    endpoint.receiveData(fromPeer("server", ...small, ...small, ...small));
    assert.equal(String(endpoint.nextEvent()), "small");
    assert.equal(endpoint.inflateBudget, 3);
    assert.equal(String(endpoint.nextEvent()), "small");
    assert.equal(endpoint.inflateBudget, -2);
    assert.deepEqual([endpoint.nextEvent(), endpoint.hasUnread], [null, true]);
    endpoint.inflateBudget = 1;
    assert.equal(String(endpoint.nextEvent()), "small");
    assert.deepEqual([endpoint.nextEvent(), endpoint.hasUnread], [null, false]);
  });

  it("holds up no message that is not compressed", () => {
    const endpoint = new Endpoint({ role: "server", perMessageDeflate });
    endpoint.inflateBudget = 0;
    endpoint.receiveData(
      fromPeer(
        "server",
        { opcode: TEXT, payload: utf8("a") },
        { opcode: BINARY, fin: false },
        { opcode: CONTINUATION },
      ),
    );
    assert.deepEqual([endpoint.nextEvent()?.type, endpoint.nextEvent()?.type], ["text", "binary"]);
  });

  it("takes chunks while a message waits for its budget, and the transport's end", () => {
    const endpoint = new Endpoint({ role: "server", perMessageDeflate });
    const frames = fromPeer("server", ...compressedFrames(TEXT, [deflateAlone(LARGE)]));
    endpoint.inflateBudget = 0;
    endpoint.receiveData(frames);
    assert.deepEqual([endpoint.nextEvent(), endpoint.hasUnread], [null, true]);
    endpoint.receiveData(fromPeer("server", { opcode: TEXT, payload: utf8("next") }));
    endpoint.receiveEof();
    const lengths: number[] = [];
    rounds(endpoint, ({ data }) => lengths.push(data.length));
    assert.deepEqual(lengths, [Buffer.from(LARGE).toString().length, 4]);
    assert.deepEqual([endpoint.closeCode, endpoint.retainedLength], [1006, 0]);
  });

  it("drops bytes that wait for it when the connection fails", () => {
    for (const borrow of [false, true]) {
      const endpoint = new Endpoint({ role: "server", perMessageDeflate, borrow });
      endpoint.inflateBudget = BUDGET;
      endpoint.receiveData(fromPeer("server", ...compressedFrames(BINARY, [deflateAlone(LARGE)])));
      assert.deepEqual([endpoint.nextEvent(), endpoint.hasUnread], [null, true]);
      endpoint.fail(1011);
      endpoint.inflateBudget = Infinity;
      assert.equal(endpoint.nextEvent(), null);
      assert.deepEqual([endpoint.hasUnread, endpoint.retainedLength], [false, 0]);
    }
  });
});

describe("the greatest text", () => {
  const announced = (opcode: number, length: number, fin = true) =>
    headerOf({ opcode, announced: BigInt(length), fin });

  it("is judged on the header, where text is delivered as strings", () => {
    for (const [length, isRefused] of [
      [MAX_TEXT_LENGTH, false],
      [MAX_TEXT_LENGTH + 1, true],
      [2 ** 40, true],
    ] as const) {
      const endpoint = new Endpoint({ role: "client", maxMessageSize: Infinity });
      endpoint.receiveData(announced(TEXT, length));
      assert.equal(endpoint.nextEvent(), null);
      if (!isRefused) {
        assert.equal(endpoint.error, undefined);
        continue;
      }
      assert.ok(endpoint.error instanceof LimitError);
      const { limit, actual, closeCode, message } = endpoint.error;
      assert.deepEqual([limit, actual, closeCode], [MAX_TEXT_LENGTH, length, 1009]);
      assert.equal(
        message,
        `Max payload size exceeded: the longest text is ${MAX_TEXT_LENGTH}, and the message has at least ${length} bytes`,
      );
    }
  });

  it("is judged on the header of the fragment that exceeds it", () => {
    const endpoint = new Endpoint({ role: "client", maxMessageSize: Infinity });
    endpoint.receiveData(fromPeer("client", { opcode: TEXT, fin: false, payload: utf8("x") }));
    endpoint.receiveData(announced(CONTINUATION, MAX_TEXT_LENGTH));
    assert.equal(endpoint.nextEvent(), null);
    assert.equal((endpoint.error as LimitError | undefined)?.actual, MAX_TEXT_LENGTH + 1);
  });

  it("limits neither bytes, nor text as bytes, nor text in parts", () => {
    for (const [opcode, options] of [
      [BINARY, {}],
      [TEXT, { text: "bytes" }],
      [TEXT, { partial: true }],
    ] as const) {
      const endpoint = new Endpoint({ role: "client", maxMessageSize: Infinity, ...options });
      endpoint.receiveData(announced(opcode, MAX_TEXT_LENGTH + 1));
      assert.equal(endpoint.nextEvent(), null);
      assert.equal(endpoint.error, undefined);
    }
  });

  it("is the option where that is less, and says so", () => {
    const endpoint = new Endpoint({ role: "client", maxMessageSize: 1000 });
    endpoint.receiveData(announced(TEXT, 1001));
    assert.equal(endpoint.nextEvent(), null);
    assert.match(String(endpoint.error), /maxMessageSize is 1000, and the message has at least 1001 bytes$/);
  });

  it("is passed to the decompressor for each message; its error names the endpoint's option", () => {
    const endpoint = new Endpoint({ role: "client", maxMessageSize: 1000, perMessageDeflate });
    endpoint.receiveData(fromPeer("client", ...compressedFrames(TEXT, [deflateAlone(new Uint8Array(1001))])));
    assert.equal(endpoint.nextEvent(), null);
    assert.ok(endpoint.error instanceof LimitError);
    assert.deepEqual([endpoint.error.limit, endpoint.error.actual], [1000, 1001]);
    assert.match(
      endpoint.error.message,
      /: maxMessageSize is 1000, and the message has at least 1001 bytes$/,
    );
  });
});
