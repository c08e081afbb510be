/** The response as the client reads and judges it: RFC 9112 §4, RFC 6455 §4.1. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { InvalidStateError } from "../../../src/codec/index.js";
import {
  buildHandshakeResponse,
  type ExpectedHandshake,
  encodeHead,
  HandshakeError,
  HandshakeReader,
  type HeaderRecord,
  type HeadLimits,
  isValidHandshakeResponse,
  parseStatusLine,
  type ResponseHead,
  validateHandshakeResponse,
} from "../../../src/protocol/index.js";
import { itHolds } from "../../support/property.js";
import { ACCEPT, assertLinear, KEY, plain, RFC_RESPONSE, responseHeaders } from "../support.js";

describe("parseStatusLine", () => {
  it("reads the code", () => {
    assert.equal(parseStatusLine("HTTP/1.1 101 Switching Protocols"), 101);
    assert.equal(parseStatusLine("HTTP/1.0 404 Not Found"), 404);
    assert.equal(parseStatusLine("HTTP/1.1 200 "), 200);
    assert.equal(parseStatusLine("HTTP/1.1 200"), 200);
    assert.equal(parseStatusLine("HTTP/1.1 599 \t\xfcber ~"), 599);
  });

  it("gives undefined for anything else", () => {
    const bad = [
      "",
      "HTTP/1.1",
      "HTTP/1.1 ",
      "HTTP/1.1 10",
      "HTTP/1.1 1011",
      "HTTP/1.1 099 x",
      "HTTP/1.1 1e2 x",
    ];
    bad.push(
      "http/1.1 101 x",
      "HTTP/2 101",
      "HTTP/2.0 101 x",
      "HTTP/1.10 101 x",
      "HTTP/1 101 x",
      "HTTP/1.1  101 x",
    );
    bad.push(
      " HTTP/1.1 101 x",
      "HTTP/1.1 101\tx",
      "HTTP/1.1 101x",
      "HTTP/1.1 101 x\r\n",
      "HTTP/1.1 101 \0",
      "ICY 200 OK",
    );
    bad.push("GET / HTTP/1.1", "HTTP/1.1 -10 x", "HTTP/1.1 ١٠١ x", "\nHTTP/1.1 101 x", "HTTP/1.1 101 x\n");
    for (const line of bad) assert.equal(parseStatusLine(line), undefined, JSON.stringify(line));
  });
});

/** Reads a text in chunks of a length. Returns the outcome and how many bytes of the text it took. */
function readText(text: string, chunkLength = text.length, limits: HeadLimits = {}) {
  const reader = new HandshakeReader(limits);
  const bytes = encodeHead(text);
  for (let start = 0; start < bytes.length; start += chunkLength) {
    const result = reader.push(bytes.slice(start, start + chunkLength));
    if (result !== undefined) return { result, taken: Math.min(start + chunkLength, bytes.length), reader };
  }
  return { result: undefined, taken: bytes.length, reader };
}

function headOf(text: string, chunkLength?: number, limits?: HeadLimits): ResponseHead {
  const { result } = readText(text, chunkLength, limits);
  assert.ok(result !== undefined && !(result instanceof HandshakeError), String(result));
  return result;
}

function errorOf(text: string, chunkLength?: number, limits?: HeadLimits): HandshakeError {
  const { result } = readText(text, chunkLength, limits);
  assert.ok(result instanceof HandshakeError, JSON.stringify(text.slice(0, 60)));
  return result;
}

