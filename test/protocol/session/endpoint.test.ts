/** Endpoint: bytes in and events out, calls in and bytes out, on both sides; the closing handshake; limits. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InvalidStateError, LimitError } from "../../../src/codec/index.js";
import { Endpoint, type EndpointOptions, type Message, prepareMessage } from "../../../src/protocol/index.js";
import { eachBackend } from "../../support/backends.js";
import { NO_BYTES } from "../../support/bytes.js";
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  closeBody,
  concat,
  cutEvery,
  type FrameSpec,
  frame,
  headerOf,
  KEY,
  PING,
  PONG,
  TEXT,
} from "../../support/frames.js";
import { hex, toHex, utf8 } from "../../support/hex.js";
import { describeFrames, readFrames } from "../../support/wire.js";

type Side = "server" | "client";
const SIDES: readonly Side[] = ["server", "client"];

function make(role: Side, options: Omit<EndpointOptions, "role"> = {}): Endpoint {
  return new Endpoint({ role, ...options });
}

/** Bytes of frames as the peer of `role` sends them. */
function fromPeer(role: Side, ...frames: readonly FrameSpec[]): Uint8Array {
  return concat(frames.map((spec) => frame(role === "server" ? { ...spec, key: KEY } : spec)));
}

/** An event in words: "text Hello", "binary 0001", "close 1000 bye"; "…" says that more follows. */
function say({ type, data, partial, code }: Message): string {
  const shown = typeof data === "string" ? data : toHex(data);
  return `${type}${partial ? "…" : ""} ${code === undefined ? "" : `${code} `}${shown}`.trimEnd();
}

function events(endpoint: Endpoint): string[] {
  const said: string[] = [];
  for (let event: Message | null; (event = endpoint.nextEvent()) !== null; ) said.push(say(event));
  return said;
}

/** What the endpoint has to send, in words. */
function sent(endpoint: Endpoint): string[] {
  const bytes = concat(endpoint.takeOutput());
  for (const { masked } of readFrames(bytes)) assert.equal(masked, endpoint.role === "client", "§5.1");
  return describeFrames(bytes);
}

/** Both ends of a connection without I/O. */
function exchange(from: Endpoint, to: Endpoint): void {
  for (const bytes of from.takeOutput()) to.receiveData(Uint8Array.from(bytes));
}

