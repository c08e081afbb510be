/** The fuzz targets: each consumes bytes, and throws if an invariant does not hold. */

import assert from "node:assert/strict";
import { FrameDecoder, ProtocolError } from "../../src/codec/index.js";
import { instantiateCompression, selectKernel } from "../../src/kernel/index.js";
import {
  acceptPerMessageDeflate,
  buildHandshakeRequest,
  buildHandshakeResponse,
  buildRefusal,
  confirmPerMessageDeflate,
  decodeHead,
  Endpoint,
  type EndpointOptions,
  HandshakeError,
  HandshakeReader,
  judgeHandshakeRequest,
  listProtocols,
  parseExtensions,
  parseHeaders,
  serializeExtensions,
  validateHandshakeResponse,
} from "../../src/protocol/index.js";
import { drain, type SeenFrame, seeError } from "../support/decoding.js";
import { Events, parameters } from "../support/deflate.js";
import { cutEvery } from "../support/frames.js";
import { hex, toHex } from "../support/hex.js";
import { Judge } from "../support/inflate-cases.js";
import { randomNumbers } from "../support/property.js";
import { judgeStream } from "../support/stream-oracle.js";
import { StrictInflater } from "../support/strict-inflater.js";
import { readFrames } from "../support/wire.js";

export interface Target {
  readonly name: string;
  run(input: Uint8Array): void;
  /** Pieces that inputs are made of. */
  readonly dictionary: readonly Uint8Array[];
  /** What the first inputs are, where there is no corpus. */
  readonly seeds: readonly Uint8Array[];
  /** What guides, beside `src/`. */
  readonly guides?: RegExp;
}

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));
const ROLES = ["server", "client", "any"] as const;

const FRAMES = [
  ..."8100 8105 817e 817f 8180 8185 81fe 81ff 0105 0005 8005 8285 02fe 8900 8980 897d 89fd 8a00 8a80 8800 8880 8882 8802".split(
    " ",
  ),
  ..."c100 c185 c285 4105 4185 007e 807e 03e8 03ed 0bb8 1387 ffff 0000 007e 0100 00000000 37fa213d 7f 7e 80 ff".split(
    " ",
  ),
  ..."efbfbd eda080 f4908080 f48fbfbf e188b4 c3a9 c0af f09f9880 0000000000010000 8000000000000000 0020000000000000".split(
    " ",
  ),
].map(hex);

/** The decoder: whole over one kernel, octet by octet over the other, and by the oracle. */
const decoder: Target = {
  name: "decoder",
  run(input) {
    const [first = 0, ...rest] = input;
    const bytes = Uint8Array.from(rest);
    const role = ROLES[first % 3];
    const maxFrameSize = (first & 4) !== 0 ? 100 : 1 << 20;
    const allowRsv1 = (first & 8) !== 0;
    const options = { role, maxFrameSize, allowRsv1 };
    const size = (first & 16) !== 0 ? 1 : 1 + (first >> 5);
    const results = (["reference", "wasm"] as const).flatMap((backend) => {
      selectKernel(backend);
      return [[bytes.slice()], cutEvery(bytes, size)].map((chunks) => {
        const one = new FrameDecoder(options);
        const frames: SeenFrame[] = [];
        for (const chunk of chunks) {
          one.push(chunk);
          drain(one, frames, (first & 32) !== 0);
        }
        return { frames, error: seeError(one) };
      });
    });
    for (const result of results.slice(1)) assert.deepEqual(result, results[0]);
    const { frames, error } = judgeStream(bytes, options);
    const [seen] = results;
    assert.deepEqual(
      seen.frames.map(({ opcode, payload, frameOffset }) => [opcode, payload, frameOffset]),
      frames.map(({ opcode, payload, frameOffset }) => [opcode, toHex(payload), frameOffset]),
    );
    assert.deepEqual(
      seen.error && [seen.error.code, seen.error.closeCode, seen.error.offset],
      error && [error.code, error.closeCode, error.offset],
    );
  },
  dictionary: FRAMES,
  seeds: [
    hex("00 8185 37fa213d 7f9f4d5158"),
    hex("01 8105 48656c6c6f"),
    hex("09 0103 48656c 8002 6c6f 8800"),
    hex("12 8900 8a00 8882 00000000 03e8"),
  ],
  guides: /stream-oracle|utf8-oracle/,
};

let judge: Judge | undefined;

