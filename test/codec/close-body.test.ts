/** The body of a Close frame: §5.5.1 and §7.4, both ways. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { assertCloseBody, judgeCloseBody } from "../../src/codec/close-body.js";
import { STATUS_CLOSE_CODE } from "../../src/codec/errors.js";
import {
  decodeCloseBody,
  encodeCloseBody,
  MAX_CONTROL_PAYLOAD_LENGTH,
  ProtocolError,
} from "../../src/codec/index.js";
import * as layout from "../../src/kernel/generated/layout.js";
import { eachBackend } from "../support/backends.js";
import { NOT_BYTES } from "../support/bytes.js";
import { closeBody } from "../support/frames.js";
import { hex, toHex, utf8 } from "../support/hex.js";

eachBackend("encodeCloseBody", () => {
  it("writes the code in network order and the reason in UTF-8", () => {
    assert.equal(toHex(encodeCloseBody(1000)), "03e8");
    assert.equal(toHex(encodeCloseBody(4999, "é")), "1387c3a9");
    assert.equal(toHex(encodeCloseBody(1001, "going")), "03e9676f696e67");
    assert.equal(toHex(encodeCloseBody(3000, "\ud800!")), "0bb8efbfbd21", "a lone surrogate");
  });

  it("is empty without a code, and the caller's own", () => {
    assert.equal(encodeCloseBody().length, 0);
    assert.equal(encodeCloseBody(undefined, "").length, 0);
    const first = encodeCloseBody(1000, "one");
    encodeCloseBody(1001, "two");
    assert.equal(toHex(first), "03e86f6e65");
  });

  it("counts the reason in bytes: 123 fit", () => {
    assert.equal(MAX_CONTROL_PAYLOAD_LENGTH, 125);
    assert.equal(encodeCloseBody(1000, "x".repeat(123)).length, 125);
    assert.equal(encodeCloseBody(1000, "水".repeat(41)).length, 125);
    assert.throws(() => encodeCloseBody(1000, "x".repeat(124)), RangeError);
    assert.throws(() => encodeCloseBody(1000, `${"水".repeat(41)}x`), RangeError);
    assert.throws(() => encodeCloseBody(1000, "é".repeat(62)), /not 124/);
  });

  it("refuses codes and reasons that must not be sent", () => {
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65536, -1, Number.NaN, 1000.5]) {
      assert.throws(() => encodeCloseBody(code), RangeError, String(code));
    }
    assert.throws(() => encodeCloseBody(undefined, "why"), TypeError);
    for (const code of ["1000", null, {}, 1000n, true] as unknown as number[]) {
      assert.throws(() => encodeCloseBody(code), {
        name: "TypeError",
        message: /^a close code must be a number, not /,
      });
    }
    for (const reason of [5, null, {}] as unknown as string[]) {
      assert.throws(() => encodeCloseBody(1000, reason), /^TypeError: a close reason must be a string, not /);
    }
  });
});

eachBackend("decodeCloseBody", () => {
  it("returns the encoded code and reason", () => {
    for (const code of [1000, 1014, 3000, 4999]) {
      for (const reason of ["", "bye", "水 😀 é", "\ufeffBOM", "x".repeat(123)]) {
        assert.deepEqual(decodeCloseBody(encodeCloseBody(code, reason)), { code, reason });
      }
    }
  });

  it("knows no code in an empty body", () => {
    assert.deepEqual(decodeCloseBody(new Uint8Array(0)), { code: undefined, reason: "" });
  });

  it("reads a view of a larger memory", () => {
    const memory = hex("ff ff 03e8 68 69 ff");
    assert.deepEqual(decodeCloseBody(memory.subarray(2, 6)), { code: 1000, reason: "hi" });
  });

  it("throws the error in a body, with its offset in the body", () => {
    const cases = [
      ["03", "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH", 1002, 0],
      ["0000", "WS_ERR_INVALID_CLOSE_CODE", 1002, 0],
      ["03ed", "WS_ERR_INVALID_CLOSE_CODE", 1002, 0],
      ["03e8 f0", "WS_ERR_INVALID_UTF8", 1007, 3],
      ["03e8 ff41", "WS_ERR_INVALID_UTF8", 1007, 2],
    ] as const;
    for (const [body, code, closeCode, offset] of cases) {
      const bytes = hex(body);
      assert.throws(
        () => decodeCloseBody(bytes),
        (error) => {
          assert.ok(error instanceof ProtocolError);
          assert.deepEqual([error.code, error.closeCode, error.offset], [code, closeCode, offset], body);
          return true;
        },
      );
      assert.equal(toHex(bytes), body.replace(" ", ""));
    }
  });

  it("throws for values that are not bytes", () => {
    for (const wrong of NOT_BYTES) assert.throws(() => decodeCloseBody(wrong as Uint8Array), TypeError);
  });
});

eachBackend("assertCloseBody", () => {
  it("lets pass what encodeCloseBody makes, and nothing else", () => {
    for (const body of [hex(""), "", encodeCloseBody(1000), encodeCloseBody(4000, "tschüß")]) {
      assert.equal(assertCloseBody(body), undefined);
    }
    for (const body of [hex("03"), hex("03ed"), hex("03e8 ff"), hex("03e8 c3"), "x", "\u0003\u00e8"]) {
      assert.throws(() => assertCloseBody(body), RangeError);
    }
  });
});

eachBackend("judgeCloseBody", () => {
  it("accepts every valid code, with and without a reason, and says so by nothing", () => {
    for (const code of [1000, 1003, 1007, 1014, 3000, 4999]) {
      assert.equal(judgeCloseBody(closeBody(code)), undefined);
      assert.equal(judgeCloseBody(closeBody(code, "grund: ü")), undefined);
    }
    assert.equal(judgeCloseBody(new Uint8Array(0)), undefined);
  });

  it("names the error and its place", () => {
    const invalid = { status: layout.STATUS_INVALID_UTF8, detail: 0 };
    const cases = [
      [hex("03"), { status: layout.STATUS_CLOSE_BODY_OF_ONE, index: 0, detail: 1 }],
      [closeBody(1005), { status: STATUS_CLOSE_CODE, index: 0, detail: 1005 }],
      [closeBody(0), { status: STATUS_CLOSE_CODE, index: 0, detail: 0 }],
      [closeBody(65535, "text"), { status: STATUS_CLOSE_CODE, index: 0, detail: 65535 }],
      [closeBody(1006, hex("ff")), { status: STATUS_CLOSE_CODE, index: 0, detail: 1006 }],
      [closeBody(1000, hex("ff")), { ...invalid, index: 2 }],
      [closeBody(1000, hex("61 c3 28")), { ...invalid, index: 4 }],
      [closeBody(1000, hex("61 e6 b0")), { ...invalid, index: 5 }],
      [closeBody(1000, utf8("é".repeat(61)).fill(0x41, 121)), { ...invalid, index: 123 }],
    ] as const;
    for (const [body, wrong] of cases) assert.deepEqual(judgeCloseBody(body), wrong, toHex(body));
  });
});
