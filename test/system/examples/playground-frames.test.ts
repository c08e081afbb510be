/** The playground's pure parts: frames as it shows them, the rules that it names, what it makes of a capture. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compress, encodeFrame, Opcode } from "hawser/codec";
import { decodeCapture } from "../../../examples/playground/page/decode/decode.js";
import { EXAMPLES } from "../../../examples/playground/page/decode/examples.js";
import { fieldsOf, previewOf } from "../../../examples/playground/page/frame/describe.js";
import { type Frame, FrameStream } from "../../../examples/playground/page/frame/frame-stream.js";
import { boxesOf, readHeader } from "../../../examples/playground/page/frame/header.js";
import { hexRows } from "../../../examples/playground/page/frame/hex-rows.js";
import { BROKEN_FRAMES } from "../../../examples/playground/page/send/broken-frames.js";
import { splitMessage } from "../../../examples/playground/page/send/split.js";
import { compressionOf } from "../../../examples/playground/page/wire/compression.js";
import { hex, toHex, utf8 } from "../../support/hex.js";

/** "Hello", masked, as RFC 6455 §5.7 has it. */
const HELLO = "8185 37fa213d 7f9f4d5158";

function textOf(payload: Uint8Array | undefined): string {
  return new TextDecoder().decode(payload);
}

function only(frames: readonly Frame[]): Frame {
  assert.equal(frames.length, 1);
  return frames[0];
}

describe("a header, bit by bit", () => {
  test("with a masking key that a line of 32 bits cuts", () => {
    const header = readHeader(hex(HELLO));
    assert.deepEqual(
      boxesOf(header, hex(HELLO)).map(({ name, start, bits, isContinued }) => [
        name,
        start,
        bits,
        isContinued,
      ]),
      [
        ["FIN", 0, "1", false],
        ["RSV1", 1, "0", false],
        ["RSV2", 2, "0", false],
        ["RSV3", 3, "0", false],
        ["opcode", 4, "0001", false],
        ["MASK", 8, "1", false],
        ["Payload len", 9, "0000101", false],
        ["Masking-key", 16, "0011011111111010", false],
        ["Masking-key", 32, "0010000100111101", true],
      ],
    );
  });

  test("with lengths of 16 and of 64 bits", () => {
    assert.equal(readHeader(hex("827e 0082")).payloadLength, 130n);
    const long = readHeader(hex("82ff 0000000100000000 01020304"));
    assert.equal(long.payloadLength, 4294967296n);
    assert.deepEqual(long.maskingKey, hex("01020304"));
    assert.equal(long.length, 14);
    assert.deepEqual(
      boxesOf(long, hex("82ff 0000000100000000 01020304"))
        .filter(({ field }) => field === "extended")
        .map(({ bits }) => bits.length),
      [16, 32, 16],
    );
  });

  test("that is cut: the arrived part", () => {
    const first = readHeader(hex("09"));
    assert.deepEqual(
      [first.fin, first.opcode, first.masked, first.payloadLength],
      [false, 9, undefined, undefined],
    );
    assert.equal(boxesOf(first, hex("09")).at(-1)?.bits, "·······");
    const cut = readHeader(hex("82fe 01"));
    assert.deepEqual([cut.length, cut.payloadLength, cut.maskingKey], [8, undefined, undefined]);
  });
});

