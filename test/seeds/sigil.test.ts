/** The names of Sigil's `(sigil websocket)`, `(… connection)` and `(… frame)`. */

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { Duplex } from "node:stream";
import { describe } from "node:test";
import tls from "node:tls";
import {
  applyMask,
  buildHandshakeRequest,
  buildHandshakeResponse,
  Connection,
  computeAccept,
  connect,
  connectWithRetry,
  createConnection,
  decodeFrame,
  encodeBinary,
  encodeClose,
  encodeFrame,
  encodeHead,
  encodePing,
  encodePong,
  encodeText,
  FrameDecoder,
  generateKey,
  generateMaskingKey,
  getHeader,
  HandshakeReader,
  isConnection,
  isControl,
  isMessage,
  isValidHandshakeResponse,
  isValidKey,
  Message,
  MessageReader,
  Opcode,
  PayloadBuffer,
  parseHeaders,
  parseStatusLine,
  parseWebSocketUrl,
  serve,
  tryConnect,
} from "../../src/index.js";

import { certificate } from "../support/certificate.js";
import { hex, toHex, utf8 } from "../support/hex.js";
import { freePort } from "../support/sockets.js";
import { connected, vocabulary } from "./support.js";

const CONNECTION = `
  ws-connection ws-connection? ws-connection-socket ws-connection-state ws-connection-url ws-connection-host
  ws-connection-buffer ws-connection-fragments set-ws-connection-state! set-ws-connection-buffer!
  set-ws-connection-fragments! %ws-message--type ws-message ws-message? ws-message-type ws-message-data
  parse-ws-url generate-ws-key calculate-accept-key build-handshake-request parse-status-line get-header
  validate-handshake conn-write conn-read conn-close conn-set-non-blocking! ws-connect ws-connected? ws-send
  ws-send-binary ws-ping ws-receive receive-message try-decode-message process-frame ws-close closed
  connect-with-retry
`;

const FRAME = `
  opcode-text opcode-binary opcode-close opcode-ping opcode-pong opcode-continuation opcode-control?
  encode-text-frame encode-binary-frame encode-close-frame encode-ping-frame encode-pong-frame encode-frame
  decode-frame frame-decode-result-frame frame-decode-result-bytes-consumed ws-frame-opcode ws-frame-payload
  ws-frame-fin? generate-mask-key apply-mask
`;

/** A stream without a peer. */
const nowhere = () =>
  new Duplex({
    read() {},
    write: (_chunk, _encoding, done) => done(),
  });

/** Bytes held, which stay there. */
function held(buffer: PayloadBuffer): string {
  const copy = new Uint8Array(buffer.length);
  buffer.copyTo(copy);
  return toHex(copy);
}

