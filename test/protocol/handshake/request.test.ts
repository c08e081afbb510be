/** WebSocket URLs (§3) and the client's request (§4.1). */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  buildHandshakeRequest,
  encodeHead,
  generateKey,
  getHeader,
  HandshakeError,
  type HandshakeRequestOptions,
  judgeHandshakeRequest,
  parseHeaders,
  parseWebSocketUrl,
  printWebSocketUrl,
  resolveWebSocketUrl,
} from "../../../src/protocol/index.js";
import { itHolds } from "../../support/property.js";
import { INJECTIONS, KEY } from "../support.js";

describe("parseWebSocketUrl", () => {
  it("takes a URL apart as §3 says", () => {
    assert.deepEqual(parseWebSocketUrl("ws://example.com/chat"), {
      href: "ws://example.com/chat",
      scheme: "ws",
      secure: false,
      host: "example.com",
      port: 80,
      authority: "example.com",
      path: "/chat",
      credentials: undefined,
      socketPath: undefined,
    });
    assert.deepEqual(parseWebSocketUrl("wss://u%40x:p%3Aw@Example.COM:8443/a/b?c=d&e"), {
      href: "wss://u%40x:p%3Aw@example.com:8443/a/b?c=d&e",
      scheme: "wss",
      secure: true,
      host: "example.com",
      port: 8443,
      authority: "example.com:8443",
      path: "/a/b?c=d&e",
      credentials: { username: "u@x", password: "p:w" },
      socketPath: undefined,
    });
  });

  it("knows default ports, empty paths, addresses and names", () => {
    const cases: [url: string, host: string, port: number, authority: string, path: string][] = [
      ["ws://h", "h", 80, "h", "/"],
      ["wss://h", "h", 443, "h", "/"],
      ["ws://h:80/", "h", 80, "h", "/"],
      ["wss://h:443/", "h", 443, "h", "/"],
      ["ws://h:443/", "h", 443, "h:443", "/"],
      ["wss://h:80/", "h", 80, "h:80", "/"],
      ["ws://h?q", "h", 80, "h", "/?q"],
      ["ws://[::1]", "::1", 80, "[::1]", "/"],
      ["ws://[2001:DB8::0:1]:9000/x", "2001:db8::1", 9000, "[2001:db8::1]:9000", "/x"],
      ["ws://127.0.0.1:1", "127.0.0.1", 1, "127.0.0.1:1", "/"],
      ["WS://H/A", "h", 80, "h", "/A"],
      ["ws://bücher.example/ü?ü", "xn--bcher-kva.example", 80, "xn--bcher-kva.example", "/%C3%BC?%C3%BC"],
      ["ws://h/a b", "h", 80, "h", "/a%20b"],
      ["ws://h/a%23b", "h", 80, "h", "/a%23b"],
      ["ws://h/a/../b", "h", 80, "h", "/b"],
    ];
    for (const [url, host, port, authority, path] of cases) {
      const parsed = parseWebSocketUrl(url);
      assert.ok(parsed, url);
      assert.deepEqual(
        [parsed.host, parsed.port, parsed.authority, parsed.path],
        [host, port, authority, path],
        url,
      );
      assert.deepEqual(parseWebSocketUrl(new URL(url)), parsed);
      assert.deepEqual(parseWebSocketUrl(parsed.href), parsed, "href is normal");
    }
  });

  it("knows Unix sockets, as ws writes them", () => {
    const cases: [url: string, socketPath: string, path: string, href: string][] = [
      ["ws+unix:/run/a.sock:/x?y=:1", "/run/a.sock", "/x?y=:1", "ws+unix:/run/a.sock:/x?y=:1"],
      ["ws+unix:///run/a.sock:/x", "/run/a.sock", "/x", "ws+unix:/run/a.sock:/x"],
      ["ws+unix:/run/a.sock", "/run/a.sock", "/", "ws+unix:/run/a.sock:/"],
      ["ws+unix:/run/a.sock:", "/run/a.sock", "/", "ws+unix:/run/a.sock:/"],
      ["ws+unix:/run/a.sock?y", "/run/a.sock", "/?y", "ws+unix:/run/a.sock:/?y"],
      ["ws+unix:/a b%3Ac%25:/", "/a b:c%", "/", "ws+unix:/a%20b%3Ac%25:/"],
      ["ws+unix:a.sock:/", "a.sock", "/", "ws+unix:a.sock:/"],
    ];
    for (const [url, socketPath, path, href] of cases) {
      const parsed = parseWebSocketUrl(url);
      assert.ok(parsed, url);
      assert.deepEqual([parsed.socketPath, parsed.path, parsed.href], [socketPath, path, href]);
      assert.deepEqual([parsed.host, parsed.authority, parsed.secure], ["localhost", "localhost", false]);
      assert.equal(printWebSocketUrl(parsed), href);
      assert.deepEqual(parseWebSocketUrl(href), parsed);
    }
    assert.equal(parseWebSocketUrl("wss+unix:/a:/")?.secure, true);
  });

  it("prints URLs without credentials, with another path if there is one", () => {
    const url = resolveWebSocketUrl("wss://user:secret@h:1/a?b");
    assert.equal(printWebSocketUrl(url), "wss://h:1/a?b");
    assert.equal(printWebSocketUrl(url, "/c"), "wss://h:1/c");
  });

  it("maps http and https as WHATWG does", () => {
    assert.deepEqual(parseWebSocketUrl("http://h:81/x"), parseWebSocketUrl("ws://h:81/x"));
    assert.deepEqual(parseWebSocketUrl("https://h/x"), parseWebSocketUrl("wss://h/x"));
    assert.equal(parseWebSocketUrl("https://h:80/")?.href, "wss://h:80/");
    assert.equal(parseWebSocketUrl("http://h:443/")?.port, 443);
  });

  it("reports credentials decoded, and as they are when they cannot be", () => {
    const credentials = (url: string) => parseWebSocketUrl(url)?.credentials;
    assert.deepEqual(credentials("ws://u@h"), { username: "u", password: "" });
    assert.deepEqual(credentials("ws://:p@h"), { username: "", password: "p" });
    assert.deepEqual(credentials("ws://%E4%BD%A0:%zz@h"), { username: "你", password: "%zz" });
  });

  it("returns undefined for other texts, and the throwing form says why", () => {
    const cases: [url: string, why: RegExp][] = [
      ["", /must be absolute/],
      ["/chat", /must be absolute, such as .* not "\/chat"/],
      ["example.com", /must be absolute/],
      ["ws://", /must be absolute/],
      ["ws://h:65536", /must be absolute/],
      ["ws://h:x", /must be absolute/],
      ["ws://a b", /must be absolute/],
      ["ws://[::1", /must be absolute/],
      ["ftp://h", /ws, wss, http, https or ws\+unix, not "ftp"/],
      ["example.com:80", /ws, wss, http, https or ws\+unix/],
      ["mailto:a@b", /not "mailto"/],
      ["javascript:alert(1)", /not "javascript"/],
      ["ws://h/#f", /no fragment/],
      ["ws://h/#", /no fragment/],
      ["ws://h/?q#", /no fragment/],
      ["ws://u#x@h", /no fragment/],
      ["ws+unix:", /ws\+unix:\/file:\/resource/],
      ["ws+unix::/x", /ws\+unix:\/file:\/resource/],
      ["ws+unix://host/file:/x", /ws\+unix:\/file:\/resource/],
      ["ws+unix:/file:x", /ws\+unix:\/file:\/resource/],
      ["ws+unix:/file?a:/x", /ws\+unix:\/file:\/resource/],
      ["ws+unix:/file:/x#f", /no fragment/],
    ];
    for (const [url, why] of cases) {
      assert.equal(parseWebSocketUrl(url), undefined, url);
      assert.throws(() => resolveWebSocketUrl(url), { name: "SyntaxError", message: why }, url);
    }
    for (const url of [undefined, null, 1, {}])
      assert.equal(parseWebSocketUrl(url as unknown as string), undefined);
  });

  it("resolves what a redirect points to", () => {
    const base = "wss://a.example/x/y?z";
    assert.equal(resolveWebSocketUrl("/b", base).href, "wss://a.example/b");
    assert.equal(resolveWebSocketUrl("b", base).href, "wss://a.example/x/b");
    assert.equal(resolveWebSocketUrl("//b.example", base).href, "wss://b.example/");
    assert.equal(resolveWebSocketUrl("http://b.example/", base).secure, false);
    assert.throws(() => resolveWebSocketUrl("#b", base), /no fragment/);
    assert.throws(() => resolveWebSocketUrl("http://[", base), SyntaxError);
  });

  itHolds(
    "never throws, and gives only text that can be sent",
    500,
    fc.oneof(fc.string(), fc.webUrl()),
    (text) => {
      for (const url of [text, `ws://${text}`, `ws://h/${text}`]) {
        const parsed = parseWebSocketUrl(url);
        if (parsed === undefined) continue;
        assert.match(parsed.path, /^\/[!-~]*$/);
        assert.match(parsed.authority, /^[!-~]+$/);
      }
    },
  );
});