describe("FrameStream", () => {
  test("keeps the bytes of a masked frame as they were, and gives the payload unmasked", () => {
    const sent = hex(HELLO);
    const frame = only(new FrameStream({ reader: "server" }).push(sent));
    assert.equal(toHex(sent), toHex(hex(HELLO)));
    assert.equal(toHex(frame.bytes), toHex(sent));
    assert.equal(toHex(frame.payload), "48656c6c6f");
    assert.deepEqual(
      [frame.offset, frame.message, frame.missing, frame.violation],
      [0, "text", 0n, undefined],
    );
  });

  test("byte by byte gives what a chunk gives", () => {
    const all = hex("0103 48656c 8900 8002 6c6f 8205 0102030405 8802 03e8");
    const whole = new FrameStream({ reader: "client" }).push(all);
    const stream = new FrameStream({ reader: "client" });
    const pieces = [...all].flatMap((byte) => stream.push(Uint8Array.of(byte)));
    assert.deepEqual(pieces, whole);
    assert.deepEqual(
      whole.map(({ offset, header, message }) => [offset, header.opcode, message]),
      [
        [0, 1, "text"],
        [5, 9, undefined],
        [7, 0, "text"],
        [11, 2, "binary"],
        [18, 8, undefined],
      ],
    );
    assert.equal(stream.isClosed, true);
  });

  test("decompresses what refers to messages before, in fragments too", () => {
    const stream = new FrameStream({ reader: "client", compression: {} });
    // RFC 7692 §7.2.3.2: the second "Hello" refers to the first.
    const [first, second] = stream.push(hex("c107 f248cdc9c90700  c105 f200110000"));
    assert.equal(textOf(first.inflated?.bytes), "Hello");
    assert.equal(textOf(second.inflated?.bytes), "Hello");
    const payload = compress("in two fragments");
    const parts = [
      encodeFrame(Opcode.Text, payload.subarray(0, 5), { fin: false, rsv1: true }),
      encodeFrame(Opcode.Continuation, payload.subarray(5)),
      encodeFrame(Opcode.Text, utf8("plain")),
    ];
    const frames = stream.push(Buffer.concat(parts));
    const inflated = frames.map((frame) => frame.inflated && textOf(frame.inflated.bytes));
    assert.equal(`${inflated[0]}${inflated[1]}`, "in two fragments");
    assert.equal(inflated[2], undefined);
    stream.release();
  });

  test("keeps only the beginning of much that comes out of little", () => {
    const stream = new FrameStream({ reader: "client", compression: {} });
    const frame = only(
      stream.push(encodeFrame(Opcode.Binary, compress(new Uint8Array(1 << 20)), { rsv1: true })),
    );
    assert.deepEqual([frame.inflated?.length, frame.inflated?.bytes.length], [1 << 20, 1 << 18]);
    stream.release();
  });

  test("counts bytes behind a Close, or behind a violation, and keeps nothing of it", () => {
    for (const end of ["8800", "8300"]) {
      const stream = new FrameStream({ reader: "client" });
      stream.push(hex(end));
      assert.deepEqual(stream.push(hex("8100")), []);
      assert.deepEqual(stream.push(hex("81")), []);
      assert.deepEqual([stream.restLength, stream.waitingLength], [3, 0]);
    }
  });

  test("marks the byte in compressed data that is none, and decodes nothing behind", () => {
    const stream = new FrameStream({ reader: "client", compression: {} });
    const frame = only(stream.push(hex("c103 ff0000 8100")));
    assert.equal(frame.violation?.code, "WS_ERR_INVALID_COMPRESSED_DATA");
    assert.equal(frame.violation?.rule.section, "RFC 7692 §7.2.2");
    assert.equal(stream.push(hex("8100")).length, 0);
  });

  test("frames before a violation come whole, the broken one as far as it goes, its byte named", () => {
    const stream = new FrameStream({ reader: "server" });
    const [good, broken, ...more] = stream.push(hex(`${HELLO} 8188 37fa213d 19d4 e1 92 52`));
    assert.deepEqual(more, []);
    assert.equal(good.violation, undefined);
    assert.equal(broken.offset, 11);
    assert.equal(toHex(broken.payload), "2e2ec0af65");
    assert.equal(broken.missing, 3n);
    const { code, closeCode, offset, rule } = broken.violation as NonNullable<Frame["violation"]>;
    assert.deepEqual(
      [code, closeCode, offset, rule.section],
      ["WS_ERR_INVALID_UTF8", 1007, 19, "RFC 6455 §8.1"],
    );
  });

  test("a continuation behind a whole message belongs to none", () => {
    const [, lone] = new FrameStream({ reader: "client" }).push(hex("8100 8000"));
    assert.deepEqual([lone.message, lone.violation?.rule.section], [undefined, "RFC 6455 §5.4"]);
  });

  test("end() gives the frame that lacks its end", () => {
    const stream = new FrameStream({ reader: "any" });
    assert.equal(stream.push(hex("8105 4865")).length, 0);
    assert.equal(stream.waitingLength, 4);
    const frame = stream.end() as Frame;
    assert.deepEqual([toHex(frame.payload), frame.missing], ["4865", 3n]);
    assert.equal(new FrameStream({ reader: "any" }).end(), undefined);
  });

  test("tells the two faults of a length apart", () => {
    const textsOf = (text: string) =>
      new FrameStream({ reader: "client" }).push(hex(text)).map(({ violation }) => violation?.rule.text);
    assert.deepEqual(textsOf("827f 8000000000000000"), [
      "The most significant bit of a 64-bit length must be 0.",
    ]);
    assert.deepEqual(textsOf("827e 0005"), ["The length must be encoded in the fewest bytes."]);
  });

  test("has the limit that it is given", () => {
    const frame = only(new FrameStream({ reader: "client", maxFrameSize: 4 }).push(hex("8105 4865")));
    assert.equal(frame.violation?.closeCode, 1009);
  });
});

