/** The request as the server judges it, and its answers: RFC 6455 §4.2. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  buildHandshakeResponse,
  buildRefusal,
  encodeHead,
  type HandshakeErrorCode,
  HandshakeErrorStatus,
  type HandshakeOffer,
  HandshakeReader,
  type HandshakeRefusal,
  type HandshakeRequest,
  type HandshakeServerOptions,
  type HeaderRecord,
  judgeHandshakeRequest,
  type ResponseHead,
} from "../../../src/protocol/index.js";
import { itHolds } from "../../support/property.js";
import {
  ACCEPT,
  assertLinear,
  hostileTexts,
  INJECTIONS,
  KEY,
  plain,
  RFC_REQUEST_HEADERS,
} from "../support.js";

const REQUEST: HandshakeRequest = {
  method: "GET",
  httpVersion: "1.1",
  url: "/chat",
  headers: { ...RFC_REQUEST_HEADERS, origin: undefined },
};

function judge(
  headers: HeaderRecord = {},
  options?: HandshakeServerOptions,
  request: Omit<HandshakeRequest, "headers"> = {},
): HandshakeOffer | HandshakeRefusal {
  const all = { ...(REQUEST.headers as HeaderRecord), ...headers };
  return judgeHandshakeRequest({ ...REQUEST, ...request, headers: all }, options);
}

function offerOf(...given: Parameters<typeof judge>): HandshakeOffer {
  const result = judge(...given);
  assert.ok(result.ok, JSON.stringify(result));
  return result;
}

/** The refusal, which must be whole and must be what a client can read. */
function refusalOf(code: HandshakeErrorCode, ...given: Parameters<typeof judge>): HandshakeRefusal {
  const result = judge(...given);
  assert.ok(!result.ok, JSON.stringify(given));
  assert.equal(result.code, code, JSON.stringify(given).slice(0, 200));
  assert.equal(result.status, HandshakeErrorStatus[code]);
  assert.equal(result.error.code, code);
  assert.equal(result.error.status, result.status);
  assert.notEqual(result.body, "");
  const head = new HandshakeReader().push(encodeHead(buildRefusal(result))) as ResponseHead;
  assert.equal(head.status, result.status);
  assert.equal(head.rest.length, Number(head.headers.get("content-length")));
  return result;
}