function request(options: Partial<HandshakeRequestOptions>): string[] {
  return buildHandshakeRequest({ url: "ws://h", key: KEY, ...options }).split("\r\n");
}

describe("buildHandshakeRequest", () => {
  it("writes the request of RFC 6455 §1.2", () => {
    const text = buildHandshakeRequest({
      url: "ws://server.example.com/chat",
      key: KEY,
      protocols: ["chat", "superchat"],
      origin: "http://example.com",
    });
    const lines = [
      "GET /chat HTTP/1.1",
      "Host: server.example.com",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Key: ${KEY}`,
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Protocol: chat, superchat",
      "Origin: http://example.com",
      "",
      "",
    ];
    assert.deepEqual(text.split("\r\n"), lines);
  });

  it("takes a url in any form, or host and path", () => {
    const expected = request({ url: "ws://h:81/x?y" });
    assert.deepEqual(expected.slice(0, 2), ["GET /x?y HTTP/1.1", "Host: h:81"]);
    assert.deepEqual(request({ url: new URL("ws://h:81/x?y") }), expected);
    assert.deepEqual(request({ url: resolveWebSocketUrl("http://h:81/x?y") }), expected);
    assert.deepEqual(request({ url: undefined, host: "h:81", path: "/x?y" }), expected);
    assert.deepEqual(request({ host: "other" }).slice(0, 2), ["GET / HTTP/1.1", "Host: other"]);
    assert.deepEqual(request({ url: undefined, host: "[::1]:81" }).slice(0, 2), [
      "GET / HTTP/1.1",
      "Host: [::1]:81",
    ]);
    assert.throws(() => request({ url: undefined }), /needs a url or a host/);
    assert.throws(() => request({ url: "ws://h/#f" }), SyntaxError);
  });

  it("offers extensions by their list or text", () => {
    const line = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x";
    const list = [
      { name: "permessage-deflate", parameters: { client_max_window_bits: true } },
      { name: "x" },
    ];
    assert.equal(request({ extensions: list })[6], line);
    assert.equal(request({ extensions: "permessage-deflate;client_max_window_bits ,x" })[6], line);
    for (const none of [undefined, "", []]) assert.equal(request({ extensions: none }).length, 8);
    assert.throws(() => request({ extensions: "a b" }), TypeError);
  });

  it("sends credentials: of auth, else of headers, else of the URL", () => {
    const authorization = (options: Partial<HandshakeRequestOptions>) =>
      getHeader(request({ url: "ws://u:p@h", ...options }).join("\r\n"), "Authorization");
    // RFC 7617 §2 and §2.1.
    assert.equal(
      authorization({ auth: { username: "Aladdin", password: "open sesame" } }),
      "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    );
    assert.equal(authorization({ auth: { username: "test", password: "123£" } }), "Basic dGVzdDoxMjPCow==");
    assert.equal(authorization({ auth: "Bearer token" }), "Bearer token");
    assert.equal(authorization({}), `Basic ${btoa("u:p")}`);
    assert.equal(authorization({ headers: { authorization: "Bearer token" } }), "Bearer token");
    assert.equal(authorization({ url: "ws://h" }), undefined);
    assert.throws(() => authorization({ auth: { username: "a:b", password: "" } }), /no colon/);
    assert.throws(() => authorization({ auth: { username: "a", password: "\n" } }), /no control characters/);
    assert.throws(() => authorization({ auth: "x", headers: { Authorization: "y" } }), /given twice/);
  });

  it("sends cookies, parameters and headers", () => {
    assert.ok(request({ cookies: { a: "1", b: "x=y" } }).includes("Cookie: a=1; b=x=y"));
    assert.ok(request({ cookies: "a=1; b=2" }).includes("Cookie: a=1; b=2"));
    assert.equal(request({ cookies: {} }).length, 8);
    assert.throws(() => request({ cookies: { a: "1; b=2" } }), /no semicolon/);
    assert.throws(() => request({ cookies: { "a b": "1" } }), TypeError);
    assert.throws(() => request({ cookies: "a=1", headers: { cookie: "b=2" } }), /given twice/);
    assert.throws(
      () => request({ origin: "http://a", headers: { ORIGIN: "http://b" } }),
      /Origin header is given twice/,
    );

    const first = (options: Partial<HandshakeRequestOptions>) => request(options)[0].split(" ")[1];
    assert.equal(first({ params: { a: "1 2", b: true, c: 3, d: undefined } }), "/?a=1+2&b=true&c=3");
    assert.equal(
      first({
        url: "ws://h/x?y=1",
        params: [
          ["a", "&"],
          ["a", "é"],
        ],
      }),
      "/x?y=1&a=%26&a=%C3%A9",
    );
    assert.equal(first({ url: "ws://h/x?y?", params: { a: "b" } }), "/x?y?&a=b");
    assert.equal(first({ url: "ws://h/x?y&", params: { a: "b" } }), "/x?y&a=b");
    assert.equal(first({ url: "ws://h/x?", params: new URLSearchParams("a=b") }), "/x?a=b");
    assert.equal(first({ url: "ws://h/x", params: {} }), "/x");
    assert.equal(first({ params: { "\r\nX: 1": "\r\nY: 2" } }), "/?%0D%0AX%3A+1=%0D%0AY%3A+2");

    assert.deepEqual(request({ headers: { "X-A": "1", "x-b": ["2", "3"] } }).slice(6), [
      "X-A: 1",
      "x-b: 2",
      "x-b: 3",
      "",
      "",
    ]);
  });

  it("refuses other values for its own headers, and says which", () => {
    for (const name of ["upgrade", "CONNECTION", "Sec-WebSocket-Key", "sec-websocket-version"]) {
      assert.throws(() => request({ headers: { [name]: "x" } }), {
        name: "TypeError",
        message: new RegExp(`the ${name} header`),
      });
    }
  });

  it("takes a Host of its own", () => {
    const hosts = (options: Partial<HandshakeRequestOptions>) =>
      request(options).filter((line) => /^host:/i.test(line));
    assert.deepEqual(hosts({ headers: { HOST: "b.example:81" } }), ["Host: b.example:81"]);
    assert.deepEqual(hosts({ headers: [["host", "b.example"]] }), ["Host: b.example"]);
    assert.deepEqual(hosts({ host: "c.example", headers: {} }), ["Host: c.example"]);
    assert.deepEqual(hosts({ headers: { Host: undefined } }), hosts({}));
    const wrong: Partial<HandshakeRequestOptions>[] = [
      { headers: { Host: "a b" } },
      { headers: { Host: "" } },
      { headers: { Host: ["a", "b"] } },
      { headers: { Host: "a", host: "b" } },
      { host: "a", headers: { Host: "b" } },
    ];
    for (const each of wrong) assert.throws(() => request(each), TypeError, JSON.stringify(each));
  });

  it("reads lists once that can be read once only", () => {
    function* headers(): Generator<[string, string]> {
      yield ["Host", "b.example"];
      yield ["X-A", "1"];
    }
    function* protocols(): Generator<string> {
      yield "a";
      yield "b";
    }
    const lines = request({ headers: headers(), protocols: protocols() as Iterable<string> as string[] });
    for (const line of ["Host: b.example", "X-A: 1", "Sec-WebSocket-Protocol: a, b"]) {
      assert.ok(lines.includes(line), line);
    }
  });

  it("CVE-2026-1527: no option ends a line", () => {
    for (const bad of INJECTIONS) {
      const options: Partial<HandshakeRequestOptions>[] = [
        { host: bad },
        { host: `h${bad}` },
        { path: bad },
        { path: `/${bad}` },
        { key: bad },
        { key: KEY + bad },
        { protocols: [bad] },
        { protocols: bad },
        { extensions: bad },
        { extensions: [{ name: bad }] },
        { origin: bad },
        { cookies: bad },
        { cookies: { a: bad } },
        { cookies: { [bad]: "a" } },
        { auth: bad },
        { auth: { username: bad, password: "" } },
        { auth: { username: "", password: bad } },
        { headers: { a: bad } },
        { headers: { [bad]: "a" } },
        { headers: [["a", bad]] },
      ];
      for (const each of options)
        assert.throws(() => request(each), /^(TypeError|SyntaxError)/, JSON.stringify(each));
    }
    // The URL parser drops line ends, as WHATWG has it.
    assert.equal(request({ url: "ws://h/a\r\nX: 1" })[0], "GET /aX:%201 HTTP/1.1");
    assert.equal(request({ url: "ws://h/a%0d%0aX" })[0], "GET /a%0d%0aX HTTP/1.1");
  });

  it("refuses hosts, paths and keys that are none", () => {
    for (const host of [
      "",
      " ",
      "a b",
      "a/b",
      "a@b",
      "a?b",
      "a#b",
      "a:b",
      "a:123456",
      "::1",
      "[::1",
      "a,b\0",
      "é",
      "a\\b",
    ]) {
      assert.throws(() => request({ host }), /^TypeError: host must be/, host);
    }
    for (const path of ["", "a", "/a b", "/a#b", "/é", "//a\t", "http://h/", "*", "?a"]) {
      assert.throws(() => request({ path }), /^TypeError: path must begin/, path);
    }
    for (const key of ["", "a", KEY.slice(1), undefined])
      assert.throws(() => request({ key: key as string }), /16 bytes/);
    for (const protocols of ["a,a", "a b", ["a", "a"], [""]])
      assert.throws(() => request({ protocols }), SyntaxError);
  });

  const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,10}$/);
  const options = fc.record({
    url: fc.webUrl({ withQueryParameters: true }).map((url) => url.replace(/^http/, "ws")),
    protocols: fc.uniqueArray(token, { maxLength: 4 }),
    extensions: fc.array(
      fc.record({
        name: token,
        parameters: fc.dictionary(token, fc.oneof(token, fc.constant(true as const))),
      }),
    ),
    params: fc.dictionary(fc.string(), fc.string()),
    cookies: fc.dictionary(token, fc.stringMatching(/^[!-:<-~]*$/)),
    auth: fc.record({
      username: fc.stringMatching(/^[^\p{C}:]*$/u),
      password: fc.stringMatching(/^[^\p{C}]*$/u),
    }),
  });
  itHolds("is what the server's side takes", 60, options, (given) => {
    const key = generateKey();
    const text = buildHandshakeRequest({ ...given, key });
    encodeHead(text);
    const [line] = text.split("\r\n", 1);
    const headers = parseHeaders(text.slice(line.length + 2), { maxHeadLength: Infinity });
    assert.ok(!(headers instanceof HandshakeError));
    const [method, url, version] = line.split(" ");
    const offer = judgeHandshakeRequest(
      { method, url, httpVersion: version.slice("HTTP/".length), headers },
      { maxHeadLength: Infinity },
    );
    assert.ok(offer.ok, JSON.stringify(offer));
    assert.equal(offer.key, key);
    assert.equal(offer.path, url);
    assert.deepEqual(offer.protocols, given.protocols);
    assert.deepEqual(
      offer.extensions.map(({ name }) => name),
      given.extensions.map(({ name }) => name),
    );
    const query = new URLSearchParams(url.split("?").slice(1).join("?"));
    for (const [name, value] of Object.entries(given.params)) {
      assert.ok(query.getAll(name).includes(value.replace(/\p{Surrogate}/gu, "\ufffd")), name);
    }
    const { username, password } = given.auth;
    const sent = Buffer.from(
      getHeader(headers, "authorization")?.slice("Basic ".length) ?? "",
      "base64",
    ).toString();
    assert.equal(sent, `${username}:${password}`);
  });
});
