/** The header lines of a request that matter, in every form that a host gives them. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type RequestFields,
  readHeaders,
  readRawHeaders,
} from "../../../src/protocol/handshake/request-fields.js";
import { HandshakeError } from "../../../src/protocol/index.js";
import { INJECTIONS } from "../support.js";

/** A member of the fields, and the header that it is the value of. */
const FIELDS = {
  host: "Host",
  upgrade: "Upgrade",
  connection: "Connection",
  key: "Sec-WebSocket-Key",
  version: "Sec-WebSocket-Version",
  protocol: "Sec-WebSocket-Protocol",
  extensions: "Sec-WebSocket-Extensions",
  origin: "Origin",
  contentLength: "Content-Length",
  transferEncoding: "Transfer-Encoding",
} as const satisfies Record<Exclude<keyof RequestFields, "add">, string>;

type Result = RequestFields | HandshakeError;

function fieldsOf(result: Result): RequestFields {
  assert.ok(!(result instanceof HandshakeError));
  return result;
}

function codeOf(result: Result): string {
  assert.ok(result instanceof HandshakeError);
  return result.code;
}

describe("request fields", () => {
  for (const [member, header] of Object.entries(FIELDS) as [keyof typeof FIELDS, string][]) {
    it(`${header}: in any case, trimmed, lines joined, in every form`, () => {
      for (const name of [header, header.toLowerCase(), header.toUpperCase()]) {
        const all = [
          readRawHeaders([name, " a\t", "X", "y", name.toLowerCase(), "b"], {}),
          readHeaders({ [name]: [" a\t", "b"], x: "y" }, {}),
          readHeaders(new Map([[name, [" a\t", "b"]]]), {}),
        ];
        for (const each of all) {
          const { add: _add, ...fields } = fieldsOf(each);
          const expected = Object.fromEntries(Object.keys(FIELDS).map((key) => [key, undefined]));
          assert.deepEqual({ ...fields }, { ...expected, [member]: "a, b" });
        }
      }
    });
  }

  it("takes no other name of the same length, and nothing from a prototype", () => {
    const others = Object.values(FIELDS).flatMap((name) => [`x${name.slice(1)}`, "v"]);
    for (const each of [readRawHeaders(others, {}), readHeaders(Object.create({ host: "inherited" }), {})]) {
      for (const member of Object.keys(FIELDS))
        assert.equal(fieldsOf(each)[member as keyof typeof FIELDS], undefined);
    }
    assert.equal(fieldsOf(readHeaders({ host: undefined }, {})).host, undefined);
  });

  it("keeps to the limits in lines and bytes, and to what values may have", () => {
    const lines = (count: number) => Array.from({ length: count }, () => ["a", "1"]).flat();
    assert.equal(codeOf(readRawHeaders(lines(101), {})), "WS_ERR_HANDSHAKE_TOO_LARGE");
    fieldsOf(readRawHeaders(lines(100), {}));
    fieldsOf(readRawHeaders(lines(101), { maxHeaderCount: 101 }));
    assert.equal(codeOf(readRawHeaders(["a", "b".repeat(16380)], {})), "WS_ERR_HANDSHAKE_TOO_LARGE");
    fieldsOf(readRawHeaders(["a", "b".repeat(16379)], {}));
    for (const bad of INJECTIONS) {
      assert.equal(codeOf(readRawHeaders(["a", bad], {})), "WS_ERR_INVALID_HEADER");
      assert.equal(codeOf(readHeaders({ a: bad }, {})), "WS_ERR_INVALID_HEADER");
    }
  });
});