/** The inflater: by zlib, whole and in pieces. It is WebAssembly, so a strict one in TypeScript guides. */
const inflate: Target = {
  name: "inflate",
  run(input) {
    judge ??= new Judge(instantiateCompression(), randomNumbers(1));
    judge.judge(randomNumbers(input.length), input);
    judge.checkGuards();
    try {
      new StrictInflater(15).inflate(input);
    } catch {
      // It guides, and does not judge.
    }
  },
  dictionary:
    "00 01 02 03 04 05 4a 4c 04e0 0000ffff 0500faff 010000ffff 0300 4b040000 f248cdc9c907 04c0 15c0 ecc0 05c1 7fff aa55 ff "
      .trim()
      .split(" ")
      .map(hex),
  seeds: [
    hex("f248cdc9c90700"),
    hex("f200110000"),
    hex("000500faff48656c6c6f00"),
    hex("f348cdc9c9070000"),
    hex("4a84840000"),
  ],
  guides: /strict-inflater/,
};

/** Checks the output of an endpoint: whole frames, all masked or none, nothing after a Close. */
function checkOutput(output: readonly Uint8Array[], role: "server" | "client"): void {
  const frames = readFrames(output);
  const close = frames.findIndex(({ opcode }) => opcode === 8);
  assert.ok(close < 0 || close === frames.length - 1, "a frame behind a Close");
  for (const { masked, opcode, fin, payload } of frames) {
    assert.equal(masked, role === "client");
    assert.ok(opcode < 8 || (fin && payload.length <= 125));
  }
}

/** An endpoint: whole and octet by octet, with and without compression, the same events, state and output. */
const endpoint: Target = {
  name: "endpoint",
  run(input) {
    selectKernel("reference");
    const [first = 0, ...rest] = input;
    const bytes = Uint8Array.from(rest);
    const role = (first & 1) !== 0 ? "server" : "client";
    const options: EndpointOptions = {
      role,
      maxMessageSize: (first & 2) !== 0 ? 200 : 1 << 20,
      partial: (first & 4) !== 0,
      autoPong: (first & 8) === 0,
      ...((first & 16) !== 0
        ? { perMessageDeflate: parameters({ clientMaxWindowBits: 9 + (first >> 6) }) }
        : {}),
    };
    const outcomes = [bytes.length, 1, 3].map((size) => {
      const one = new Endpoint(options);
      const events = new Events();
      for (const chunk of cutEvery(bytes, Math.max(1, size))) {
        one.receiveData(chunk);
        events.drain(one);
      }
      const output = one.takeOutput().map((each) => Uint8Array.from(each));
      checkOutput(output, role);
      const frames = readFrames(output).map(({ opcode, payload }) => [opcode, toHex(payload)]);
      const { error, phase, closeCode, closeReason, failed } = one;
      if (error !== undefined) assert.ok(error instanceof ProtocolError, String(error));
      one.receiveEof();
      return {
        whole: events.whole,
        frames,
        code: error?.code,
        phase,
        closeCode,
        closeReason,
        failed,
        end: one.state,
      };
    });
    for (const outcome of outcomes.slice(1)) assert.deepEqual(outcome, outcomes[0]);
    assert.equal(outcomes[0].end, "closed");
  },
  dictionary: [
    ...FRAMES,
    ...[
      "c10100",
      "c107f248cdc9c90700",
      "f248cdc9c90700",
      "f200110000",
      "4103",
      "0000ffff",
      "c187000000 00f248cdc9c90700",
    ].map(hex),
  ],
  seeds: [
    hex("01 8185 37fa213d 7f9f4d5158"),
    hex("10 c107f248cdc9c90700 c105f200110000"),
    hex("00 0103 48656c 8900 8002 6c6f 8802 03e8"),
    hex("14 4103f248cd 8004c9c90700"),
  ],
};

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const REQUEST = buildHandshakeRequest({
  url: "ws://server.example.com/chat?a=b",
  key: KEY,
  protocols: ["chat", "v2"],
  extensions: [{ name: "permessage-deflate", parameters: { client_max_window_bits: true } }],
});
const RESPONSE = buildHandshakeResponse({ key: KEY, protocol: "chat" });