for (const role of SIDES) {
  eachBackend(`Endpoint as a ${role}`, () => {
    it("delivers every kind of event, as strings and bytes of the caller's own", () => {
      const endpoint = make(role);
      const chunk = fromPeer(
        role,
        { opcode: TEXT, payload: utf8("grüße 水") },
        { opcode: BINARY, payload: hex("00 ff") },
        { opcode: PING, payload: hex("01") },
        { opcode: PONG, payload: hex("02") },
        { opcode: TEXT, payload: new Uint8Array(0) },
        { opcode: CLOSE, payload: closeBody(3001, "tschüß") },
      );
      endpoint.receiveData(chunk);
      assert.deepEqual(events(endpoint), [
        "text grüße 水",
        "binary 00ff",
        "ping 01",
        "pong 02",
        "text",
        "close 3001 tschüß",
      ]);
      assert.deepEqual(
        [endpoint.error, endpoint.closeCode, endpoint.closeReason],
        [undefined, 3001, "tschüß"],
      );
      assert.deepEqual(endpoint.counters, {
        framesIn: 6,
        framesOut: 2, // the Pong and the Close that wait
        messagesIn: 3,
        messagesOut: 0,
        bytesIn: chunk.length,
        bytesOut: 0,
      });
      assert.deepEqual(sent(endpoint), ["pong \u{1}", "close 3001"]);
    });

    it("delivers nothing of an incomplete message, and all of it once it is complete", () => {
      const endpoint = make(role);
      const bytes = fromPeer(role, { opcode: TEXT, payload: utf8("Hello") });
      for (const byte of bytes.subarray(0, -1)) {
        endpoint.receiveData(Uint8Array.of(byte));
        assert.equal(endpoint.nextEvent(), null);
      }
      endpoint.receiveData(bytes.slice(-1));
      assert.deepEqual(events(endpoint), ["text Hello"]);
    });

    it("delivers control frames between the fragments of a message", () => {
      const endpoint = make(role);
      endpoint.receiveData(
        fromPeer(
          role,
          { opcode: TEXT, fin: false, payload: utf8("水").subarray(0, 1) },
          { opcode: PING, payload: utf8("a") },
          { opcode: CONTINUATION, fin: false, payload: utf8("水").subarray(1) },
          { opcode: PONG },
          { opcode: CONTINUATION, payload: utf8("!") },
          { opcode: BINARY, fin: false, payload: hex("01") },
          { opcode: CONTINUATION, payload: hex("02") },
        ),
      );
      assert.deepEqual(events(endpoint), ["ping 61", "pong", "text 水!", "binary 0102"]);
      assert.deepEqual(sent(endpoint), ["pong a"]);
      const { framesIn, messagesIn } = endpoint;
      assert.deepEqual([framesIn, messagesIn], [7, 2]);
    });

    it("puts fragments together in the same way however the stream is cut", () => {
      const bytes = fromPeer(
        role,
        { opcode: TEXT, fin: false, payload: utf8("a😀b").subarray(0, 3) },
        { opcode: CONTINUATION, fin: false, payload: new Uint8Array(0) },
        { opcode: CONTINUATION, payload: utf8("a😀b").subarray(3) },
        { opcode: TEXT, payload: utf8("x".repeat(300)) },
        { opcode: BINARY, fin: false, payload: hex("c3 28") },
        { opcode: CONTINUATION, payload: hex("ff") },
      );
      for (let size = 1; size < bytes.length; size++) {
        const endpoint = make(role);
        const said: string[] = [];
        for (const piece of cutEvery(bytes, size)) {
          endpoint.receiveData(piece);
          said.push(...events(endpoint));
        }
        assert.deepEqual(said, ["text a😀b", `text ${"x".repeat(300)}`, "binary c328ff"], `every ${size}`);
        assert.equal(endpoint.retainedLength, 0);
      }
    });

    it("delivers text as bytes if asked to, and refuses anything that is not text all the same", () => {
      const endpoint = make(role, { text: "bytes" });
      endpoint.receiveData(
        fromPeer(
          role,
          { opcode: TEXT, payload: utf8("é") },
          { opcode: TEXT, fin: false, payload: utf8("水").subarray(0, 2) },
          { opcode: CONTINUATION, payload: utf8("水").subarray(2) },
          { opcode: TEXT, payload: hex("c3 28") },
        ),
      );
      assert.deepEqual(events(endpoint), ["text c3a9", "text e6b0b4"]);
      assert.equal(endpoint.error?.closeCode, 1007);
    });

    it("answers each Ping by its Pong, in order, unless told not to (§5.5.2)", () => {
      const pings = ["a", "b", "a"].map((text) => ({ opcode: PING, payload: utf8(text) }));
      const endpoint = make(role);
      endpoint.receiveData(fromPeer(role, ...pings));
      assert.deepEqual(events(endpoint), ["ping 61", "ping 62", "ping 61"]);
      assert.equal(endpoint.hasOutput, true);
      assert.deepEqual(sent(endpoint), ["pong a", "pong b", "pong a"]);
      assert.equal(endpoint.hasOutput, false);
      assert.deepEqual(sent(endpoint), []);

      const silent = make(role, { autoPong: false });
      silent.receiveData(fromPeer(role, ...pings));
      events(silent);
      assert.deepEqual(sent(silent), []);
      silent.pong("mine");
      assert.deepEqual(sent(silent), ["pong mine"]);
    });

    it("holds one Pong back while the transport is backed up, for the newest Ping (§5.5.3)", () => {
      const endpoint = make(role);
      const ping = (text: string) => {
        endpoint.receiveData(fromPeer(role, { opcode: PING, payload: utf8(text) }));
        assert.deepEqual(events(endpoint), [`ping ${toHex(utf8(text))}`]);
      };
      ping("before");
      endpoint.isBackedUp = true;
      ping("old");
      ping("new");
      assert.deepEqual([endpoint.hasOutput, sent(endpoint)], [true, ["pong before"]]);
      assert.deepEqual([endpoint.hasOutput, sent(endpoint)], [false, []]);
      endpoint.send("a message");
      endpoint.isBackedUp = false;
      assert.equal(endpoint.hasOutput, true);
      ping("newest");
      assert.deepEqual(sent(endpoint), ["text a message", "pong newest"]);
      ping("after");
      assert.deepEqual(sent(endpoint), ["pong after"]);
      assert.equal(endpoint.framesOut, 4);
    });

    it("sends the Pong that it held before its Close, and none once output is dropped", () => {
      for (const close of [
        (endpoint: Endpoint) => endpoint.close(1000),
        (endpoint: Endpoint) => endpoint.fail(1000),
        (endpoint: Endpoint) => {
          endpoint.receiveData(fromPeer(role, { opcode: CLOSE, payload: closeBody(1000) }));
          events(endpoint);
        },
      ]) {
        const endpoint = make(role);
        endpoint.isBackedUp = true;
        endpoint.receiveData(fromPeer(role, { opcode: PING, payload: utf8("p") }));
        events(endpoint);
        close(endpoint);
        assert.deepEqual(sent(endpoint), ["pong p", "close 1000"]);
      }
      const endpoint = make(role);
      endpoint.isBackedUp = true;
      endpoint.receiveData(fromPeer(role, { opcode: PING }));
      events(endpoint);
      endpoint.discardOutput();
      endpoint.isBackedUp = false;
      assert.deepEqual([endpoint.hasOutput, sent(endpoint)], [false, []]);
    });

    it("keeps the payload of the Pong that it holds, however the caller changes the event's", () => {
      for (const borrow of [false, true]) {
        const endpoint = make(role, { borrow });
        endpoint.isBackedUp = true;
        endpoint.receiveData(fromPeer(role, { opcode: PING, payload: utf8("ping") }));
        const { data } = endpoint.nextEvent() as Message;
        (data as Uint8Array).fill(0);
        endpoint.isBackedUp = false;
        assert.deepEqual(sent(endpoint), ["pong ping"]);
      }
    });

    it("keeps the payload of a Pong that waits, when more bytes come", () => {
      const endpoint = make(role, { borrow: true });
      endpoint.receiveData(fromPeer(role, { opcode: PING, payload: utf8("ping") }));
      assert.equal(endpoint.nextEvent()?.type, "ping");
      endpoint.receiveData(fromPeer(role, { opcode: BINARY, payload: hex("00 00 00 00 00 00") }));
      events(endpoint);
      assert.deepEqual(sent(endpoint), ["pong ping"]);
    });

    it("answers a Ping that came before the Close (§5.5.2)", () => {
      const endpoint = make(role);
      endpoint.receiveData(
        fromPeer(role, { opcode: PING, payload: utf8("p") }, { opcode: CLOSE, payload: closeBody(1000) }),
      );
      events(endpoint);
      assert.deepEqual(sent(endpoint), ["pong p", "close 1000"]);
    });

    it("sends no Pong behind its Close", () => {
      const endpoint = make(role);
      endpoint.close(1000);
      endpoint.receiveData(fromPeer(role, { opcode: PING, payload: utf8("late") }));
      assert.deepEqual(events(endpoint), ["ping 6c617465"]);
      assert.deepEqual(sent(endpoint), ["close 1000"]);
    });

    it("delivers intact messages before a violation, then the error, then nothing", () => {
      const endpoint = make(role);
      endpoint.receiveData(
        concat([
          fromPeer(role, { opcode: TEXT, payload: utf8("fine") }),
          fromPeer(role, { opcode: 3, payload: utf8("bad") }),
          fromPeer(role, { opcode: TEXT, payload: utf8("unseen") }),
        ]),
      );
      assert.equal(say(endpoint.nextEvent() as Message), "text fine");
      assert.deepEqual([endpoint.error, endpoint.state], [undefined, "open"]);
      assert.equal(endpoint.nextEvent(), null);
      assert.equal(endpoint.error?.code, "WS_ERR_INVALID_OPCODE");
      assert.deepEqual([endpoint.state, endpoint.failed, endpoint.wantsEnd], ["closing", true, true]);
      assert.deepEqual(sent(endpoint), ["close 1002 Invalid WebSocket frame: invalid opcode 3"]);
      endpoint.receiveData(fromPeer(role, { opcode: TEXT, payload: utf8("unseen") }));
      assert.deepEqual(events(endpoint), []);
      assert.deepEqual(sent(endpoint), []);
    });

    it("refuses frames that the other side should have masked, or should not have", () => {
      const endpoint = make(role);
      endpoint.receiveData(fromPeer(role === "server" ? "client" : "server", { opcode: TEXT }));
      assert.deepEqual(events(endpoint), []);
      const code = role === "server" ? "WS_ERR_EXPECTED_MASK" : "WS_ERR_UNEXPECTED_MASK";
      assert.deepEqual([endpoint.error?.code, endpoint.error?.closeCode], [code, 1002]);
    });

    it("says 1007 for text that is none, also when a fragment shows it", () => {
      const endpoint = make(role);
      endpoint.receiveData(
        fromPeer(
          role,
          { opcode: TEXT, fin: false, payload: utf8("水").subarray(0, 2) },
          { opcode: CONTINUATION, fin: false, payload: utf8("é") },
        ),
      );
      assert.deepEqual(events(endpoint), []);
      assert.equal(endpoint.error?.closeCode, 1007);
      assert.equal(endpoint.retainedLength, 0, "nothing is kept of a connection that failed");
    });
  });
}

