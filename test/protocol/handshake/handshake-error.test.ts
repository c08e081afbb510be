/** The table of errors of a handshake. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { quote } from "../../../src/protocol/handshake/handshake-error.js";
import {
  HandshakeError,
  type HandshakeErrorCode,
  HandshakeErrorStatus,
} from "../../../src/protocol/index.js";

describe("HandshakeError", () => {
  it("has the status of its code, unless it is given another", () => {
    for (const [code, status] of Object.entries(HandshakeErrorStatus)) {
      assert.match(code, /^WS_ERR_[A-Z_]+$/);
      const error = new HandshakeError("why", code as HandshakeErrorCode);
      assert.ok(error instanceof Error);
      const { name, message, ok } = error;
      assert.deepEqual({ name, message, ok }, { name: "HandshakeError", message: "why", ok: false });
      assert.equal(error.code, code);
      assert.equal(error.status, status);
      assert.equal(error.location, undefined);
      assert.ok(status === 0 || (status >= 400 && status < 500));
    }
    const redirected = new HandshakeError("", "WS_ERR_REDIRECTED", 302, { location: "/there" });
    assert.equal(redirected.status, 302);
    assert.equal(redirected.location, "/there");
  });

  it("has the response's headers and body, and shows no body in logs", () => {
    const headers = new Map([["retry-after", ["7"]]]);
    const body = new TextEncoder().encode("no \u00fc");
    const error = new HandshakeError("why", "WS_ERR_UNEXPECTED_STATUS", 429, { headers, body });
    assert.equal(error.headers, headers);
    assert.equal(error.body, body);
    assert.equal(error.bodyText, "no \u00fc");
    assert.ok(!Object.keys(error).includes("body"));
    const without = new HandshakeError("why", "WS_ERR_UNEXPECTED_STATUS", 429);
    assert.deepEqual([without.headers.size, without.body.length, without.bodyText], [0, 0, ""]);
  });
});

describe("quote", () => {
  it("keeps a peer's text to one short line", () => {
    assert.equal(quote(undefined), "nothing");
    assert.equal(quote('a"b'), '"a\\"b"');
    assert.equal(quote("a\r\nb\0"), '"a\\r\\nb\\u0000"');
    assert.equal(quote("x".repeat(80)).length, 82);
    assert.equal(quote("x".repeat(1 << 20)).length, 83);
  });
});