/** The opening handshake, as a server and as a client read it. */
const handshake: Target = {
  name: "handshake",
  run(input) {
    const text = decodeHead(input.subarray(1));
    if (((input[0] ?? 0) & 1) === 0) judgeRequest(text);
    else readResponse(input.subarray(1), (input[0] & 2) !== 0);
  },
  dictionary: [
    ...'\r\n|: |, |; |=|"|\\"|,,|websocket|Upgrade|Connection: Upgrade\r\n|Host: a\r\n|Host: [::1]:1\r\n|Origin: null\r\n|Sec-WebSocket-Key: |Sec-WebSocket-Version: 13\r\n|13|8|Sec-WebSocket-Accept: |Sec-WebSocket-Protocol: chat\r\n|Sec-WebSocket-Extensions: |permessage-deflate|server_no_context_takeover|client_no_context_takeover|server_max_window_bits=|client_max_window_bits|=15|=8|=7|=16|=010|Content-Length: 0\r\n|Transfer-Encoding: chunked\r\n|HTTP/1.1 |101|302|Location: ws://b/\r\n|GET |POST |http://|/|?|#| \t|keep-alive, |é|\0|\n|\r|%2e|@'.split(
      "|",
    ),
    KEY,
    KEY.slice(0, 8),
  ].map(bytesOf),
  seeds: [
    bytesOf(`\0${REQUEST}`),
    bytesOf(`\x01${RESPONSE}`),
    bytesOf(`\x03HTTP/1.1 103 Early\r\n\r\n${RESPONSE}\x81\x00`),
    bytesOf(
      `\0${REQUEST.replace("client_max_window_bits", "server_max_window_bits=10; client_no_context_takeover, permessage-deflate")}`,
    ),
    bytesOf("\x01HTTP/1.1 302 Found\r\nLocation: ws://b/\r\n\r\n"),
  ],
};

function judgeRequest(text: string): void {
  const [line, ...lines] = text.split("\r\n");
  const [method, url, version = ""] = line.split(" ");
  const headers = parseHeaders(`${lines.join("\r\n")}`);
  if (headers instanceof HandshakeError) return;
  const request = { method, url, httpVersion: version.replace("HTTP/", ""), headers };
  const offer = judgeHandshakeRequest(request);
  if (!offer.ok) {
    // A refusal can be sent, and repeats nothing of the request.
    const head = new HandshakeReader().push(bytesOf(buildRefusal(offer)));
    assert.ok(head !== undefined && !(head instanceof HandshakeError) && head.status === offer.status);
    return;
  }
  const { key, extensions, protocols } = offer;
  assert.deepEqual(listProtocols([...protocols]), [...protocols]);
  assert.deepEqual(parseExtensions(serializeExtensions(extensions)) ?? [], extensions);
  for (const options of [
    {},
    { serverMaxWindowBits: 10 },
    { clientMaxWindowBits: 9, serverNoContextTakeover: true },
  ]) {
    const accepted = acceptPerMessageDeflate(extensions, options);
    const response = buildHandshakeResponse({
      key,
      protocol: protocols[0] ?? "",
      extensions: accepted === undefined ? [] : [accepted.response],
    });
    const head = new HandshakeReader().push(bytesOf(response));
    assert.ok(head !== undefined && !(head instanceof HandshakeError));
    const seen = validateHandshakeResponse(head, { key, protocols, extensions });
    assert.ok(seen.ok, String(seen));
  }
}

function readResponse(bytes: Uint8Array, offers: boolean): void {
  const read = (size: number) => {
    const reader = new HandshakeReader();
    for (let at = 0; at < bytes.length; at += size) {
      const head = reader.push(bytes.subarray(at, at + size));
      if (head !== undefined) return head;
    }
    return undefined;
  };
  const [whole, cut] = [read(Math.max(1, bytes.length)), read(1)];
  assert.equal(whole?.constructor, cut?.constructor);
  if (whole === undefined || cut === undefined) return;
  if (whole instanceof HandshakeError || cut instanceof HandshakeError) {
    assert.equal((whole as HandshakeError).message, (cut as HandshakeError).message);
    return;
  }
  assert.deepEqual([whole.status, whole.headers], [cut.status, cut.headers]);
  const expected = { key: KEY, protocols: ["chat"], extensions: offers ? "permessage-deflate" : [] };
  const outcome = validateHandshakeResponse(whole, expected);
  if (outcome.ok) confirmPerMessageDeflate(outcome.extensions, {});
  else assert.ok(outcome instanceof HandshakeError);
}

export const TARGETS: readonly Target[] = [decoder, inflate, handshake, endpoint];
