/** Close codes: RFC 6455 §7.4 and the IANA registry. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CloseCode, isValidCloseCode } from "../../src/codec/index.js";

describe("isValidCloseCode", () => {
  it("judges every code there can be on the wire", () => {
    const registered = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
    for (let code = 0; code <= 0xffff; code++) {
      const expected = registered.includes(code) || (code >= 3000 && code <= 4999);
      assert.equal(isValidCloseCode(code), expected, String(code));
    }
  });

  it("refuses values that are not codes", () => {
    for (const code of [Number.NaN, Infinity, -1000, 3000.5, 4999.1, 1000.5, 1004.5]) {
      assert.equal(isValidCloseCode(code), false, String(code));
    }
  });
});

describe("CloseCode", () => {
  it("has the registered names and numbers", () => {
    assert.deepEqual(CloseCode, {
      NormalClosure: 1000,
      GoingAway: 1001,
      ProtocolError: 1002,
      UnsupportedData: 1003,
      NoStatusReceived: 1005,
      AbnormalClosure: 1006,
      InvalidFramePayloadData: 1007,
      PolicyViolation: 1008,
      MessageTooBig: 1009,
      MandatoryExtension: 1010,
      InternalError: 1011,
      ServiceRestart: 1012,
      TryAgainLater: 1013,
      BadGateway: 1014,
      TlsHandshake: 1015,
    });
  });

  it("lets a name stand on the wire unless the registry reserves it for what never was there", () => {
    const never = [1005, 1006, 1015];
    for (const code of Object.values(CloseCode)) assert.equal(isValidCloseCode(code), !never.includes(code));
  });
});