describe("Endpoint: the closing handshake", () => {
  it("client closes: Close, echo, and the server ends first (§7.1.1)", () => {
    const client = make("client");
    const server = make("server");
    client.close(3000, "bye");
    assert.deepEqual([client.state, client.closeSent, client.wantsEnd], ["closing", true, false]);
    exchange(client, server);
    assert.deepEqual(events(server), ["close 3000 bye"]);
    assert.deepEqual([server.state, server.closeCode, server.closeReason], ["closing", 3000, "bye"]);
    assert.equal(server.wantsEnd, true);
    exchange(server, client);
    assert.deepEqual(events(client), ["close 3000"]);
    assert.deepEqual([client.closeCode, client.closeReason], [3000, ""]);
    assert.equal(client.wantsEnd, false, "the client waits for the server's end");
    client.receiveEof();
    server.receiveEof();
    assert.deepEqual([client.state, server.state, client.wantsEnd], ["closed", "closed", true]);
    assert.deepEqual([client.closeCode, server.closeCode], [3000, 3000], "the end changes no code");
  });

  it("server closes: it ends once the echo came", () => {
    const client = make("client");
    const server = make("server");
    server.close();
    assert.equal(server.wantsEnd, false);
    exchange(server, client);
    assert.deepEqual(events(client), ["close"]);
    assert.equal(client.closeCode, 1005, "§7.1.5: a Close without a code");
    exchange(client, server);
    assert.deepEqual(events(server), ["close"]);
    assert.deepEqual([server.wantsEnd, client.wantsEnd, server.closeCode], [true, false, 1005]);
  });

  it("both close at once: each takes the other's Close for the answer", () => {
    const client = make("client");
    const server = make("server");
    client.close(1000, "c");
    server.close(1001, "s");
    const [fromClient, fromServer] = [client.takeOutput(), server.takeOutput()];
    for (const bytes of fromClient) server.receiveData(Uint8Array.from(bytes));
    for (const bytes of fromServer) client.receiveData(Uint8Array.from(bytes));
    assert.deepEqual([events(client), events(server)], [["close 1001 s"], ["close 1000 c"]]);
    assert.deepEqual([sent(client), sent(server)], [[], []]);
    assert.deepEqual([client.closeCode, server.closeCode], [1001, 1000]);
    assert.deepEqual([client.wantsEnd, server.wantsEnd], [false, true]);
  });

  for (const role of SIDES) {
    it(`${role}: messages on the way still arrive after our Close`, () => {
      const endpoint = make(role);
      endpoint.close(1000);
      endpoint.receiveData(
        fromPeer(role, { opcode: TEXT, payload: utf8("late") }, { opcode: CLOSE, payload: closeBody(1000) }),
      );
      assert.deepEqual(events(endpoint), ["text late", "close 1000"]);
      assert.deepEqual(sent(endpoint), ["close 1000"]);
    });

    it(`${role}: nothing counts behind the peer's Close`, () => {
      const endpoint = make(role);
      endpoint.receiveData(fromPeer(role, { opcode: CLOSE }, { opcode: TEXT, payload: utf8("never") }));
      assert.deepEqual(events(endpoint), ["close"]);
      endpoint.receiveData(fromPeer(role, { opcode: TEXT, payload: utf8("never") }));
      assert.deepEqual(events(endpoint), []);
      assert.equal(endpoint.error, undefined);
    });

    it(`${role}: with autoClose false the caller answers`, () => {
      const endpoint = make(role, { autoClose: false });
      endpoint.receiveData(fromPeer(role, { opcode: CLOSE, payload: closeBody(4000, "why") }));
      assert.deepEqual(events(endpoint), ["close 4000 why"]);
      assert.deepEqual(sent(endpoint), []);
      assert.deepEqual([endpoint.state, endpoint.wantsEnd], ["closing", false]);
      endpoint.close(4001, "because");
      assert.deepEqual(sent(endpoint), ["close 4001 because"]);
      assert.equal(endpoint.wantsEnd, role === "server");
    });

    it(`${role}: an end without a Close is 1006; a second end changes nothing`, () => {
      const endpoint = make(role);
      endpoint.receiveEof();
      endpoint.receiveEof();
      const { state, closeCode, closeReason, wantsEnd } = endpoint;
      assert.deepEqual([state, closeCode, closeReason, wantsEnd], ["closed", 1006, "", true]);
      endpoint.close(1000);
      endpoint.fail(1011);
      assert.deepEqual(sent(endpoint), []);
    });

    it(`${role}: an end after only our own Close is 1006 too`, () => {
      const endpoint = make(role);
      endpoint.close(1000);
      endpoint.receiveEof();
      assert.equal(endpoint.closeCode, 1006);
    });

    it(`${role}: a second close sends nothing, and still checks what it is given`, () => {
      const endpoint = make(role);
      endpoint.close(1000, "first");
      endpoint.close(3000, "second");
      assert.throws(() => endpoint.close(1005), RangeError);
      assert.throws(() => endpoint.close(1000, "x".repeat(124)), RangeError);
      assert.deepEqual(sent(endpoint), ["close 1000 first"]);
    });

    it(`${role}: codes that must not stand in a Close are refused, and nothing changes`, () => {
      const endpoint = make(role);
      for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65536, 1000.5, Number.NaN, -1]) {
        assert.throws(() => endpoint.close(code), RangeError, String(code));
      }
      assert.throws(() => endpoint.close(undefined, "a reason needs a code"), TypeError);
      assert.throws(() => endpoint.close(1000, "é".repeat(62)), RangeError);
      assert.equal(endpoint.state, "open");
      assert.deepEqual(sent(endpoint), []);
    });

    it(`${role}: a Close with a code that must not stand there is a violation`, () => {
      for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000]) {
        const endpoint = make(role);
        endpoint.receiveData(fromPeer(role, { opcode: CLOSE, payload: closeBody(code) }));
        assert.deepEqual(events(endpoint), [], `${code}`);
        assert.equal(endpoint.error?.code, "WS_ERR_INVALID_CLOSE_CODE");
        assert.equal(readFrames(endpoint.takeOutput())[0].payload[1], 1002 & 0xff);
      }
    });

    it(`${role}: failing sends one Close and wants the end; a failure behind a Close sends none`, () => {
      const endpoint = make(role);
      endpoint.fail(1011, "oops");
      assert.deepEqual(sent(endpoint), ["close 1011 oops"]);
      assert.deepEqual([endpoint.wantsEnd, endpoint.failed, endpoint.error], [true, true, undefined]);
      const closing = make(role);
      closing.close(1000);
      closing.receiveData(fromPeer(role, { opcode: 5 }));
      assert.deepEqual(events(closing), []);
      assert.deepEqual(sent(closing), ["close 1000"]);
      assert.deepEqual([closing.wantsEnd, closing.error?.closeCode], [true, 1002]);
    });

    it(`${role}: a reason of ours that is too long is cut between characters`, () => {
      const endpoint = make(role);
      endpoint.fail(1011, `a${"é".repeat(100)}`);
      assert.deepEqual(sent(endpoint), [`close 1011 a${"é".repeat(61)}`]);
    });
  }

  it("frames leave before the Close in the order in which they were made", () => {
    const endpoint = make("server");
    endpoint.receiveData(fromPeer("server", { opcode: PING, payload: utf8("p") }));
    events(endpoint);
    endpoint.send("last words");
    endpoint.close(1000);
    assert.deepEqual(sent(endpoint), ["pong p", "text last words", "close 1000"]);
  });
});

