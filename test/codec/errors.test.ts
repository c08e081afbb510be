/** Errors: each status of the kernel and the codec has its row, and `ws` users find the codes they know. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { protocolError, STATUS_CLOSE_CODE } from "../../src/codec/errors.js";
import { InvalidStateError, LimitError, ProtocolError } from "../../src/codec/index.js";
import * as layout from "../../src/kernel/generated/layout.js";
import { STATUS_NAMES } from "../support/kernel.js";

type Expected = readonly [status: number, code: string, closeCode: number, message: string];

const PREFIX = "Invalid WebSocket frame: ";
const EXPECTED: readonly Expected[] = [
  [layout.STATUS_RSV_2_3, "WS_ERR_UNEXPECTED_RSV_2_3", 1002, `${PREFIX}RSV2 and RSV3 must be clear`],
  [layout.STATUS_RSV_1, "WS_ERR_UNEXPECTED_RSV_1", 1002, `${PREFIX}RSV1 must be clear`],
  [layout.STATUS_RESERVED_OPCODE, "WS_ERR_INVALID_OPCODE", 1002, `${PREFIX}invalid opcode 7`],
  [layout.STATUS_FRAGMENTED_CONTROL, "WS_ERR_EXPECTED_FIN", 1002, `${PREFIX}FIN must be set`],
  [layout.STATUS_UNEXPECTED_CONTINUATION, "WS_ERR_INVALID_OPCODE", 1002, `${PREFIX}invalid opcode 7`],
  [layout.STATUS_EXPECTED_CONTINUATION, "WS_ERR_INVALID_OPCODE", 1002, `${PREFIX}invalid opcode 7`],
  [layout.STATUS_EXPECTED_MASK, "WS_ERR_EXPECTED_MASK", 1002, `${PREFIX}MASK must be set`],
  [layout.STATUS_UNEXPECTED_MASK, "WS_ERR_UNEXPECTED_MASK", 1002, `${PREFIX}MASK must be clear`],
  [
    layout.STATUS_CONTROL_TOO_LONG,
    "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
    1002,
    `${PREFIX}invalid payload length 7`,
  ],
  [
    layout.STATUS_CLOSE_BODY_OF_ONE,
    "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
    1002,
    `${PREFIX}invalid payload length 7`,
  ],
  [
    layout.STATUS_LENGTH_NOT_MINIMAL,
    "WS_ERR_INVALID_PAYLOAD_LENGTH",
    1002,
    `${PREFIX}payload length 7 is not encoded in the fewest bytes`,
  ],
  [
    layout.STATUS_LENGTH_TOP_BIT,
    "WS_ERR_INVALID_PAYLOAD_LENGTH",
    1002,
    `${PREFIX}the top bit of a 64-bit payload length must be clear`,
  ],
  [
    layout.STATUS_LENGTH_UNSAFE,
    "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH",
    1009,
    "Unsupported WebSocket frame: payload length > 2^53 - 1",
  ],
  [
    layout.STATUS_FRAME_TOO_BIG,
    "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
    1009,
    "Max payload size exceeded: maxFrameSize is 5, and the frame has 7 bytes",
  ],
  [layout.STATUS_INVALID_UTF8, "WS_ERR_INVALID_UTF8", 1007, `${PREFIX}invalid UTF-8 sequence`],
  [STATUS_CLOSE_CODE, "WS_ERR_INVALID_CLOSE_CODE", 1002, `${PREFIX}invalid status code 7`],
];

describe("protocolError", () => {
  for (const [status, code, closeCode, message] of EXPECTED) {
    it(`makes ${code} of ${STATUS_NAMES[status] ?? "CLOSE_CODE"}`, () => {
      const error = protocolError(status, 12, 7, 5);
      assert.ok(error instanceof ProtocolError && error instanceof Error);
      assert.deepEqual(
        [error.code, error.closeCode, error.message, error.offset],
        [code, closeCode, message, 12],
      );
      assert.equal(error instanceof LimitError, closeCode === 1009);
      assert.equal(error.name, closeCode === 1009 ? "LimitError" : "ProtocolError");
    });
  }

  it("has a row for every status that is a violation, and none for the others", () => {
    const rows = new Set(EXPECTED.map(([status]) => status));
    for (const [number, name] of Object.entries(STATUS_NAMES)) {
      const violation = name !== "OK" && name !== "FULL";
      assert.equal(rows.has(Number(number)), violation, name);
      if (!violation) assert.throws(() => protocolError(Number(number), 0), /no such status/);
    }
    assert.throws(() => protocolError(99, 0), /no such status: 99/);
    assert.equal(STATUS_NAMES[STATUS_CLOSE_CODE], undefined, "the kernel's numbers end below the codec's");
  });

  it("says of a limit what it is and what exceeded it", () => {
    const error = protocolError(layout.STATUS_FRAME_TOO_BIG, 3, 1000, 999);
    assert.ok(error instanceof LimitError);
    assert.deepEqual([error.limit, error.actual, error.offset], [999, 1000, 3]);
    assert.deepEqual([error.name, error.closeCode], ["LimitError", 1009]);
  });

  it("counts what JavaScript can count as the limit where there is none", () => {
    const error = protocolError(layout.STATUS_LENGTH_UNSAFE, 3, 2 ** 53);
    assert.ok(error instanceof LimitError);
    assert.deepEqual([error.limit, error.actual], [Number.MAX_SAFE_INTEGER, 2 ** 53]);
  });
});

describe("InvalidStateError", () => {
  it("is an Error of that name, and not the peer's doing", () => {
    const error = new InvalidStateError("too early");
    assert.ok(error instanceof Error && !(error instanceof ProtocolError));
    assert.deepEqual([error.name, error.message], ["InvalidStateError", "too early"]);
  });
});
