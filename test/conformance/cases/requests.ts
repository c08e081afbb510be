/**
 * Opening handshakes that a server gets: RFC 6455 §4.1 and §4.2, RFC 9110 §7.8, RFC 9112 §2 and §3. Each is one request,
 * to the byte.
 */

import { requestText, SAMPLE_KEY } from "../../support/sockets.js";

/** The expected answer: 101, one of these statuses, "refuse" for 400 and above or a cut, "either" if the RFCs allow both. */
export type Answer = 101 | "refuse" | "either" | readonly number[];

export interface RequestCase {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  readonly expects: Answer;
  /** Of a 101: the subprotocol that must be chosen. The server speaks "chat" and "v2.chat". Default: none. */
  readonly protocol?: string;
}

type Changes = Parameters<typeof requestText>[0];
type Row = readonly [title: string, text: string, expects: Answer, protocol?: string];

/** A request with other headers. */
const of = (changes: Changes, line?: string) => requestText(changes, line);
/** A request with another first line. */
const line = (first: string) => requestText({}, first);
/** A request with more lines, as they are. */
const plus = (...lines: string[]) =>
  requestText().replace(/\r\n$/, `${lines.map((one) => `${one}\r\n`).join("")}\r\n`);
/** A request in which some bytes are others. */
const but = (from: string | RegExp, to: string) => requestText().replace(from, to);