eachBackend("Endpoint: limits", () => {
  it("judges a message by its bytes, not by its fragments: 4 MiB in 64-byte fragments passes", () => {
    const endpoint = make("server");
    const count = (4 << 20) / 64;
    const key = KEY;
    const part = frame({ opcode: CONTINUATION, fin: false, payload: new Uint8Array(64).fill(0x61), key });
    endpoint.receiveData(frame({ opcode: TEXT, fin: false, payload: new Uint8Array(64).fill(0x61), key }));
    const parts = concat(Array.from({ length: 1024 }, () => part));
    for (let i = 1; i + 1024 < count; i += 1024) {
      endpoint.receiveData(parts.slice());
      assert.equal(endpoint.nextEvent(), null);
    }
    const left = (count - 2) % 1024;
    endpoint.receiveData(parts.slice(0, left * part.length));
    endpoint.receiveData(frame({ opcode: CONTINUATION, payload: new Uint8Array(64).fill(0x62), key }));
    const text = endpoint.nextEvent()?.data as string;
    assert.equal(endpoint.error, undefined);
    assert.equal(text.length, 4 << 20);
    assert.ok(text.endsWith(`a${"b".repeat(64)}`));
  });

  for (const role of SIDES) {
    it(`${role}: 1009 on the header of the frame that exceeds maxFrameSize`, () => {
      const endpoint = make(role, { maxFrameSize: 10 });
      const key = role === "server" ? KEY : undefined;
      endpoint.receiveData(fromPeer(role, { opcode: BINARY, payload: new Uint8Array(10) }));
      endpoint.receiveData(headerOf({ opcode: BINARY, announced: 11n, key }));
      assert.deepEqual(events(endpoint), [`binary ${"00".repeat(10)}`]);
      assert.ok(endpoint.error instanceof LimitError);
      assert.deepEqual([endpoint.error.limit, endpoint.error.actual], [10, 11]);
      const text = "Max payload size exceeded: maxFrameSize is 10, and the frame has 11 bytes";
      assert.deepEqual(sent(endpoint), [`close 1009 ${text}`]);
      assert.equal(endpoint.error.message, text);
    });

    for (const partial of [false, true]) {
      it(`${role}: 1009 on the header with which the message exceeds, ${partial ? "in parts" : "whole"}`, () => {
        const endpoint = make(role, { maxMessageSize: 10, partial });
        const key = role === "server" ? KEY : undefined;
        const begun = fromPeer(role, { opcode: BINARY, fin: false, payload: new Uint8Array(6) });
        endpoint.receiveData(begun.slice());
        endpoint.receiveData(
          fromPeer(role, { opcode: CONTINUATION, fin: false, payload: new Uint8Array(4) }),
        );
        const held = events(endpoint);
        assert.equal(held.length, partial ? 2 : 0);
        assert.deepEqual([endpoint.error, endpoint.retainedLength], [undefined, partial ? 0 : 10]);
        endpoint.receiveData(headerOf({ opcode: CONTINUATION, announced: 1n, key }));
        assert.deepEqual(events(endpoint), []);
        assert.ok(endpoint.error instanceof LimitError);
        const { code, limit, actual, offset } = endpoint.error;
        assert.deepEqual([code, limit, actual], ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", 10, 11]);
        const before = begun.length + fromPeer(role, { opcode: 0, payload: new Uint8Array(4) }).length;
        assert.equal(offset, before + 1, "the byte that holds the length");
        assert.equal(endpoint.retainedLength, 0);
        const text = "Max payload size exceeded: maxMessageSize is 10, and the message has at least 11 bytes";
        assert.deepEqual(sent(endpoint), [`close 1009 ${text}`]);
        assert.equal(endpoint.error.message, text);
      });
    }

    it(`${role}: a whole message of one frame is judged by maxMessageSize too`, () => {
      const endpoint = make(role, { maxMessageSize: 3 });
      endpoint.receiveData(
        fromPeer(role, { opcode: TEXT, payload: utf8("abc") }, { opcode: TEXT, payload: utf8("abcd") }),
      );
      assert.deepEqual(events(endpoint), ["text abc"]);
      assert.equal(endpoint.error?.closeCode, 1009);
      assert.equal(endpoint.messagesIn, 1);
    });
  }

  it("takes sums of lengths past 2^31 and 2^32 as what they are", () => {
    for (const announced of [2n ** 31n, 2n ** 32n, 2n ** 32n + 1n, 2n ** 53n - 1n]) {
      const endpoint = make("client", { maxFrameSize: Infinity });
      endpoint.receiveData(fromPeer("client", { opcode: BINARY, fin: false, payload: hex("00") }));
      endpoint.receiveData(headerOf({ opcode: CONTINUATION, announced }));
      assert.deepEqual(events(endpoint), []);
      assert.equal((endpoint.error as LimitError).actual, Number(announced) + 1);
    }
  });

  it("knows no limit where there is none", () => {
    const endpoint = make("client", { maxFrameSize: Infinity, maxMessageSize: Infinity });
    endpoint.receiveData(headerOf({ opcode: BINARY, announced: 2n ** 53n - 1n }));
    assert.deepEqual([events(endpoint), endpoint.error], [[], undefined]);
  });

  it("a limit of 0 lets empty messages pass", () => {
    const endpoint = make("client", { maxFrameSize: 0, maxMessageSize: 0 });
    endpoint.receiveData(fromPeer("client", { opcode: TEXT }, { opcode: BINARY }));
    assert.deepEqual(events(endpoint), ["text", "binary"]);
  });

  it("reports what it holds of a message that is not complete", () => {
    const endpoint = make("client");
    endpoint.receiveData(fromPeer("client", { opcode: BINARY, fin: false, payload: new Uint8Array(100) }));
    endpoint.receiveData(headerOf({ opcode: CONTINUATION, announced: 50n }));
    endpoint.receiveData(new Uint8Array(20));
    events(endpoint);
    assert.equal(endpoint.retainedLength, 120);
    endpoint.receiveEof();
    assert.ok(endpoint.retainedLength <= 20, "a message that will not end is released");
  });
});

eachBackend("Endpoint: parts", () => {
  for (const text of ["string", "bytes"] as const) {
    it(`delivers text in parts as ${text}, cut inside characters`, () => {
      const whole = "é水😀 end";
      const bytes = fromPeer(
        "server",
        { opcode: TEXT, fin: false, payload: utf8(whole).subarray(0, 4) },
        { opcode: CONTINUATION, payload: utf8(whole).subarray(4) },
      );
      for (let size = 1; size <= bytes.length; size++) {
        const endpoint = make("server", { partial: true, text });
        const parts: Message[] = [];
        for (const piece of cutEvery(bytes, size)) {
          endpoint.receiveData(piece);
          for (let event: Message | null; (event = endpoint.nextEvent()) !== null; ) parts.push(event);
        }
        for (const part of parts) assert.equal(part.type, "text");
        assert.deepEqual(
          parts.map(({ partial }) => partial),
          parts.map((_, i) => i < parts.length - 1),
          "all but the last are partial",
        );
        const joined =
          text === "string"
            ? parts.map(({ data }) => data).join("")
            : Buffer.concat(parts.map(({ data }) => data as Uint8Array)).toString();
        assert.equal(joined, whole, `cut every ${size}`);
        assert.ok(!joined.includes("�"), "no character is cut in two");
        assert.equal(endpoint.messagesIn, 1);
        assert.equal(endpoint.framesIn, 2);
      }
    });
  }

  it("delivers arrived bytes at once, without waiting for the frame", () => {
    const endpoint = make("client", { partial: true });
    endpoint.receiveData(concat([headerOf({ opcode: BINARY, announced: 10n }), hex("01 02")]));
    assert.deepEqual(events(endpoint), ["binary… 0102"]);
    endpoint.receiveData(hex("03"));
    assert.deepEqual(events(endpoint), ["binary… 03"]);
    endpoint.receiveData(hex("04 05 06 07 08 09 0a 89 00 81 00"));
    assert.deepEqual(events(endpoint), ["binary 0405060708090a", "ping", "text"]);
  });

  it("delivers no empty part, unless it ends the message", () => {
    const endpoint = make("client", { partial: true });
    endpoint.receiveData(
      fromPeer(
        "client",
        { opcode: TEXT, fin: false },
        { opcode: CONTINUATION, fin: false },
        { opcode: CONTINUATION, fin: false, payload: utf8("é").subarray(0, 1) },
        { opcode: CONTINUATION, fin: false, payload: utf8("é").subarray(1) },
        { opcode: CONTINUATION },
      ),
    );
    assert.deepEqual(events(endpoint), ["text… é", "text"]);
  });

  it("keeps a byte order mark at the front: it is text (§5.6)", () => {
    for (const partial of [true, false]) {
      const endpoint = make("client", { partial });
      endpoint.receiveData(
        fromPeer(
          "client",
          { opcode: TEXT, fin: false, payload: utf8("\u{feff}a") },
          { opcode: CONTINUATION, payload: utf8("b") },
          { opcode: TEXT, payload: utf8("\u{feff}c") },
        ),
      );
      const said = events(endpoint);
      assert.equal(
        said.join("|").replaceAll("text ", "").replaceAll("text… ", ""),
        partial ? "\u{feff}a|b|\u{feff}c" : "\u{feff}ab|\u{feff}c",
      );
    }
  });

  it("begins each message's text again, also after one that was failed", () => {
    const endpoint = make("client", { partial: true });
    endpoint.receiveData(
      fromPeer("client", { opcode: TEXT, payload: utf8("a") }, { opcode: TEXT, payload: utf8("é") }),
    );
    assert.deepEqual(events(endpoint), ["text a", "text é"]);
  });
});

eachBackend("Endpoint: sending", () => {
  it("borrowed bytes are the chunk's own, kept ones are not overwritten", () => {
    const chunk = () => fromPeer("client", { opcode: BINARY, payload: hex("01 02 03") });
    const borrowing = make("client", { borrow: true });
    const first = chunk();
    borrowing.receiveData(first);
    const lent = borrowing.nextEvent()?.data as Uint8Array;
    assert.equal(lent.buffer, first.buffer);
    assert.equal(toHex(lent), "010203");
  });

  for (const role of SIDES) {
    it(`${role}: sends strings, bytes, prepared messages, pings and pongs in order`, () => {
      const endpoint = make(role);
      endpoint.send("text é");
      endpoint.send(hex("00 01"));
      endpoint.send(utf8("text"), { type: "text" });
      endpoint.send("as bytes", { type: "binary" });
      endpoint.send(prepareMessage("prepared"));
      endpoint.send(prepareMessage(hex("02")));
      endpoint.ping("p");
      endpoint.ping();
      endpoint.pong(hex("71"));
      assert.deepEqual(sent(endpoint), [
        "text text é",
        "binary 0001",
        "text text",
        `binary ${toHex(utf8("as bytes"))}`,
        "text prepared",
        "binary 02",
        "ping p",
        "ping",
        "pong q",
      ]);
      const { framesOut, messagesOut, bytesOut } = endpoint.counters;
      assert.deepEqual([framesOut, messagesOut], [9, 6]);
      assert.ok(bytesOut > 0);
      assert.deepEqual(sent(endpoint), []);
      assert.equal(endpoint.counters.bytesOut, bytesOut);
    });

    it(`${role}: cuts what exceeds maxFrameSize`, () => {
      const endpoint = make(role, { maxFrameSize: 4 });
      endpoint.send("abcdefghij");
      endpoint.send(hex("01 02 03 04"));
      endpoint.send(prepareMessage("12345"));
      assert.deepEqual(sent(endpoint), [
        "text… abcd",
        "continuation… efgh",
        "continuation ij",
        "binary 01020304",
        "text… 1234",
        "continuation 5",
      ]);
      assert.equal(endpoint.messagesOut, 3);
    });

    it(`${role}: refuses to send anything that is not a message, and stays as it was`, () => {
      const endpoint = make(role);
      for (const wrong of NO_BYTES) {
        if (typeof wrong === "string") continue;
        assert.throws(() => endpoint.send(wrong as string), TypeError, String(wrong));
        if (wrong !== undefined)
          assert.throws(() => endpoint.ping(wrong as string), TypeError, String(wrong));
        if (wrong !== undefined)
          assert.throws(() => endpoint.pong(wrong as string), TypeError, String(wrong));
      }
      assert.throws(() => endpoint.send(hex("c3 28"), { type: "text" }), TypeError);
      assert.throws(() => endpoint.send("x", { type: "ping" as "text" }), TypeError);
      assert.throws(() => endpoint.ping("x".repeat(126)), RangeError);
      assert.throws(() => endpoint.pong(new Uint8Array(126)), RangeError);
      assert.deepEqual(sent(endpoint), []);
      endpoint.send("still fine");
      assert.deepEqual(sent(endpoint), ["text still fine"]);
    });

    it(`${role}: sends nothing once a Close was sent, or came, or the end`, () => {
      const closing = make(role);
      closing.close();
      const closed = make(role);
      closed.receiveData(fromPeer(role, { opcode: CLOSE }));
      events(closed);
      const gone = make(role);
      gone.receiveEof();
      for (const endpoint of [closing, closed, gone]) {
        assert.throws(() => endpoint.send("x"), InvalidStateError);
        assert.throws(() => endpoint.ping(), InvalidStateError);
        assert.throws(() => endpoint.pong(), InvalidStateError);
      }
    });
  }

  it("refuses options that make no sense", () => {
    const wrong: [object, typeof TypeError | typeof RangeError][] = [
      [{ role: "both" }, TypeError],
      [{ role: undefined }, TypeError],
      [{ maxFrameSize: -1 }, RangeError],
      [{ maxFrameSize: Number.NaN }, RangeError],
      [{ maxMessageSize: -1 }, RangeError],
      [{ maxMessageSize: "1" }, RangeError],
      [{ text: "utf8" }, TypeError],
    ];
    for (const [options, error] of wrong) {
      assert.throws(() => new Endpoint({ role: "server", ...options } as EndpointOptions), error);
    }
  });
});