describe("judgeHandshakeRequest", () => {
  it("takes the request of RFC 6455 §1.2", () => {
    const request = { ...REQUEST, headers: RFC_REQUEST_HEADERS };
    assert.deepEqual(judgeHandshakeRequest(request, { origin: ["http://example.com"] }), {
      ok: true,
      key: KEY,
      version: 13,
      host: "server.example.com",
      path: "/chat",
      origin: "http://example.com",
      protocols: ["chat", "superchat"],
      extensions: [],
    });
    // The page is of example.com and the server is server.example.com: another origin.
    const refusal = judgeHandshakeRequest(request);
    assert.ok(!refusal.ok && refusal.status === 403);
  });

  it("takes headers in every form, their names in any case", () => {
    const expected = offerOf();
    const entries = Object.entries(REQUEST.headers as Record<string, string>).filter(
      ([, value]) => value !== undefined,
    );
    const upper = Object.fromEntries(entries.map(([name, value]) => [name.toUpperCase(), value]));
    const distinct = Object.fromEntries(entries.map(([name, value]) => [name, [value]]));
    const map = new Map(entries.map(([name, value]) => [name, [value]]));
    for (const headers of [upper, distinct, map]) {
      assert.deepEqual(judgeHandshakeRequest({ ...REQUEST, headers }), expected);
    }
  });

  it("item 1: the method is GET", () => {
    for (const method of ["POST", "HEAD", "CONNECT", "get", "", undefined]) {
      const { status, headers } = refusalOf("WS_ERR_INVALID_METHOD", {}, {}, { method });
      assert.deepEqual([status, headers], [405, { Allow: "GET" }]);
    }
  });

  it("item 1: the version is at least 1.1", () => {
    for (const httpVersion of ["1.1", "1.2", "2.0", "2", "3"]) offerOf({}, {}, { httpVersion });
    for (const httpVersion of ["1.0", "0.9", "1", "", "HTTP/1.1", "1.1.1", "11", "x", "1.1\n", undefined]) {
      refusalOf("WS_ERR_INVALID_HTTP_VERSION", {}, {}, { httpVersion });
    }
  });

  it("item 1: the target is a path, or a URI of this host", () => {
    const path = (url: string) => offerOf({ host: "Example.com:81" }, {}, { url }).path;
    for (const url of ["/", "/a/b?c=d", "/a?b?c", "/%00", "//evil.example/x", "/é"])
      assert.equal(path(url), url);
    assert.equal(path("http://example.com:81/a?b"), "/a?b");
    assert.equal(path("HTTPS://EXAMPLE.COM:81"), "/");
    assert.equal(path("http://example.com:81?b"), "/?b");
    const bad = [
      "",
      "*",
      "a",
      "example.com:81",
      "?a",
      "/a b",
      "/a#b",
      "/a\r\nX: 1",
      "/\0",
      "/\u0100",
      "ftp://example.com:81/",
    ];
    bad.push(
      "http://example.com:81/a#b",
      "http://example.com:81/a b",
      "http:/a",
      "http://",
      "ws://example.com:81/",
    );
    for (const url of [...bad, undefined]) {
      refusalOf("WS_ERR_INVALID_REQUEST_TARGET", { host: "Example.com:81" }, {}, { url });
    }
  });

  it("GHSA-c4j6-fc7j-m34r: a URI of another host than the Host header's is refused", () => {
    const targets = [
      "http://169.254.169.254/latest",
      "https://evil.example/",
      "http://example.com/",
      "http://a@example.com:81/",
    ];
    targets.push("http://example.com:81@evil.example/", "http://example.com:81\\@evil.example/");
    for (const url of targets)
      refusalOf("WS_ERR_INVALID_REQUEST_TARGET", { host: "example.com:81" }, {}, { url });
  });

  it("item 2: there is one Host", () => {
    for (const host of [undefined, "", " ", [], ["a", "b"], ["a", "a"]]) {
      refusalOf("WS_ERR_INVALID_HOST_HEADER", { host });
    }
  });

  it("item 2: the Host is a host (RFC 9112 §3.2)", () => {
    for (const host of ["a b", "u@h", "h:99999", "http://h", "h/", "a, a"]) {
      refusalOf("WS_ERR_INVALID_HOST_HEADER", { host });
    }
    for (const host of ["h", "h:65535", "[::1]:80", "127.0.0.1"]) assert.equal(offerOf({ host }).host, host);
  });

  it("RFC 9110 §7.8: a request with content is refused, so that none of it is read as frames", () => {
    refusalOf("WS_ERR_UNEXPECTED_BODY", { "content-length": "6" });
    refusalOf("WS_ERR_UNEXPECTED_BODY", { "Content-Length": "00" });
    refusalOf("WS_ERR_UNEXPECTED_BODY", { "content-length": ["0", "0"] });
    refusalOf("WS_ERR_UNEXPECTED_BODY", { "transfer-encoding": "chunked" });
    offerOf({ "content-length": "0" });
  });

  it("judges the lines as they came where there are rawHeaders, not what a host merged", () => {
    const lines = Object.entries(REQUEST.headers as Record<string, string>)
      .filter(([, value]) => value !== undefined)
      .flat();
    const judgeRaw = (rawHeaders: readonly string[], options?: HandshakeServerOptions) =>
      judgeHandshakeRequest({ ...REQUEST, headers: {}, rawHeaders }, options);
    assert.deepEqual(judgeRaw(lines), offerOf());
    const codeOf = (...given: Parameters<typeof judgeRaw>) => {
      const result = judgeRaw(...given);
      return result.ok ? "ok" : result.code;
    };
    assert.equal(codeOf([...lines, "Host", "other"]), "WS_ERR_INVALID_HOST_HEADER");
    assert.equal(codeOf([...lines, "HOST", "server.example.com"]), "WS_ERR_INVALID_HOST_HEADER");
    assert.equal(codeOf([...lines, "Origin", "http://evil.example"]), "WS_ERR_ORIGIN_NOT_ALLOWED");
    assert.equal(codeOf([...lines, "Content-Length", "1"]), "WS_ERR_UNEXPECTED_BODY");
    assert.equal(codeOf([...lines, "Sec-WebSocket-Key", KEY]), "WS_ERR_INVALID_KEY_HEADER");
    // Node merges these into one.
    const many = Array.from({ length: 100 }, () => ["a", "b"]).flat();
    assert.equal(codeOf([...lines, ...many]), "WS_ERR_HANDSHAKE_TOO_LARGE");
    assert.equal(codeOf([...lines, ...many], { maxHeaderCount: 120 }), "ok");
    assert.equal(codeOf([...lines, "a", "b"], { maxHeadLength: 100 }), "WS_ERR_HANDSHAKE_TOO_LARGE");
    assert.equal(codeOf([...lines, "x", "a\nb"]), "WS_ERR_INVALID_HEADER");
  });

  it("item 3: Upgrade lists websocket", () => {
    for (const upgrade of ["WebSocket", "h2c, websocket", ["h2c", "WEBSOCKET"]]) offerOf({ upgrade });
    for (const upgrade of [
      undefined,
      "",
      "websockets",
      "h2c",
      "websocket/13",
      "websoc\u212aet".slice(0, 6),
      [],
    ]) {
      const { status, headers } = refusalOf("WS_ERR_INVALID_UPGRADE_HEADER", { upgrade });
      assert.deepEqual([status, headers], [426, { Upgrade: "websocket" }]);
    }
  });

  it("item 4: Connection lists upgrade", () => {
    for (const connection of ["upgrade", "keep-alive, Upgrade", ["keep-alive", "UPGRADE"]])
      offerOf({ connection });
    for (const connection of [undefined, "", "keep-alive", "upgraded", "close"]) {
      refusalOf("WS_ERR_INVALID_CONNECTION_HEADER", { connection });
    }
  });

  it("item 5: the key is 16 bytes in base64, once", () => {
    const bad = [
      undefined,
      "",
      KEY.slice(4),
      `${KEY}, ${KEY}`,
      [KEY, KEY],
      [],
      "A".repeat(24),
      "é",
      `${KEY}=`,
      "a b",
    ];
    for (const key of bad) refusalOf("WS_ERR_INVALID_KEY_HEADER", { "sec-websocket-key": key });
    offerOf({ "sec-websocket-key": ` ${KEY} ` });
  });

  it("item 6: the version is 13, and a client that speaks another gets the supported version", () => {
    for (const version of ["0", "7", "8", "12", "14", "25", "255"]) {
      const { status, headers } = refusalOf("WS_ERR_UNSUPPORTED_VERSION", {
        "sec-websocket-version": version,
      });
      assert.deepEqual([status, headers], [426, { Upgrade: "websocket", "Sec-WebSocket-Version": "13" }]);
    }
    const bad = [
      undefined,
      "",
      "013",
      "13, 8",
      "13,13",
      "256",
      "-13",
      "13.0",
      "0xd",
      "1e1",
      "x",
      "1 3",
      ["13", "13"],
      ["13", "8"],
    ];
    for (const version of bad) {
      const { status, headers } = refusalOf("WS_ERR_INVALID_VERSION_HEADER", {
        "sec-websocket-version": version,
      });
      assert.deepEqual([status, headers], [400, { "Sec-WebSocket-Version": "13" }]);
    }
  });

  it("item 8: subprotocols are a list of different tokens", () => {
    const header = "sec-websocket-protocol";
    assert.deepEqual(offerOf({ [header]: undefined }).protocols, [], "none offered, none to choose");
    assert.deepEqual(offerOf({ [header]: ["a, b", "c"] }).protocols, ["a", "b", "c"]);
    for (const value of ["", ",", "a a", "a, a", ["a", "a"], "a;b", "é"]) {
      refusalOf("WS_ERR_INVALID_PROTOCOL_HEADER", { [header]: value });
    }
  });

  it("item 9: extensions keep their order and repetition", () => {
    const header = "sec-websocket-extensions";
    assert.deepEqual(offerOf({ [header]: undefined }).extensions, []);
    const expected = [
      ["a", [["x", "1", "2"]]],
      ["b", []],
      ["a", []],
    ];
    assert.deepEqual(plain(offerOf({ [header]: ["a; x=1; x=2, b", "a"] }).extensions), expected);
    for (const value of ["", ",", "a;", "a; b=", 'a; b="', 'a; b="c d"', "a b"]) {
      refusalOf("WS_ERR_INVALID_EXTENSIONS_HEADER", { [header]: value });
    }
  });

  it("GHSA-5v72-xg48-5rpm: an extension called constructor is an extension", () => {
    for (const name of ["constructor", "__proto__", "toString"]) {
      const { extensions, protocols } = offerOf({
        "sec-websocket-extensions": `${name}; ${name}`,
        "sec-websocket-protocol": name,
      });
      assert.deepEqual(plain(extensions), [[name, [[name, true]]]]);
      assert.deepEqual(protocols, [name]);
    }
  });

  it("item 7: the origin is judged by the policy, the host's own pages by default", () => {
    assert.equal(offerOf().origin, undefined);
    assert.equal(offerOf({ origin: "https://server.example.com" }).origin, "https://server.example.com");
    offerOf({ origin: "http://evil.example" }, { origin: "any" });
    offerOf({ origin: "http://a.example" }, { origin: [/^http:\/\/a\./] });
    offerOf({ origin: "x" }, { origin: (origin, host) => origin === "x" && host === "server.example.com" });
    refusalOf("WS_ERR_ORIGIN_NOT_ALLOWED", { origin: "http://evil.example" });
    refusalOf("WS_ERR_ORIGIN_NOT_ALLOWED", { origin: "null" });
    refusalOf("WS_ERR_ORIGIN_NOT_ALLOWED", { origin: "" });
    refusalOf("WS_ERR_ORIGIN_NOT_ALLOWED", {
      origin: ["http://server.example.com", "http://server.example.com"],
    });
    refusalOf("WS_ERR_ORIGIN_NOT_ALLOWED", {}, { origin: () => false });
  });

  it("CVE-2024-37890: every header may be absent", () => {
    for (const name of Object.keys(RFC_REQUEST_HEADERS)) {
      const result = judge({ [name]: undefined });
      const optional = ["origin", "sec-websocket-protocol"].includes(name);
      assert.equal(result.ok, optional, name);
    }
    for (const headers of [{}, new Map(), Object.create(null), Object.create({ upgrade: "websocket" })]) {
      assert.equal(judgeHandshakeRequest({ ...REQUEST, headers }).ok, false);
      assert.equal(judgeHandshakeRequest({ headers }).ok, false);
    }
  });

  it("CVE-2024-37890: more headers than a host keeps are refused, not crashed on", () => {
    const many: Record<string, string> = {};
    for (let i = 0; i < 2001; i++) many[`x-${i}`] = "1";
    const roomy = { maxHeaderCount: 3000, maxHeadLength: 65536 };
    refusalOf("WS_ERR_HANDSHAKE_TOO_LARGE", many);
    refusalOf("WS_ERR_INVALID_UPGRADE_HEADER", { ...many, upgrade: undefined }, roomy);
    offerOf(many, roomy);
    refusalOf("WS_ERR_HANDSHAKE_TOO_LARGE", { cookie: "c".repeat(16384) });
    offerOf({ cookie: "c".repeat(16384) }, { maxHeadLength: 32768 });
  });

  it("repeats nothing of the request to the client, and only a little to the log", () => {
    const evil = "<script>evil()</script>";
    const cases: Parameters<typeof judge>[] = [
      [{}, {}, { method: evil }],
      [{}, {}, { httpVersion: evil }],
      [{}, {}, { url: evil }],
      ...Object.keys(RFC_REQUEST_HEADERS).map((name): Parameters<typeof judge> => [{ [name]: evil }]),
      [{ "sec-websocket-extensions": evil }],
      [{ "x-header": `${evil}\n` }],
      [{ [`x-${evil}`]: "\n" }],
      [{ "sec-websocket-key": evil.repeat(500) }],
    ];
    for (const given of cases) {
      const result = judge(...given);
      if (result.ok) continue;
      assert.ok(!buildRefusal(result).includes("evil"), result.code);
      assert.ok(result.error.message.length < 300);
    }
  });

  it("CVE-2026-1527: a value with a line end is refused, wherever it came from", () => {
    for (const bad of INJECTIONS) {
      for (const name of [...Object.keys(RFC_REQUEST_HEADERS), "x-other", "sec-websocket-extensions"]) {
        refusalOf("WS_ERR_INVALID_HEADER", { [name]: bad });
      }
    }
  });

  const header = fc.oneof(
    fc.constantFrom("websocket", "Upgrade", KEY, "13", "8", "a", "a, b", "a; b", "http://a", "h"),
    fc.string(),
  );
  const anything = fc.record(
    {
      method: fc.oneof(fc.constant("GET"), fc.string()),
      httpVersion: fc.oneof(fc.constant("1.1"), fc.string()),
      url: fc.oneof(fc.constant("/"), fc.string(), fc.webUrl()),
      headers: fc.record(
        Object.fromEntries(
          [...Object.keys(RFC_REQUEST_HEADERS), "sec-websocket-extensions"].map((name) => [
            name,
            fc.oneof(header, fc.array(header, { maxLength: 3 })),
          ]),
        ) as Record<string, fc.Arbitrary<string | string[]>>,
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: ["headers"] },
  );
  itHolds("never throws, and refuses with text that can be sent", 1000, anything, (request) => {
    const result = judgeHandshakeRequest(request);
    if (result.ok) assert.ok(buildHandshakeResponse({ key: result.key, protocol: result.protocols[0] }));
    else assert.ok(buildRefusal(result).startsWith(`HTTP/1.1 ${result.status} `));
  });

  it("CVE-2021-32640, CVE-2020-7662: takes linear time for any header", () => {
    const options = { maxHeadLength: Infinity, maxHeaderCount: Infinity };
    const names = ["host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version", "origin"];
    names.push("sec-websocket-protocol", "sec-websocket-extensions");
    for (const name of names) {
      assertLinear(
        name,
        (size) => {
          const texts = hostileTexts(size).map(([, text]) => text);
          return () => {
            for (const text of texts) judge({ [name]: text }, options);
          };
        },
        1024,
      );
    }
    assertLinear(
      "url",
      (size) => {
        const texts = hostileTexts(size).flatMap(([, text]) => [text, `/${text}`, `http://${text}`]);
        return () => {
          for (const url of texts) judge({}, options, { url });
        };
      },
      1024,
    );
  });
});

describe("buildHandshakeResponse", () => {
  it("writes the response of RFC 6455 §1.2", () => {
    const lines = [
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${ACCEPT}`,
      "Sec-WebSocket-Protocol: chat",
      "",
      "",
    ];
    assert.equal(buildHandshakeResponse({ key: KEY, protocol: "chat" }), lines.join("\r\n"));
    for (const protocol of [undefined, "", false] as const) {
      assert.equal(
        buildHandshakeResponse({ key: KEY, protocol }),
        [...lines.slice(0, 4), "", ""].join("\r\n"),
      );
    }
  });

  it("adds extensions and headers", () => {
    const text = buildHandshakeResponse({
      key: KEY,
      extensions: [{ name: "permessage-deflate", parameters: { server_no_context_takeover: true } }],
      headers: { "Set-Cookie": ["a=1", "b=2"], Server: "hawser" },
    });
    assert.deepEqual(text.split("\r\n").slice(4), [
      "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover",
      "Set-Cookie: a=1",
      "Set-Cookie: b=2",
      "Server: hawser",
      "",
      "",
    ]);
  });

  it("CVE-2026-1527: no option ends a line, and none replaces the handshake's own", () => {
    for (const bad of INJECTIONS) {
      const options = [
        { key: bad },
        { key: KEY, protocol: bad },
        { key: KEY, extensions: [{ name: bad }] },
        { key: KEY, extensions: [{ name: "a", parameters: { b: bad } }] },
        { key: KEY, headers: { a: bad } },
        { key: KEY, headers: { [bad]: "a" } },
      ];
      for (const each of options) assert.throws(() => buildHandshakeResponse(each), TypeError);
    }
    for (const name of ["Upgrade", "Connection", "Sec-WebSocket-Accept", "Content-Length"]) {
      assert.throws(() => buildHandshakeResponse({ key: KEY, headers: { [name]: "x" } }), new RegExp(name));
    }
    for (const protocol of ["a b", "a, b", "é"]) {
      assert.throws(() => buildHandshakeResponse({ key: KEY, protocol }), TypeError);
    }
  });
});

describe("buildRefusal", () => {
  it("writes a whole response that ends the connection", () => {
    const text = buildRefusal({ status: 401, headers: { "WWW-Authenticate": "Basic" }, body: "who?" });
    const lines = [
      "HTTP/1.1 401 Unauthorized",
      "Connection: close",
      "WWW-Authenticate: Basic",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Length: 4",
      "",
      "who?",
    ];
    assert.equal(text, lines.join("\r\n"));
    const empty = "HTTP/1.1 499 \r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert.equal(buildRefusal({ status: 499 }), empty);
  });

  it("writes headers of every form", () => {
    for (const headers of [
      { A: ["1", "2"], B: 3, C: undefined },
      [
        ["A", "1"],
        ["A", "2"],
        ["B", 3],
      ] as [string, string][],
    ]) {
      assert.match(buildRefusal({ status: 503, headers }), /close\r\nA: 1\r\nA: 2\r\nB: 3\r\nContent-Length/);
    }
    const typed = buildRefusal({ status: 400, headers: { "content-type": "application/json" }, body: "{}" });
    assert.doesNotMatch(typed, /text\/plain/);
  });

  it("announces an upgrade in Connection, too (RFC 9110 §7.8)", () => {
    const text = buildRefusal({
      status: 426,
      headers: { Upgrade: "websocket", "Sec-WebSocket-Version": "13" },
    });
    assert.match(
      text,
      /\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n/,
    );
    assert.doesNotMatch(buildRefusal({ status: 426, headers: { Upgrade: undefined } }), /Upgrade:|undefined/);
  });

  it("counts the body in bytes, and gives a character for each", () => {
    const text = buildRefusal({ status: 400, body: "für 水 😀" });
    const [head, body] = text.split("\r\n\r\n");
    assert.equal(Buffer.from(body, "latin1").toString("utf8"), "für 水 😀");
    assert.match(head, new RegExp(`Content-Length: ${body.length}$`));
    assert.equal(encodeHead(text).length, text.length);
  });

  it("CVE-2026-1527: no option ends a line; a status is a refusal's", () => {
    for (const bad of INJECTIONS) {
      for (const name of ["X-A", "Upgrade", "Sec-WebSocket-Version", "Location"]) {
        assert.throws(() => buildRefusal({ status: 400, headers: { [name]: bad } }), TypeError);
        assert.throws(() => buildRefusal({ status: 400, headers: [[name, bad]] }), TypeError);
      }
      assert.throws(() => buildRefusal({ status: 400, headers: { [bad]: "a" } }), TypeError);
    }
    for (const name of ["Connection", "Content-Length", "Transfer-Encoding", "Sec-WebSocket-Accept"]) {
      assert.throws(
        () => buildRefusal({ status: 400, headers: { [name]: "1" } }),
        new RegExp(`the ${name} header`),
      );
    }
    for (const status of [0, 101, 200, 299, 600, 400.5, Number.NaN, "400 x\r\n" as unknown as number]) {
      assert.throws(() => buildRefusal({ status }), RangeError);
    }
  });
});