describe("Sigil: (sigil websocket connection)", () => {
  const seed = vocabulary(CONNECTION);

  seed("ws-connection ws-connection?", async (t) => {
    const { connection } = await connected(t);
    const made = createConnection(nowhere(), { role: "client" });
    for (const each of [connection, made]) {
      assert.ok(isConnection(each) && each instanceof Connection);
    }
    assert.equal(isConnection({}), false);
    made.terminate();
  });

  seed("ws-connection-socket", async (t) => {
    const own = await certificate();
    const plain = await connected(t);
    const secure = await connected(t, { tls: own }, { tls: { ca: own.cert } });
    assert.ok(plain.connection.socket instanceof net.Socket);
    assert.ok(secure.connection.socket instanceof tls.TLSSocket);
  });

  seed("ws-connection-state ws-connected?", async (t) => {
    const { connection } = await connected(t);
    assert.deepEqual([connection.state, connection.connected], ["open", true]);
    const closed = connection.close();
    assert.deepEqual([connection.state, connection.connected], ["closing", false]);
    await closed;
    assert.deepEqual([connection.state, connection.connected], ["closed", false]);
  });

  seed("ws-connection-url ws-connection-host", async (t) => {
    const { connection, accepted, url } = await connected(t);
    assert.equal(connection.url, `${url}/socket`);
    assert.deepEqual([connection.host, accepted.host], [new URL(url).host, new URL(url).host]);
  });

  seed("ws-connection-buffer ws-connection-fragments", async (t) => {
    const reader = new MessageReader();
    reader.receiveMessage(hex("01 01 61 80 03 62"));
    assert.deepEqual([reader.fragments?.type, held(reader.buffer)], ["text", "800362"]);
    assert.equal(held(reader.fragments!.payload), "61");
    // Of a connection: how much it holds.
    const { accepted, connection } = await connected(t);
    connection.sendMessage(new Message("begin", "text", true));
    connection.sendMessage(new Message("…", "text", true));
    while (accepted.counters.framesIn < 2) await new Promise(setImmediate);
    assert.equal(accepted.retainedLength, 8);
  });

  seed("set-ws-connection-state! set-ws-connection-buffer! set-ws-connection-fragments!", () => {
    const reader = new MessageReader();
    const payload = new PayloadBuffer();
    payload.append(utf8("Hel"));
    reader.fragments = { type: "text", payload };
    const buffer = new PayloadBuffer();
    buffer.append(hex("80 02 6c6f"));
    reader.buffer = buffer;
    assert.deepEqual(reader.tryDecodeMessage(), new Message("Hello", "text"));
    reader.state = "closed";
    assert.equal(reader.receiveMessage(encodeText("x")), "closed");
  });

  seed("%ws-message--type ws-message ws-message? ws-message-type ws-message-data", () => {
    const message = new Message("hi", "text");
    assert.equal(message.constructor, Message);
    assert.deepEqual([message.type, message.data], ["text", "hi"]);
    assert.deepEqual([isMessage(message), isMessage({ type: "text", data: "hi" })], [true, false]);
    assert.equal(String(new Message(utf8("\ufeffhi"), "text")), "\ufeffhi");
  });

  seed("parse-ws-url", () => {
    const { scheme, host, port, path } = parseWebSocketUrl("wss://example.com/chat?x=1")!;
    assert.deepEqual([scheme, host, port, path], ["wss", "example.com", 443, "/chat?x=1"]);
    assert.equal(parseWebSocketUrl("ftp://example.com"), undefined);
  });

  seed("generate-ws-key", () => {
    assert.ok(isValidKey(generateKey()));
    assert.equal(Buffer.from(generateKey(), "base64").length, 16);
    assert.notEqual(generateKey(), generateKey());
  });

  seed("calculate-accept-key", () => {
    // §1.3.
    assert.equal(computeAccept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });

  seed("build-handshake-request", () => {
    const key = generateKey();
    const request = buildHandshakeRequest({ url: "ws://example.com/chat", key, protocols: "a, b" });
    assert.match(request, /^GET \/chat HTTP\/1\.1\r\nHost: example\.com\r\n/);
    assert.ok(request.includes(`\r\nSec-WebSocket-Key: ${key}\r\n`));
    assert.ok(request.includes("\r\nSec-WebSocket-Protocol: a, b\r\n") && request.endsWith("\r\n\r\n"));
  });

  seed("parse-status-line", () => {
    assert.equal(parseStatusLine("HTTP/1.1 101 Switching Protocols"), 101);
    assert.equal(parseStatusLine("hello"), undefined);
  });

  seed("get-header", () => {
    const headers = parseHeaders("Upgrade: websocket\r\nX-A: 1\r\n\r\n");
    assert.ok(!(headers instanceof Error));
    assert.deepEqual(
      [getHeader(headers, "uPGRADE"), getHeader(headers, "nothing")],
      ["websocket", undefined],
    );
  });

  seed("validate-handshake", () => {
    const key = generateKey();
    const head = new HandshakeReader().push(encodeHead(buildHandshakeResponse({ key })));
    assert.ok(head !== undefined && !(head instanceof Error));
    assert.equal(isValidHandshakeResponse(head, { key }), true);
    assert.equal(isValidHandshakeResponse(head, { key: generateKey() }), false);
  });

  seed("conn-write conn-read conn-close", async (t) => {
    const own = await certificate();
    for (const [serverOptions, clientOptions] of [
      [{}, {}],
      [{ tls: own }, { tls: { ca: own.cert } }],
    ]) {
      const { accepted, connection } = await connected(t, serverOptions, clientOptions);
      // Another owner takes the stream over, with all its frames.
      const taken: Duplex = accepted.transport;
      accepted.transport = nowhere();
      taken.write(encodeText("written by hand"));
      assert.equal((await connection.receive())?.data, "written by hand");
      const reading = once(taken.resume(), "data");
      connection.send("read by hand");
      const [chunk] = (await reading) as [Uint8Array];
      assert.equal(String(decodeFrame(chunk).frame?.payload), String(utf8("read by hand")));
      taken.destroy();
      assert.equal((await connection.closed).code, 1006);
    }
  });

  seed("conn-set-non-blocking!", async (t) => {
    const { accepted, connection } = await connected(t);
    assert.equal(connection.tryReceive(), undefined);
    accepted.send("one");
    accepted.sendNow("two");
    assert.equal((await connection.receive())?.data, "one");
    assert.equal(connection.tryReceive()?.data, "two");
  });

  seed("ws-connect", async (t) => {
    const { url } = await connected(t);
    const connection = await tryConnect(url);
    assert.equal(connection?.state, "open");
    connection?.terminate();
    assert.equal(await tryConnect(`ws://127.0.0.1:${await freePort()}`), undefined);
  });

  seed("ws-send ws-send-binary", async (t) => {
    const { accepted, connection } = await connected(t);
    connection.send("Hello, server!");
    connection.sendBinary(hex("01020304"));
    assert.equal((await accepted.receive())?.data, "Hello, server!");
    assert.deepEqual(new Uint8Array((await accepted.receive())?.data as Uint8Array), hex("01020304"));
  });

  seed("ws-ping", async (t) => {
    const pings: string[] = [];
    const { connection } = await connected(t, {
      ping: (_connection, payload) => pings.push(Buffer.from(payload).toString()),
    });
    assert.ok((await connection.ping()) >= 0);
    assert.ok((await connection.ping("payload")) >= 0);
    assert.equal(pings.at(-1), "payload");
  });

  seed("ws-receive closed", async (t) => {
    const { accepted, connection } = await connected(t);
    // Waiting lets others run.
    const waiting = connection.receive();
    accepted.send("text");
    accepted.sendBinary(utf8("binary"));
    assert.equal((await waiting)?.type, "text");
    assert.equal((await connection.receive())?.type, "binary");
    // The server closes: our side of the closing handshake is done for us.
    assert.deepEqual(await accepted.close(), { code: 1000, reason: "" });
    assert.equal(await connection.receive(), undefined);
    assert.equal(connection.error, undefined);
  });

  seed("receive-message try-decode-message process-frame", () => {
    const reader = new MessageReader({ role: "client" });
    assert.equal(reader.receiveMessage(hex("81 02")), "need-more");
    assert.deepEqual(reader.receiveMessage(utf8("hi")), new Message("hi", "text"));
    assert.equal(reader.tryDecodeMessage(), "need-more");
    const first = decodeFrame(hex("01 01 61")).frame!;
    const last = decodeFrame(hex("80 01 62")).frame!;
    assert.equal(reader.processFrame(first), "need-more");
    assert.deepEqual(reader.processFrame(last), new Message("ab", "text"));
    assert.throws(() => reader.processFrame(last), { code: "WS_ERR_INVALID_OPCODE" });
    assert.equal(reader.receiveMessage(encodeClose(1000)), "closed");
  });

  seed("ws-close", async (t) => {
    const { accepted, connection } = await connected(t);
    await connection.close();
    assert.equal(connection.connected, false);
    assert.deepEqual(await accepted.closed, { code: 1000, reason: "" });
  });

  seed("connect-with-retry", async (t) => {
    const port = await freePort();
    const url = `ws://127.0.0.1:${port}`;
    const attempts: number[] = [];
    const retrying = connectWithRetry(url, {
      delay: 20,
      maxAttempts: 50,
      onRetry(_error, attempt) {
        attempts.push(attempt);
        if (attempt !== 2) return;
        void serve({ port, hostname: "127.0.0.1" }).then((server) =>
          t.after(() => server.close({ timeoutMs: 0 })),
        );
      },
    });
    const connection = await retrying;
    assert.ok(connection.connected && attempts.length >= 2);
    connection.terminate();
    const unused = `ws://127.0.0.1:${await freePort()}`;
    await assert.rejects(connectWithRetry(unused, { delay: 1, maxAttempts: 2 }), { code: "ECONNREFUSED" });
    await assert.rejects(connect(unused), { code: "ECONNREFUSED" });
  });
});

describe("Sigil: (sigil websocket frame)", () => {
  const seed = vocabulary(FRAME);

  seed("opcode-text opcode-binary opcode-close opcode-ping opcode-pong opcode-continuation", () => {
    const { Text, Binary, Close, Ping, Pong, Continuation } = Opcode;
    assert.deepEqual([Text, Binary, Close, Ping, Pong, Continuation], [1, 2, 8, 9, 10, 0]);
  });

  seed("opcode-control?", () =>
    assert.deepEqual([isControl(Opcode.Ping), isControl(Opcode.Text)], [true, false]),
  );

  const masked = { mask: hex("01020304") };
  seed("encode-text-frame", () =>
    assert.deepEqual(encodeText("hello", masked), hex("81 85 01020304 69676f686e")),
  );
  seed("encode-binary-frame", () =>
    assert.deepEqual(encodeBinary(hex("010203"), masked), hex("82 83 01020304 000000")),
  );
  seed("encode-close-frame", () => {
    assert.deepEqual(encodeClose(), hex("88 00"));
    assert.deepEqual(encodeClose(1000), hex("88 02 03e8"));
  });
  seed("encode-ping-frame", () => assert.deepEqual(encodePing(), hex("89 00")));
  seed("encode-pong-frame", () => assert.deepEqual(encodePong(utf8("x")), hex("8a 01 78")));

  seed("encode-frame", () => {
    const bytes = encodeFrame(Opcode.Text, "data", { fin: true, mask: true });
    const { frame } = decodeFrame(bytes, { role: "server" });
    assert.deepEqual([frame?.fin, frame?.masked, String(frame?.payload)], [true, true, String(utf8("data"))]);
    assert.deepEqual(encodeFrame(Opcode.Text, "data", { fin: false }), hex("01 04 64617461"));
  });

  seed(
    "decode-frame frame-decode-result-frame frame-decode-result-bytes-consumed ws-frame-opcode ws-frame-payload ws-frame-fin?",
    () => {
      const bytes = hex("81 02 6869 82");
      const { frame, bytesConsumed } = decodeFrame(bytes);
      assert.equal(bytesConsumed, 4);
      assert.deepEqual([frame?.opcode, frame?.fin], [Opcode.Text, true]);
      assert.equal(String(frame?.payload), String(utf8("hi")));
      assert.deepEqual(decodeFrame(bytes.subarray(4)), { frame: undefined, bytesConsumed: 0 });
      // A stream of them.
      const decoder = new FrameDecoder({ role: "client" });
      decoder.push(hex("81 02 6869"));
      assert.ok(decoder.next() && decoder.text() === "hi");
    },
  );

  seed("generate-mask-key apply-mask", () => {
    const key = generateMaskingKey();
    assert.equal(key.length, 4);
    const data = utf8("reversible");
    const hidden = applyMask(data, key);
    assert.equal(toHex(applyMask(hidden, key)), toHex(data));
    assert.equal(toHex(applyMask(hex("01020304"), hex("01020304"))), "00000000");
  });
});