describe("broken frames", () => {
  for (const { name, code, bytes: sent } of BROKEN_FRAMES) {
    test(`${name}: ${code}`, () => {
      const violations = new FrameStream({ reader: "server" }).push(sent).map(({ violation }) => violation);
      assert.deepEqual(violations.map((violation) => violation?.code).filter(Boolean), [code]);
    });
  }

  test("each names a sentence of its own", () => {
    const texts = BROKEN_FRAMES.map(
      ({ bytes: sent }) => new FrameStream({ reader: "server" }).push(sent).at(-1)?.violation?.rule.text,
    );
    assert.equal(new Set(texts).size, BROKEN_FRAMES.length);
  });
});

describe("a frame in words", () => {
  const wordsOf = (text: string, reader: "server" | "client") => {
    const frame = only(new FrameStream({ reader }).push(hex(text)));
    return fieldsOf(frame).map(({ name, value, meaning }) => `${name} ${value}: ${meaning}`);
  };

  test("of a client", () => {
    assert.deepEqual(wordsOf(HELLO, "server"), [
      "FIN 1: the last frame of its message",
      "RSV1 0: no extension uses it",
      "RSV2 0: no extension uses it",
      "RSV3 0: no extension uses it",
      "opcode 0x1: text",
      "MASK 1: masked, as every frame of a client",
      "Payload len 5: 5 bytes",
      "Masking-key 37 fa 21 3d: byte i of the payload is XORed with byte i mod 4 of it",
    ]);
  });

  test("with a long length; with a reserved opcode; cut behind its first byte", () => {
    assert.deepEqual(wordsOf(`827e 0080 ${"00".repeat(128)}`, "client").slice(-2), [
      "Payload len 126: the length stands in the 2 bytes that follow",
      "Extended payload length 128: 16 bits, most significant byte first",
    ]);
    assert.equal(wordsOf("8300", "client")[4], "opcode 0x3: reserved 0x3");
    const cut = new FrameStream({ reader: "client" });
    cut.push(hex("01"));
    assert.equal(fieldsOf(cut.end() as Frame).at(-1)?.name, "opcode");
  });

  test("its preview", () => {
    const previewOfHex = (text: string) =>
      previewOf(only(new FrameStream({ reader: "any" }).push(hex(text))));
    assert.equal(previewOfHex(HELLO), "Hello");
    assert.equal(previewOfHex("8203 00ff10"), "00 ff 10");
    assert.equal(previewOfHex("8806 03e8 646f6e65"), "1000 done");
    assert.equal(previewOfHex("8800"), "no code");
    assert.equal(previewOfHex("8902 6869"), "hi");
    assert.equal(previewOfHex("8902 0001"), "00 01");
    assert.equal(previewOfHex(`8150 ${"61".repeat(80)}`), `${"a".repeat(60)}…`);
    assert.equal(previewOfHex(`8218 ${"61".repeat(24)}`), `${"61 ".repeat(20).trim()}…`);
  });
});