describe("HandshakeReader", () => {
  it("reads the response of RFC 6455 §1.2, cut anywhere", () => {
    for (let chunkLength = 1; chunkLength <= RFC_RESPONSE.length; chunkLength++) {
      const { status, statusText, headers, rest } = headOf(RFC_RESPONSE, chunkLength);
      assert.deepEqual([status, statusText, rest.length], [101, "Switching Protocols", 0]);
      assert.deepEqual(headers.get("sec-websocket-accept"), [ACCEPT]);
      assert.equal(headers.size, 4);
    }
  });

  it("leaves the bytes after the head to the frames", () => {
    const frames = "\x81\x05Hello\r\n\r\n\0\xff";
    const text = RFC_RESPONSE + frames;
    for (let chunkLength = 1; chunkLength <= text.length; chunkLength++) {
      const { result, taken } = readText(text, chunkLength);
      assert.ok(result !== undefined && !(result instanceof HandshakeError));
      const expected = text.slice(RFC_RESPONSE.length, taken);
      assert.equal(Buffer.from(result.rest).toString("latin1"), expected);
    }
    const chunk = encodeHead(text);
    const result = new HandshakeReader().push(chunk) as ResponseHead;
    assert.equal(result.rest.buffer, chunk.buffer, "a view of the chunk");
  });

  it("leaves a body, too", () => {
    const { status, statusText, rest } = headOf("HTTP/1.1 403\r\nContent-Length: 2\r\n\r\nno");
    assert.deepEqual([status, statusText, Buffer.from(rest).toString()], [403, "", "no"]);
    assert.equal(headOf("HTTP/1.1 200 OK\r\n\r\n").headers.size, 0);
  });

  it("passes over interim responses (RFC 9110 §15.2)", () => {
    const interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nA: b\r\n\r\n";
    for (const chunkLength of [1, 7, 25, 26, 1000]) {
      const { status, headers, rest } = headOf(`${interim}${RFC_RESPONSE}`, chunkLength);
      assert.deepEqual([status, headers.size, rest.length], [101, 4, 0]);
    }
    assert.equal(headOf(`${interim}HTTP/1.1 500 x\r\n\r\nbody`).status, 500);
    assert.equal(errorOf(`${interim}\x81\x00`).code, "WS_ERR_INVALID_RESPONSE");
    const endless = "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000);
    assert.equal(errorOf(endless).code, "WS_ERR_HANDSHAKE_TOO_LARGE", "they count towards the limit");
    assert.equal(errorOf(endless, 1).code, "WS_ERR_HANDSHAKE_TOO_LARGE");
  });

  it("takes nothing after its end", () => {
    for (const text of [RFC_RESPONSE, "nonsense"]) {
      const { reader } = readText(text);
      assert.throws(() => reader.push(encodeHead("x")), InvalidStateError);
    }
    const reader = new HandshakeReader();
    assert.equal(reader.push(new Uint8Array(0)), undefined);
  });

  it("detects at once anything that is not an HTTP/1 response", () => {
    const beginnings = [
      "\x15\x03\x01",
      "\x81\x05",
      "SSH-2.0",
      "\r\nHTTP/1.1",
      " HTTP",
      "HTTP/2.0 101",
      "HTTP/0.9",
      "http/1.1",
      "\0",
    ];
    for (const text of beginnings) {
      for (const chunkLength of [1, text.length]) {
        const error = errorOf(text, chunkLength);
        assert.deepEqual([error.code, error.status], ["WS_ERR_INVALID_RESPONSE", 0]);
        assert.match(error.message, /must begin with "HTTP\/1\."; byte \d is 0x/);
      }
    }
  });

  it("refuses lines that end in anything but CRLF", () => {
    const texts = [
      "HTTP/1.1 101 x\nA: b\n\n",
      "HTTP/1.1 101 x\r\nA: b\n\r\n",
      "HTTP/1.1 101 x\r\nA: b\rC: d\r\n\r\n",
    ];
    texts.push("HTTP/1.1 101 x\r\r\n", "HTTP/1.1 101 x\r\nA: b\0\r\n\r\n", "HTTP/1.1 101 x\r\n\n");
    for (const text of texts) {
      for (const chunkLength of [1, 3, text.length]) {
        assert.equal(errorOf(text, chunkLength).code, "WS_ERR_INVALID_RESPONSE", JSON.stringify(text));
      }
    }
  });

  it("refuses malformed heads, with the status if there is one", () => {
    assert.match(errorOf("HTTP/1.1 abc\r\n\r\n").message, /status line, not "HTTP\/1.1 abc"/);
    assert.equal(errorOf("HTTP/1.1101\r\n\r\n").code, "WS_ERR_INVALID_RESPONSE");
    for (const line of ["nonsense", "A : b", " folded", ": b", "A: \x01", "é: b"]) {
      const error = errorOf(`HTTP/1.1 101 x\r\nX: y\r\n${line}\r\n\r\n`);
      assert.deepEqual([error.code, error.status], ["WS_ERR_INVALID_HEADER", 101], line);
    }
  });

  it("keeps to its limits, to the byte and the line", () => {
    const length = RFC_RESPONSE.length;
    assert.equal(headOf(`${RFC_RESPONSE}frames`, 1, { maxHeadLength: length }).status, 101);
    assert.equal(headOf(`${RFC_RESPONSE}frames`, undefined, { maxHeadLength: length }).status, 101);
    for (const chunkLength of [1, undefined]) {
      const error = errorOf(RFC_RESPONSE, chunkLength, { maxHeadLength: length - 1 });
      assert.equal(error.code, "WS_ERR_HANDSHAKE_TOO_LARGE");
      assert.match(
        error.message,
        new RegExp(`^maxHeadLength is ${length - 1}, and .* at least ${length} bytes$`),
      );
    }
    assert.equal(headOf(RFC_RESPONSE, 1, { maxHeaderCount: 4 }).status, 101);
    const error = errorOf(RFC_RESPONSE, 1, { maxHeaderCount: 3 });
    assert.match(
      error.message,
      /^maxHeaderCount is 3, and the head of the handshake has at least 4 header lines$/,
    );
    const lines = (count: number) => `HTTP/1.1 101 x\r\n${"a: b\r\n".repeat(count)}\r\n`;
    assert.equal(headOf(lines(100)).headers.get("a")?.length, 100);
    assert.equal(errorOf(lines(101)).code, "WS_ERR_HANDSHAKE_TOO_LARGE");
    assert.equal(readText(lines(1000), 1).taken, lines(101).length - 2, "not a line later");
  });

  it("CVE-2023-43669: a head without end costs its limit, and linear time", () => {
    for (const chunkLength of [1, 1000, 65536]) {
      const { result, taken } = readText(`HTTP/1.1 101 x\r\nA: ${"b".repeat(1 << 18)}`, chunkLength);
      assert.ok(result instanceof HandshakeError);
      assert.ok(taken < 16384 + chunkLength + 1);
    }
    for (const [name, unit] of [
      ["one line", "b"],
      ["lines", "a: b\r\n"],
    ]) {
      assertLinear(
        `byte at a time: ${name}`,
        (size) => () => {
          const text = encodeHead(`HTTP/1.1 101 x\r\nA: ${unit.repeat(Math.ceil(size / unit.length))}`);
          const reader = new HandshakeReader({ maxHeadLength: Infinity, maxHeaderCount: Infinity });
          for (let i = 0; i < text.length; i++) assert.equal(reader.push(text.subarray(i, i + 1)), undefined);
        },
        2048,
      );
    }
  });

  const bytes = fc.uint8Array({ maxLength: 60 });
  itHolds(
    "says the same however the bytes are cut",
    300,
    fc.tuple(bytes, fc.nat(RFC_RESPONSE.length), fc.nat(20)),
    ([noise, at, cut]) => {
      const text = RFC_RESPONSE.slice(0, at) + Buffer.from(noise).toString("latin1") + RFC_RESPONSE.slice(at);
      const whole = readText(text).result;
      const parts = readText(text, cut + 1).result;
      const { rest: _, ...head } = { rest: undefined, ...whole };
      const { rest: __, ...other } = { rest: undefined, ...parts };
      if (whole instanceof HandshakeError)
        assert.deepEqual(
          [whole.code, whole.message],
          [(parts as HandshakeError).code, (parts as HandshakeError).message],
        );
      else assert.deepEqual(head, other);
    },
  );
});