/** §4.2.1 item 1: "An HTTP/1.1 or higher GET request, including a "Request-URI"". */
const LINES: readonly Row[] = [
  ["the request of §1.2", requestText(), 101],
  ["a path with a query", line("GET /chat?room=1&x=%20 HTTP/1.1"), 101],
  ["the path /", line("GET / HTTP/1.1"), 101],
  ["an http URI of this host", line("GET http://127.0.0.1/chat HTTP/1.1"), 101],
  ["an http URI in capitals", line("GET HTTP://127.0.0.1/chat HTTP/1.1"), 101],
  ["an http URI without a path", line("GET http://127.0.0.1 HTTP/1.1"), 101],
  ["an http URI of another host", line("GET http://other.example/chat HTTP/1.1"), "refuse"],
  ["a ws URI", line("GET ws://127.0.0.1/chat HTTP/1.1"), "either"],
  ["POST", line("POST /chat HTTP/1.1"), "refuse"],
  ["HEAD", line("HEAD /chat HTTP/1.1"), "refuse"],
  ["PUT", line("PUT /chat HTTP/1.1"), "refuse"],
  ["DELETE", line("DELETE /chat HTTP/1.1"), "refuse"],
  ["OPTIONS", line("OPTIONS /chat HTTP/1.1"), "refuse"],
  ["PATCH", line("PATCH /chat HTTP/1.1"), "refuse"],
  ["TRACE", line("TRACE /chat HTTP/1.1"), "refuse"],
  ["a method in small letters", line("get /chat HTTP/1.1"), "refuse"],
  ["an unknown method", line("BREW /chat HTTP/1.1"), "refuse"],
  ["no method", line("/chat HTTP/1.1"), "refuse"],
  ["HTTP/1.0", line("GET /chat HTTP/1.0"), "refuse"],
  ["HTTP/0.9", line("GET /chat HTTP/0.9"), "refuse"],
  ["no version", line("GET /chat"), "refuse"],
  ['HTTP/2.0 in a text, which is "higher"', line("GET /chat HTTP/2.0"), "either"],
  ["HTTP/11", line("GET /chat HTTP/11"), "refuse"],
  ["HTTPS/1.1", line("GET /chat HTTPS/1.1"), "refuse"],
  ["http/1.1 in small letters", line("GET /chat http/1.1"), "refuse"],
  ["the beginning of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "refuse"],
  ["a target with a space", line("GET /ch at HTTP/1.1"), "refuse"],
  ["a target with a fragment", line("GET /chat#top HTTP/1.1"), "refuse"],
  ["a target that is no path", line("GET chat HTTP/1.1"), "refuse"],
  ["the target *", line("GET * HTTP/1.1"), "refuse"],
  ["a target of host and port", line("GET 127.0.0.1:80 HTTP/1.1"), "refuse"],
  ["an empty target", line("GET  HTTP/1.1"), "refuse"],
  ["a target with a tab", line("GET /ch\tat HTTP/1.1"), "refuse"],
  ["a target with a NUL", line("GET /ch\0at HTTP/1.1"), "refuse"],
  ["two spaces before the target", line("GET  /chat HTTP/1.1"), "either"],
  ["two spaces before the version", line("GET /chat  HTTP/1.1"), "either"],
  ["a space behind the version", line("GET /chat HTTP/1.1 "), "either"],
  ["a space before the method", line(" GET /chat HTTP/1.1"), "refuse"],
  ["an empty line before it (RFC 9112 §2.2)", `\r\n${requestText()}`, 101],
  ["bytes of a TLS handshake", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "refuse"],
  ["frames without a handshake", "\x81\x85\x00\x00\x00\x00Hello\r\n\r\n", "refuse"],
];

/** Item 2: "A |Host| header field containing the server's authority." RFC 9112 §3.2. */
const HOSTS: readonly Row[] = [
  ["no Host", of({ Host: undefined }), [400]],
  ["two equal Hosts", of({ Host: ["127.0.0.1", "127.0.0.1"] }), [400]],
  ["two different Hosts", of({ Host: ["127.0.0.1", "other.example"] }), [400]],
  ["an empty Host", of({ Host: "" }), "either"],
  ["a Host with a port", of({ Host: "127.0.0.1:8080" }), 101],
  ["a Host with an empty port", of({ Host: "127.0.0.1:" }), 101],
  ["a Host with port 65535", of({ Host: "127.0.0.1:65535" }), 101],
  ["a Host with port 99999", of({ Host: "127.0.0.1:99999" }), "either"],
  ["a Host with a port that is no number", of({ Host: "127.0.0.1:http" }), [400]],
  ["a name as the Host", of({ Host: "server.example.com" }), 101],
  ["an address of IPv6 as the Host", of({ Host: "[::1]:8080" }), 101],
  ["an address of IPv6 without brackets", of({ Host: "::1" }), [400]],
  ["a Host with a space", of({ Host: "a b" }), [400]],
  ["a Host with a user", of({ Host: "user@127.0.0.1" }), [400]],
  ["a Host with a path", of({ Host: "127.0.0.1/chat" }), [400]],
  ["a Host with a scheme", of({ Host: "http://127.0.0.1" }), [400]],
  ["a list as the Host", of({ Host: "127.0.0.1, other.example" }), [400]],
  ["a Host with a backslash", of({ Host: "127.0.0.1\\evil" }), [400]],
  ["host in small letters", but("Host:", "host:"), 101],
  ["HOST in capitals", but("Host:", "HOST:"), 101],
];

/** Items 3 and 4, RFC 9110 §7.6.1 and §7.8. */
const UPGRADES: readonly Row[] = [
  ["Upgrade in mixed letters", of({ Upgrade: "WebSocket" }), 101],
  ["Upgrade in capitals", of({ Upgrade: "WEBSOCKET" }), 101],
  ["another protocol beside it", of({ Upgrade: "h2c, websocket" }), 101],
  ["another protocol behind it", of({ Upgrade: "websocket, h2c" }), 101],
  ["two Upgrade headers", of({ Upgrade: ["h2c", "websocket"] }), 101],
  ["an empty element in Upgrade", of({ Upgrade: ", websocket" }), 101],
  ["spaces around websocket", of({ Upgrade: " \t websocket \t" }), 101],
  ["no Upgrade", of({ Upgrade: undefined }), "refuse"],
  ["an empty Upgrade", of({ Upgrade: "" }), "refuse"],
  ["another protocol alone", of({ Upgrade: "h2c" }), "refuse"],
  ["websockets", of({ Upgrade: "websockets" }), "refuse"],
  ["web socket", of({ Upgrade: "web socket" }), "refuse"],
  ["websocket with a version", of({ Upgrade: "websocket/13" }), "either"],
  ["websocket with a sign", of({ Upgrade: "websocket;" }), "refuse"],
  ["Connection in capitals", of({ Connection: "UPGRADE" }), 101],
  ["Connection in small letters", of({ Connection: "upgrade" }), 101],
  ["keep-alive beside it", of({ Connection: "keep-alive, Upgrade" }), 101],
  ["keep-alive behind it", of({ Connection: "Upgrade, keep-alive" }), 101],
  ["two Connection headers", of({ Connection: ["keep-alive", "Upgrade"] }), 101],
  ["an empty element in Connection", of({ Connection: ",, Upgrade" }), 101],
  ["no Connection", of({ Connection: undefined }), "refuse"],
  ["an empty Connection", of({ Connection: "" }), "refuse"],
  ["Connection: keep-alive", of({ Connection: "keep-alive" }), "refuse"],
  ["Connection: close", of({ Connection: "close" }), "refuse"],
  ["Connection: upgraded", of({ Connection: "upgraded" }), "refuse"],
  ["Connection: close beside upgrade", of({ Connection: "close, Upgrade" }), "either"],
  ["neither Upgrade nor Connection", of({ Upgrade: undefined, Connection: undefined }), "refuse"],
];

const base64 = (length: number) => Buffer.alloc(length, 7).toString("base64");

/** Items 5 and 6. */
const KEYS: readonly Row[] = [
  ["no key", of({ "Sec-WebSocket-Key": undefined }), "refuse"],
  ["an empty key", of({ "Sec-WebSocket-Key": "" }), "refuse"],
  ["a key of 15 bytes", of({ "Sec-WebSocket-Key": base64(15) }), "refuse"],
  ["a key of 17 bytes", of({ "Sec-WebSocket-Key": base64(17) }), "refuse"],
  ["a key of 18 bytes", of({ "Sec-WebSocket-Key": base64(18) }), "refuse"],
  ["a key of 16 bytes, all equal", of({ "Sec-WebSocket-Key": base64(16) }), 101],
  ["a key without padding", of({ "Sec-WebSocket-Key": base64(16).replace(/=/g, "") }), "refuse"],
  ["a key with one =", of({ "Sec-WebSocket-Key": base64(16).slice(0, -1) }), "refuse"],
  ["a key of the alphabet for URLs", of({ "Sec-WebSocket-Key": "________________-----w==" }), "refuse"],
  ["a key that is no base64", of({ "Sec-WebSocket-Key": "!!!!!!!!!!!!!!!!!!!!!!==" }), "refuse"],
  [
    "a key with a space",
    of({ "Sec-WebSocket-Key": `${SAMPLE_KEY.slice(0, 10)} ${SAMPLE_KEY.slice(10)}` }),
    "refuse",
  ],
  ["a key with + and /", of({ "Sec-WebSocket-Key": "++++////////////////+w==" }), 101],
  ["two equal keys", of({ "Sec-WebSocket-Key": [SAMPLE_KEY, SAMPLE_KEY] }), "refuse"],
  ["two different keys", of({ "Sec-WebSocket-Key": [SAMPLE_KEY, base64(16)] }), "refuse"],
  ["the name of the key in small letters", but("Sec-WebSocket-Key", "sec-websocket-key"), 101],
  ["spaces around the key", of({ "Sec-WebSocket-Key": ` \t${SAMPLE_KEY}\t ` }), 101],
  ["no version", of({ "Sec-WebSocket-Version": undefined }), "refuse"],
  ["an empty version", of({ "Sec-WebSocket-Version": "" }), "refuse"],
  ["version 0", of({ "Sec-WebSocket-Version": "0" }), [400, 426]],
  ["version 7", of({ "Sec-WebSocket-Version": "7" }), [400, 426]],
  ["version 8", of({ "Sec-WebSocket-Version": "8" }), [400, 426]],
  ["version 12", of({ "Sec-WebSocket-Version": "12" }), [400, 426]],
  ["version 14", of({ "Sec-WebSocket-Version": "14" }), [400, 426]],
  ["version 255", of({ "Sec-WebSocket-Version": "255" }), [400, 426]],
  ["version 256", of({ "Sec-WebSocket-Version": "256" }), "refuse"],
  ["version 013", of({ "Sec-WebSocket-Version": "013" }), "refuse"],
  ["version +13", of({ "Sec-WebSocket-Version": "+13" }), "refuse"],
  ["version 13.0", of({ "Sec-WebSocket-Version": "13.0" }), "refuse"],
  ["version 0xd", of({ "Sec-WebSocket-Version": "0xd" }), "refuse"],
  ["a list of versions", of({ "Sec-WebSocket-Version": "13, 8" }), "refuse"],
  ["two versions", of({ "Sec-WebSocket-Version": ["13", "13"] }), "refuse"],
];

/** Items 8 and 9. The server speaks "chat" and "v2.chat", and no extension. */
const OFFERS: readonly Row[] = [
  ["a subprotocol that is spoken", of({ "Sec-WebSocket-Protocol": "chat" }), 101, "chat"],
  ["two, the second is spoken", of({ "Sec-WebSocket-Protocol": "other, chat" }), 101, "chat"],
  ["two lines, the second is spoken", of({ "Sec-WebSocket-Protocol": ["other", "chat"] }), 101, "chat"],
  [
    "two that are spoken, the client's first choice",
    of({ "Sec-WebSocket-Protocol": "v2.chat, chat" }),
    101,
    "v2.chat",
  ],
  ["one that is not spoken", of({ "Sec-WebSocket-Protocol": "other" }), 101],
  ["one in other letters: they are compared as they are", of({ "Sec-WebSocket-Protocol": "Chat" }), 101],
  ["an empty subprotocol", of({ "Sec-WebSocket-Protocol": "" }), "either"],
  ["a subprotocol twice", of({ "Sec-WebSocket-Protocol": "chat, chat" }), "either"],
  ["a subprotocol with a space", of({ "Sec-WebSocket-Protocol": "a b" }), "either"],
  ["a subprotocol with a slash", of({ "Sec-WebSocket-Protocol": "a/b" }), "either"],
  ["a subprotocol in quotes", of({ "Sec-WebSocket-Protocol": '"chat"' }), "either"],
  ["the names of members of objects", of({ "Sec-WebSocket-Protocol": "constructor, __proto__" }), 101],
  ["an extension that is unknown", of({ "Sec-WebSocket-Extensions": "foo" }), 101],
  ["an extension with parameters", of({ "Sec-WebSocket-Extensions": "foo; bar=1; baz" }), 101],
  ["an extension with a quoted value", of({ "Sec-WebSocket-Extensions": 'foo; bar="baz"' }), 101],
  ["a quoted value that is no token (§9.1)", of({ "Sec-WebSocket-Extensions": 'foo; bar="b z"' }), "refuse"],
  ["two extensions", of({ "Sec-WebSocket-Extensions": "foo, bar" }), 101],
  ["two lines of extensions", of({ "Sec-WebSocket-Extensions": ["foo", "bar; x"] }), 101],
  ["permessage-deflate, which is off", of({ "Sec-WebSocket-Extensions": "permessage-deflate" }), 101],
  ["an extension without a name", of({ "Sec-WebSocket-Extensions": "; bar" }), "refuse"],
  ["an extension whose parameter has no name", of({ "Sec-WebSocket-Extensions": "foo; =1" }), "refuse"],
  ["a quoted value without an end", of({ "Sec-WebSocket-Extensions": 'foo; bar="baz' }), "refuse"],
  ["a semicolon at the end", of({ "Sec-WebSocket-Extensions": "foo;" }), "refuse"],
  ["an empty list of extensions", of({ "Sec-WebSocket-Extensions": "" }), "either"],
];

/** Item 7, §10.2: browsers say where a page is from. */
const ORIGINS: readonly Row[] = [
  ["an Origin of this host", of({ Origin: "http://127.0.0.1" }), 101],
  ["an Origin of another host", of({ Origin: "http://evil.example" }), "either"],
  ["the Origin null", of({ Origin: "null" }), "either"],
  ["two Origins", of({ Origin: ["http://127.0.0.1", "http://127.0.0.1"] }), "either"],
  [
    "the header of version 8, Sec-WebSocket-Origin",
    of({ "Sec-WebSocket-Origin": "http://evil.example" }),
    101,
  ],
];

/** RFC 9112 §2.2, §5, §6: lines, names and values, bodies. */
const HEADS: readonly Row[] = [
  ["an unknown header", of({ "X-Any": "thing" }), 101],
  ["an empty header", of({ "X-Empty": "" }), 101],
  ["a value with bytes above 0x7F", of({ "X-Latin": "caf\xe9" }), 101],
  ["a value with a tab", of({ "X-Tab": "a\tb" }), 101],
  ["a cookie", of({ Cookie: "a=b; c=d" }), 101],
  ["60 headers", of(Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`X-${i}`, "1"]))), 101],
  ["no space behind a colon", but("Host: ", "Host:"), 101],
  ["a space before a colon (RFC 9112 §5.1)", but("Host:", "Host :"), [400]],
  ["a line without a colon", plus("nonsense"), [400]],
  ["a line that begins with a colon", plus(": value"), [400]],
  ["a folded line (RFC 9112 §5.2)", plus("X-Folded: a", " b"), "either"],
  ["a folded line first", but("Host:", " Host:"), "refuse"],
  ["a name with a space", plus("X Name: value"), [400]],
  ["a name with a byte above 0x7F", plus("X-\xe9: value"), [400]],
  ["a name in parentheses", plus("(X): value"), [400]],
  ["a value with a NUL", plus("X-Nul: a\0b"), [400]],
  ["a value with a control character", plus("X-Bell: a\x07b"), "either"],
  ["a value with CR alone", plus("X-Cr: a\rb"), "refuse"],
  ["a value with LF alone", plus("X-Lf: a\nX-Injected: b"), "either"],
  ["lines that end in LF", requestText().replace(/\r\n/g, "\n"), "either"],
  ["lines that end in CR", requestText().replace(/\r\n/g, "\r"), "refuse"],
  ["a Content-Length of 0", of({ "Content-Length": "0" }), 101],
  ["a Content-Length of 5 and a body", `${of({ "Content-Length": "5" })}Hello`, "refuse"],
  ["a Content-Length that is no number", of({ "Content-Length": "x" }), [400]],
  ["a negative Content-Length", of({ "Content-Length": "-1" }), [400]],
  ["two Content-Lengths", of({ "Content-Length": ["0", "5"] }), [400]],
  ["a chunked body", `${of({ "Transfer-Encoding": "chunked" })}0\r\n\r\n`, "refuse"],
  [
    "Content-Length and a chunked body",
    `${of({ "Content-Length": "5", "Transfer-Encoding": "chunked" })}0\r\n\r\n`,
    "refuse",
  ],
  ["an unknown coding", of({ "Transfer-Encoding": "gzip" }), "refuse"],
  ["Expect: 100-continue", of({ Expect: "100-continue" }), "either"],
  ["a head of 20 KiB", of({ "X-Long": "x".repeat(20_000) }), "either"],
  ["a head of 200 KiB", of({ "X-Long": "x".repeat(200_000) }), "refuse"],
  ["3000 headers", plus(...Array.from({ length: 3000 }, (_, i) => `X${i}: 1`)), "refuse"],
  ["a request and frames in one write", `${requestText()}\x89\x80\x00\x00\x00\x00`, 101],
];

const GROUPS: readonly (readonly [string, readonly Row[]])[] = [
  ["H1", LINES],
  ["H2", HOSTS],
  ["H3", UPGRADES],
  ["H4", KEYS],
  ["H5", OFFERS],
  ["H6", ORIGINS],
  ["H7", HEADS],
];

export const REQUESTS: readonly RequestCase[] = GROUPS.flatMap(([group, rows]) =>
  rows.map(([title, text, expects, protocol], i) => ({
    id: `${group}.${i + 1}`,
    title,
    text,
    expects,
    ...(protocol === undefined ? {} : { protocol }),
  })),
);