describe("hexRows", () => {
  const all = Uint8Array.from({ length: 100 }, (_, i) => i);

  test("from the beginning, as many as fit", () => {
    const { before, rows, behind } = hexRows(all, 3);
    assert.deepEqual([before, rows.map(({ offset }) => offset), behind], [0, [0, 16, 32], 52]);
  });

  test("around the byte that matters, to the last one", () => {
    const middle = hexRows(all, 3, 50);
    assert.deepEqual(
      [middle.before, middle.rows.map(({ offset }) => offset), middle.behind],
      [32, [32, 48, 64], 20],
    );
    const end = hexRows(all, 3, 99);
    assert.deepEqual([end.before, end.rows.at(-1)?.bytes.length, end.behind], [64, 4, 0]);
    assert.deepEqual(hexRows(new Uint8Array(0), 3), { before: 0, rows: [], behind: 0 });
  });
});

describe("splitMessage", () => {
  test("cuts strings between characters, bytes anywhere, and leaves no part empty", () => {
    assert.deepEqual(splitMessage("🚢ab", 3), ["🚢", "a", "b"]);
    assert.deepEqual(splitMessage("ab", 5), ["a", "b"]);
    assert.deepEqual(splitMessage("", 3), [""]);
    assert.deepEqual(splitMessage(hex("0102030405"), 2), [hex("010203"), hex("0405")]);
  });
});

describe("decodeCapture", () => {
  test("describes the result", () => {
    const summaryOf = (text: string) => decodeCapture(hex(text), "client", false, 10).summary;
    assert.equal(summaryOf(""), "There is nothing to decode.");
    assert.equal(summaryOf("8100"), "2 bytes, 1 frame, no violation.");
    assert.equal(summaryOf("8100 8105 48"), "5 bytes, 2 frames, of which the last lacks its end.");
    assert.equal(
      summaryOf("8800 8100"),
      "4 bytes, 1 frame, no violation. 2 bytes behind that were not read.",
    );
    assert.match(summaryOf("8100 8180 00000000"), /^8 bytes, 2 frames\. Byte 3 breaks RFC 6455 §5\.1: /);
  });
});

test("decodeCapture counts all frames, and keeps the last ones", () => {
  const capture = Buffer.concat(Array.from({ length: 50_000 }, (_, i) => Buffer.from([0x82, 0x01, i])));
  const { frames, count, summary } = decodeCapture(capture, "client", false, 3);
  assert.deepEqual(
    frames.map(({ offset, payload }) => [offset, payload[0]]),
    [49_997, 49_998, 49_999].map((i) => [i * 3, i & 0xff]),
  );
  assert.equal(count, 50_000);
  assert.equal(summary, "150,000 bytes, 50,000 frames, no violation.");
});

describe("the examples to decode", () => {
  const expected = [
    [6, undefined],
    [2, undefined],
    [4, undefined],
    [2, "WS_ERR_INVALID_UTF8"],
    [2, "WS_ERR_INVALID_PAYLOAD_LENGTH"],
  ];
  for (const [index, example] of EXAMPLES.entries()) {
    test(example.name, async () => {
      const { parseHex } = await import("../../../examples/playground/page/decode/hex.js");
      const parsed = parseHex(example.hex);
      assert.ok(parsed instanceof Uint8Array);
      const { frames } = decodeCapture(parsed, example.reader, example.isCompressed === true, 10);
      assert.deepEqual([frames.length, frames.at(-1)?.violation?.code], expected[index]);
      assert.equal(frames.at(-1)?.missing, 0n);
    });
  }
});

describe("compressionOf", () => {
  const head = (extensions: string) => `HTTP/1.1 101 Switching Protocols\r\n${extensions}\r\n\r\n`;

  test("reads each side's parameters out of the response", () => {
    const agreed = head(
      "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits=12",
    );
    // Nothing of this was asked for, but a page sees only the answer.
    assert.deepEqual(compressionOf(agreed, "client"), { windowBits: 12, contextTakeover: true });
    assert.deepEqual(compressionOf(agreed, "server"), { windowBits: 10, contextTakeover: false });
  });

  test("is undefined without an agreement", () => {
    assert.equal(compressionOf(head("Upgrade: websocket"), "server"), undefined);
  });
});