function judge(changes: HeaderRecord, expected: Partial<ExpectedHandshake> = {}, status = 101) {
  const response = { status, headers: responseHeaders(changes) };
  const result = validateHandshakeResponse(response, { key: KEY, ...expected });
  assert.equal(isValidHandshakeResponse(response, { key: KEY, ...expected }), result.ok);
  return result;
}

function codeOf(...given: Parameters<typeof judge>): string {
  const result = judge(...given);
  assert.ok(result instanceof HandshakeError, JSON.stringify(given));
  assert.equal(result.status, given[2] ?? 101);
  assert.equal(result.ok, false);
  return result.code;
}

describe("validateHandshakeResponse", () => {
  it("takes the response of RFC 6455 §1.2", () => {
    const expected = { key: KEY, protocols: ["chat", "superchat"] };
    assert.deepEqual(validateHandshakeResponse(headOf(RFC_RESPONSE), expected), {
      ok: true,
      protocol: "chat",
      extensions: [],
    });
    assert.ok(isValidHandshakeResponse(headOf(RFC_RESPONSE), { key: KEY, protocols: "superchat, chat" }));
  });

  it("item 1: a status other than 101", () => {
    for (const status of [100, 102, 200, 204, 300, 304, 400, 401, 403, 426, 500, 503]) {
      const result = judge({}, {}, status);
      assert.ok(result instanceof HandshakeError);
      assert.deepEqual([result.code, result.status], ["WS_ERR_UNEXPECTED_STATUS", status]);
      assert.match(result.message, new RegExp(`status 101, not ${status}$`));
    }
  });

  it("item 1: redirects tell where to", () => {
    for (const status of [301, 302, 303, 307, 308]) {
      const result = judge({ Location: "wss://b.example/x" }, {}, status);
      assert.ok(result instanceof HandshakeError);
      assert.deepEqual([result.code, result.status], ["WS_ERR_REDIRECTED", status]);
      assert.equal(result.location, "wss://b.example/x");
      assert.equal(codeOf({}, {}, status), "WS_ERR_UNEXPECTED_STATUS", "without Location");
    }
    assert.equal(codeOf({ location: "/x" }, {}, 304), "WS_ERR_UNEXPECTED_STATUS");
    const plainError = judge({ location: "/x" }, {}, 200);
    assert.ok(plainError instanceof HandshakeError && plainError.location === undefined);
  });

  it("item 2: Upgrade is websocket, in any case, and nothing else", () => {
    for (const upgrade of ["WebSocket", "WEBSOCKET", " websocket "])
      assert.ok(judge({ upgrade }).ok, upgrade);
    const bad = [
      undefined,
      "",
      "websockets",
      "h2c",
      "websocket, h2c",
      "websocket/13",
      "websoc\u212aet",
      ["websocket", "websocket"],
    ];
    for (const upgrade of bad)
      assert.equal(codeOf({ upgrade }), "WS_ERR_INVALID_UPGRADE_HEADER", String(upgrade));
  });

  it("item 3: Connection lists upgrade", () => {
    for (const connection of ["upgrade", "keep-alive, UPGRADE", ["close", "Upgrade"]])
      assert.ok(judge({ connection }).ok);
    for (const connection of [undefined, "", "keep-alive", "upgrades", "not upgrade", []]) {
      assert.equal(codeOf({ connection }), "WS_ERR_INVALID_CONNECTION_HEADER", String(connection));
    }
  });

  it("item 4: Accept is the digest of the key", () => {
    assert.ok(judge({ "sec-websocket-accept": `\t${ACCEPT} ` }).ok, "whitespace around it does not count");
    const bad = [
      undefined,
      "",
      ACCEPT.toLowerCase(),
      ACCEPT.slice(1),
      `${ACCEPT}=`,
      `${ACCEPT}, ${ACCEPT}`,
      [ACCEPT, ACCEPT],
      KEY,
      `"${ACCEPT}"`,
    ];
    for (const accept of bad) {
      assert.equal(
        codeOf({ "sec-websocket-accept": accept }),
        "WS_ERR_INVALID_ACCEPT_HEADER",
        String(accept),
      );
    }
    assert.equal(codeOf({}, { key: "AAAAAAAAAAAAAAAAAAAAAA==" }), "WS_ERR_INVALID_ACCEPT_HEADER");
  });

  it("item 5: extensions were offered", () => {
    const accept = (value: string | string[], extensions?: ExpectedHandshake["extensions"]) =>
      judge({ "Sec-WebSocket-Extensions": value }, { extensions });
    const result = accept("b; x=1, a", "a; y, b");
    assert.ok(result.ok);
    assert.deepEqual(plain(result.extensions), [
      ["b", [["x", "1"]]],
      ["a", []],
    ]);
    const split = accept(["a", "b"], [{ name: "b" }, { name: "a" }, { name: "c" }]);
    assert.ok(split.ok);
    assert.deepEqual(plain(split.extensions), [
      ["a", []],
      ["b", []],
    ]);

    for (const offered of [undefined, [], "", "b", [{ name: "constructor" }]]) {
      const refused = accept("a", offered);
      assert.ok(refused instanceof HandshakeError);
      assert.equal(refused.code, "WS_ERR_UNEXPECTED_EXTENSION");
      assert.match(refused.message, /offered \((none|"b"|"constructor")\), not "a"/);
    }
    const header = "sec-websocket-extensions";
    for (const name of ["A", "constructor", "__proto__"]) {
      assert.equal(codeOf({ [header]: name }, { extensions: "a" }), "WS_ERR_UNEXPECTED_EXTENSION");
    }
    for (const value of ["", ",", "a;", "a; b=", 'a; b="', "a b"]) {
      assert.equal(
        codeOf({ [header]: value }, { extensions: "a" }),
        "WS_ERR_INVALID_EXTENSIONS_HEADER",
        value,
      );
    }
  });

  it("item 6: the subprotocol was offered, and is one", () => {
    const header = "Sec-WebSocket-Protocol";
    const chosen = judge({ [header]: "b" }, { protocols: "a, b" });
    assert.ok(chosen.ok && chosen.protocol === "b");
    for (const protocols of [undefined, "", [], "a", ["B"], ["bb"]]) {
      assert.equal(codeOf({ [header]: "b" }, { protocols }), "WS_ERR_UNEXPECTED_PROTOCOL", String(protocols));
    }
    for (const value of [["a", "b"], ["a", "a"], "a, b", "", "a b", "a;b", '"a"']) {
      assert.equal(
        codeOf({ [header]: value }, { protocols: "a, b" }),
        "WS_ERR_INVALID_PROTOCOL_HEADER",
        String(value),
      );
    }
    assert.equal(codeOf({ [header]: "" }), "WS_ERR_INVALID_PROTOCOL_HEADER", "the empty string is not none");
    for (const name of ["constructor", "__proto__", "length"]) {
      assert.equal(codeOf({ [header]: name }, { protocols: "a" }), "WS_ERR_UNEXPECTED_PROTOCOL");
    }
  });

  it("lets a server choose none, unless told not to as browsers do", () => {
    const none = judge({}, { protocols: "a" });
    assert.ok(none.ok && none.protocol === "");
    assert.equal(codeOf({}, { protocols: "a", requireProtocol: true }), "WS_ERR_UNEXPECTED_PROTOCOL");
    assert.ok(judge({}, { requireProtocol: true }).ok, "nothing was offered");
  });

  it("every fault has the response's headers, in our form, and its body", () => {
    const body = Uint8Array.of(1, 2);
    const good: HeaderRecord = {
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Accept": ACCEPT,
      "X-Twice": ["a", " b "],
      absent: undefined,
    };
    const faults: [code: string, status: number, headers: HeaderRecord][] = [
      ["WS_ERR_UNEXPECTED_STATUS", 503, good],
      ["WS_ERR_REDIRECTED", 302, { ...good, Location: "/x" }],
      ["WS_ERR_INVALID_UPGRADE_HEADER", 101, { ...good, Upgrade: "h2c" }],
      ["WS_ERR_INVALID_CONNECTION_HEADER", 101, { ...good, Connection: "close" }],
      ["WS_ERR_INVALID_ACCEPT_HEADER", 101, { ...good, "Sec-WebSocket-Accept": "x" }],
      ["WS_ERR_INVALID_EXTENSIONS_HEADER", 101, { ...good, "Sec-WebSocket-Extensions": "," }],
      ["WS_ERR_UNEXPECTED_EXTENSION", 101, { ...good, "Sec-WebSocket-Extensions": "x" }],
      ["WS_ERR_INVALID_PROTOCOL_HEADER", 101, { ...good, "Sec-WebSocket-Protocol": "a b" }],
      ["WS_ERR_UNEXPECTED_PROTOCOL", 101, { ...good, "Sec-WebSocket-Protocol": "x" }],
    ];
    for (const [code, status, headers] of faults) {
      const error = validateHandshakeResponse({ status, headers, body }, { key: KEY });
      assert.ok(error instanceof HandshakeError, code);
      assert.deepEqual([error.code, error.status, error.body], [code, status, body]);
      assert.deepEqual(error.headers.get("x-twice"), ["a", "b"], code);
      assert.equal(error.headers.get("upgrade")?.length, 1);
      assert.ok(!error.headers.has("absent"));
    }
    const map = new Map([["retry-after", ["7"]]]);
    const error = validateHandshakeResponse({ status: 503, headers: map }, { key: KEY });
    assert.ok(error instanceof HandshakeError);
    assert.equal(error.headers, map);
    assert.equal(error.body.length, 0);
  });

  it("survives headers that are all absent", () => {
    for (const headers of [{}, new Map(), Object.create(null)]) {
      const result = validateHandshakeResponse({ status: 101, headers }, { key: KEY });
      assert.ok(result instanceof HandshakeError);
      assert.match(result.message, /must be "websocket", not nothing/);
    }
  });

  const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,10}$/);
  itHolds(
    "takes what the server's side builds",
    200,
    fc.uniqueArray(token, { minLength: 2, maxLength: 6 }),
    ([protocol, ...names]) => {
      const extensions = names.map((name) => ({ name, parameters: { [protocol]: name } }));
      const head = headOf(
        buildHandshakeResponse({ key: KEY, protocol, extensions, headers: { [`X-${protocol}`]: protocol } }),
      );
      const result = validateHandshakeResponse(head, { key: KEY, protocols: [protocol], extensions });
      assert.ok(result.ok);
      assert.equal(result.protocol, protocol);
      assert.deepEqual(
        plain(result.extensions),
        names.map((name) => [name, [[protocol, name]]]),
      );
    },
  );
});
