/** Header lines: RFC 9112 §5, within limits; lookup by name; the lines that we send. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { joinHead, listHeaders } from "../../../src/protocol/handshake/headers.js";
import {
  DEFAULT_MAX_HEAD_LENGTH,
  DEFAULT_MAX_HEADER_COUNT,
  decodeHead,
  encodeHead,
  getHeader,
  getHeaderValues,
  HandshakeError,
  type HttpHeaders,
  parseHeaders,
} from "../../../src/protocol/index.js";
import { itHolds } from "../../support/property.js";
import { ACCEPT, assertLinear, CountedText, hostileTexts, INJECTIONS, RFC_RESPONSE } from "../support.js";

function parsed(text: string): HttpHeaders {
  const headers = parseHeaders(text);
  assert.ok(!(headers instanceof HandshakeError), String(headers));
  return headers;
}

function errorOf(result: unknown): HandshakeError {
  assert.ok(result instanceof HandshakeError);
  return result;
}

describe("parseHeaders", () => {
  it("reads the response of RFC 6455 §1.2", () => {
    const headers = parsed(RFC_RESPONSE.slice(RFC_RESPONSE.indexOf("\r\n") + 2));
    assert.deepEqual(
      [...headers],
      [
        ["upgrade", ["websocket"]],
        ["connection", ["Upgrade"]],
        ["sec-websocket-accept", [ACCEPT]],
        ["sec-websocket-protocol", ["chat"]],
      ],
    );
  });

  it("keeps a line each, in order, under the lower-case name", () => {
    const headers = parsed("Set-Cookie: a=1\r\nX: 1\r\nset-cookie: b=2, c\r\nSET-COOKIE:\r\n");
    assert.deepEqual(
      [...headers],
      [
        ["set-cookie", ["a=1", "b=2, c", ""]],
        ["x", ["1"]],
      ],
    );
  });

  it("trims values, and ends at the empty line or the end of the text", () => {
    assert.deepEqual(
      [...parsed("A:b\r\nC: \t d e \t\r\n\r\nF: g")],
      [
        ["a", ["b"]],
        ["c", ["d e"]],
      ],
    );
    assert.deepEqual([...parsed("A: b:c")], [["a", ["b:c"]]]);
    assert.deepEqual([...parsed("A: ü\xff")], [["a", ["ü\xff"]]]);
    for (const text of ["", "\r\n", "\r\n\r\nA: b"]) assert.equal(parsed(text).size, 0);
  });

  it("refuses every malformed line", () => {
    const lines = [
      "A",
      ":",
      ": b",
      "A : b",
      " A: b",
      "\tA: b",
      "A b: c",
      "é: b",
      "A\0: b",
      "A: b\0",
      "A: b\x7f",
      "(A): b",
    ];
    lines.push("A: b\nC: d", "A: b\rC: d", "A: \u0100", "\nA: b", "A: b\n", "HTTP/1.1 200 OK");
    for (const line of lines) {
      for (const text of [line, `${line}\r\n\r\n`, `X: y\r\n${line}\r\n\r\n`]) {
        const error = errorOf(parseHeaders(text));
        assert.equal(error.code, "WS_ERR_INVALID_HEADER", JSON.stringify(text));
        assert.equal(error.status, 400);
      }
    }
    // RFC 9112 §5.2: a folded line.
    assert.equal(errorOf(parseHeaders("A: b\r\n c\r\n\r\n")).code, "WS_ERR_INVALID_HEADER");
  });

  it("counts lines and bytes", () => {
    const lines = (count: number) => "a: b\r\n".repeat(count);
    assert.equal(parsed(lines(DEFAULT_MAX_HEADER_COUNT)).get("a")?.length, 100);
    const tooMany = errorOf(parseHeaders(lines(DEFAULT_MAX_HEADER_COUNT + 1)));
    assert.deepEqual([tooMany.code, tooMany.status], ["WS_ERR_HANDSHAKE_TOO_LARGE", 431]);
    assert.match(
      tooMany.message,
      /^maxHeaderCount is 100, and the head of the handshake has at least 101 header lines$/,
    );
    const long = (length: number) => `a: ${"b".repeat(length - 5)}\r\n`;
    assert.equal(parsed(long(DEFAULT_MAX_HEAD_LENGTH)).size, 1);
    assert.match(
      errorOf(parseHeaders(long(DEFAULT_MAX_HEAD_LENGTH + 1))).message,
      /^maxHeadLength is 16384, and the head of the handshake has at least 16385 bytes$/,
    );
    assert.equal(errorOf(parseHeaders("a: b\r\n", { maxHeadLength: 5 })).code, "WS_ERR_HANDSHAKE_TOO_LARGE");
    assert.equal(errorOf(parseHeaders(lines(3), { maxHeaderCount: 2 })).status, 431);
  });

  it("GHSA-5v72-xg48-5rpm: a header called __proto__ is one like any other", () => {
    const headers = parsed("__proto__: a\r\nconstructor: b\r\ntoString: c\r\n");
    assert.deepEqual([...headers.keys()], ["__proto__", "constructor", "tostring"]);
    assert.equal(getHeader(headers, "__proto__"), "a");
    assert.equal(parsed("a: b").get("constructor"), undefined);
  });

  const name = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
  const value = fc.stringMatching(/^([!-~\x80-\xff]([\t -~\x80-\xff]{0,12}[!-~\x80-\xff])?)?$/);
  const lines = fc.array(fc.tuple(name, value), { maxLength: 20 });
  itHolds("reads what joinHead writes", 300, lines, (list) => {
    const head = joinHead("", list).slice(2);
    const expected = new Map<string, string[]>();
    for (const [key, text] of list) {
      const lower = key.toLowerCase();
      expected.set(lower, [...(expected.get(lower) ?? []), text]);
    }
    assert.deepEqual(parsed(head), expected);
    for (const [key] of list) {
      const joined = expected.get(key.toLowerCase())?.join(", ");
      assert.equal(getHeader(head, key.toUpperCase()), joined);
      assert.equal(getHeader(`HTTP/1.1 200 OK\r\n${head}`, key), joined);
    }
  });
});

describe("getHeader", () => {
  it("takes no notice of case, in every form of headers", () => {
    const text = "HTTP/1.1 200 OK\r\nX-One: 1\r\nX-two:\t2 \r\nx-one: 3\r\n\r\nX-Body: 4";
    const sources = [
      text,
      text.slice(text.indexOf("\n") + 1),
      text.replaceAll("\r\n", "\n"),
      parsed(text.slice(text.indexOf("\n") + 1)),
      { "X-One": ["1", " 3"], "x-Two": "2 ", none: undefined },
    ];
    for (const source of sources) {
      assert.equal(getHeader(source, "X-ONE"), "1, 3");
      assert.equal(getHeader(source, "x-two"), "2");
      assert.deepEqual(getHeaderValues(source, "x-one"), ["1", "3"]);
      for (const missing of ["x-body", "none", "x", "constructor", "__proto__", "HTTP/1.1 200 OK", ""]) {
        assert.equal(getHeader(source, missing), undefined, missing);
      }
    }
  });

  it("is not taken in by a target with a colon, nor by a text without lines", () => {
    assert.equal(getHeader("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "host"), "a");
    for (const text of ["", "\r\n", "\r\n\r\nHost: a", "no header"])
      assert.equal(getHeader(text, "host"), undefined);
  });
});

describe("listHeaders", () => {
  it("takes records and pairs", () => {
    const expected = [
      ["A", "1"],
      ["B", "2"],
      ["B", "3"],
    ];
    assert.deepEqual(listHeaders({ A: 1, B: ["2", 3], C: undefined }), expected);
    assert.deepEqual(
      listHeaders([
        ["A", "1"],
        ["B", 2],
        ["B", "3"],
      ]),
      expected,
    );
    assert.deepEqual(listHeaders(new Map([["A", "1"]])), [["A", "1"]]);
    assert.deepEqual(listHeaders(new Headers({ a: "1" })), [["a", "1"]]);
    assert.deepEqual(listHeaders(), []);
  });

  it("says which header is the handshake's own", () => {
    const own = ["Host", "UPGRADE", "connection", "Content-Length", "Transfer-Encoding", "Sec-WebSocket-Key"];
    own.push(
      "sec-websocket-accept",
      "Sec-WebSocket-Protocol",
      "Sec-WebSocket-Extensions",
      "Sec-WebSocket-Version",
    );
    for (const name of own) {
      const message = `the ${name} header is the handshake's own and cannot be given in headers`;
      assert.throws(() => listHeaders({ [name]: "x" }), { name: "TypeError", message });
      assert.throws(() => listHeaders([[name, "x"]]), TypeError);
    }
  });

  it("CVE-2026-1527: nothing ends a line before its end", () => {
    for (const bad of INJECTIONS) {
      assert.throws(() => listHeaders({ "X-A": bad }), TypeError);
      assert.throws(() => listHeaders({ "X-A": ["fine", bad] }), TypeError);
      assert.throws(() => listHeaders({ [bad]: "x" }), TypeError);
      assert.throws(() => listHeaders([[`X${bad}`, "x"]]), TypeError);
    }
    for (const bad of ["\u0100", "水", null, {}, true])
      assert.throws(() => listHeaders({ a: bad as string }), TypeError);
    for (const bad of ["", "a b", "a:", "é"]) assert.throws(() => listHeaders({ [bad]: "x" }), TypeError);
  });
});

describe("encodeHead", () => {
  it("makes a byte of each character", () => {
    const every = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
    assert.deepEqual(encodeHead(every), new Uint8Array(Buffer.from(every, "latin1")));
    assert.equal(decodeHead(encodeHead(every.repeat(50))), every.repeat(50));
    assert.throws(() => encodeHead("a\u0100"), RangeError);
  });
});

describe("headers are read once", () => {
  it("CVE-2021-32640: a megabyte of anything", () => {
    const size = 1 << 20;
    const limits = { maxHeadLength: Infinity, maxHeaderCount: Infinity };
    const texts = hostileTexts(size).map(([, text]) => `a: ${text}\r\n`);
    texts.push(
      "a: b\r\n".repeat(size / 6),
      "\r".repeat(size),
      "\n".repeat(size),
      "a".repeat(size),
      ":".repeat(size),
    );
    for (const text of texts) {
      const counted = new CountedText(text);
      parseHeaders(counted as unknown as string, limits);
      assert.ok(
        counted.operations < 4 * size,
        `${counted.operations} for ${JSON.stringify(text.slice(0, 20))}`,
      );
    }
  });

  it("in linear time too", () => {
    const limits = { maxHeadLength: Infinity, maxHeaderCount: Infinity };
    const units = ["a: b\r\n", "a:  \t", "\r", "\n", "\r\r\n", "a", ":", "x-{}: {}\r\n"];
    for (const unit of units) {
      assertLinear(`${JSON.stringify(unit)} repeated`, (size) => {
        let i = 0;
        const text = unit.repeat(size / 8).replace(/\{\}/g, () => String(i++));
        return () => {
          parseHeaders(text, limits);
          getHeader(text, "nothing");
          getHeader(text, "a");
        };
      });
    }
  });
});
