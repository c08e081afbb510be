/** Responses that a client gets: RFC 6455 §4.1, "The client MUST validate the server's response as follows", RFC 9112 §4. */

import { createHash } from "node:crypto";

export interface ResponseCase {
  readonly id: string;
  readonly title: string;
  /** The bytes that the server sends for a request with this key; it ends the socket behind them unless they are a 101. */
  readonly text: (key: string) => string;
  /** Whether the connection must open; "either" if the RFCs leave it. */
  readonly expects: "open" | "refuse" | "either";
  /** What the client offers. Default: no subprotocol. */
  readonly protocols?: readonly string[];
}

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const acceptOf = (key: string, guid = GUID) =>
  createHash("sha1")
    .update(key + guid)
    .digest("base64");

/** A response with changes: undefined takes a header away, a list repeats it. */
const of =
  (
    changes: Readonly<Record<string, string | readonly string[] | undefined>> = {},
    line = "HTTP/1.1 101 Switching Protocols",
    behind = "",
  ) =>
  (key: string): string => {
    const headers = {
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Accept": acceptOf(key),
      ...changes,
    };
    const lines = Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [value].flat().map((each) => `${name}: ${each}\r\n`),
    );
    return `${line}\r\n${lines.join("")}\r\n${behind}`;
  };
const line = (first: string) => of({}, first);
/** Accept of another text than the key with the GUID. */
const accept =
  (change: (right: string, key: string) => string | readonly string[] | undefined) => (key: string) =>
    of({ "Sec-WebSocket-Accept": change(acceptOf(key), key) })(key);

type Row = readonly [
  title: string,
  text: (key: string) => string,
  expects: ResponseCase["expects"],
  protocols?: readonly string[],
];

const ROWS: readonly Row[] = [
  ["the response of §1.3", of(), "open"],
  ["another reason phrase", line("HTTP/1.1 101 Anything"), "open"],
  ["an empty reason phrase", line("HTTP/1.1 101 "), "open"],
  ["no reason phrase and no space", line("HTTP/1.1 101"), "open"],
  ["HTTP/1.0", line("HTTP/1.0 101 Switching Protocols"), "either"],
  ["HTTP/2.0", line("HTTP/2.0 101 Switching Protocols"), "refuse"],
  ["status 200", line("HTTP/1.1 200 OK"), "refuse"],
  ["status 204", line("HTTP/1.1 204 No Content"), "refuse"],
  ["status 302 without a Location", line("HTTP/1.1 302 Found"), "refuse"],
  ["status 302 to elsewhere", of({ Location: "ws://127.0.0.1:1/" }, "HTTP/1.1 302 Found"), "refuse"],
  ["status 400", line("HTTP/1.1 400 Bad Request"), "refuse"],
  ["status 401", of({ "WWW-Authenticate": "Basic" }, "HTTP/1.1 401 Unauthorized"), "refuse"],
  ["status 426", line("HTTP/1.1 426 Upgrade Required"), "refuse"],
  ["status 500", line("HTTP/1.1 500 Internal Server Error"), "refuse"],
  ["status 1011", line("HTTP/1.1 1011 No"), "refuse"],
  ["a status that is no number", line("HTTP/1.1 abc No"), "refuse"],
  ["bytes that are no HTTP", () => "SSH-2.0-OpenSSH_9.2\r\n", "refuse"],
  ["frames without a response", () => "\x81\x05Hello", "refuse"],
  ["nothing", () => "", "refuse"],
  ["half of a head", (key) => of()(key).slice(0, 60), "refuse"],
  [
    "103 before 101 (RFC 9110 §15.2)",
    (key) => `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${of()(key)}`,
    "open",
  ],
  ["100 before 101", (key) => `HTTP/1.1 100 Continue\r\n\r\n${of()(key)}`, "open"],
  ["no Upgrade", of({ Upgrade: undefined }), "refuse"],
  ["an empty Upgrade", of({ Upgrade: "" }), "refuse"],
  ["Upgrade in capitals", of({ Upgrade: "WEBSOCKET" }), "open"],
  ["Upgrade to another protocol", of({ Upgrade: "h2c" }), "refuse"],
  ["websocket as a part of a word", of({ Upgrade: "websockets" }), "refuse"],
  ["no Connection", of({ Connection: undefined }), "refuse"],
  ["an empty Connection", of({ Connection: "" }), "refuse"],
  ["Connection in small letters", of({ Connection: "upgrade" }), "open"],
  ["keep-alive beside Upgrade", of({ Connection: "keep-alive, Upgrade" }), "open"],
  ["Connection without Upgrade", of({ Connection: "keep-alive" }), "refuse"],
  ["no Sec-WebSocket-Accept", accept(() => undefined), "refuse"],
  ["an empty Accept", accept(() => ""), "refuse"],
  ["the key as the Accept", accept((_, key) => key), "refuse"],
  ["an Accept in small letters", accept((right) => right.toLowerCase()), "refuse"],
  ["an Accept without padding", accept((right) => right.replace("=", "")), "refuse"],
  ["an Accept of another GUID", accept((_, key) => acceptOf(key, GUID.toLowerCase())), "refuse"],
  ["an Accept with a space inside", accept((right) => `${right.slice(0, 9)} ${right.slice(9)}`), "refuse"],
  ["spaces around the Accept", accept((right) => ` \t${right}\t `), "open"],
  ["two Accepts", accept((right) => [right, right]), "refuse"],
  ["a subprotocol that was offered", of({ "Sec-WebSocket-Protocol": "chat" }), "open", ["chat", "other"]],
  ["the second that was offered", of({ "Sec-WebSocket-Protocol": "other" }), "open", ["chat", "other"]],
  ["none of those offered", of(), "either", ["chat"]],
  ["a subprotocol that was not offered", of({ "Sec-WebSocket-Protocol": "third" }), "refuse", ["chat"]],
  ["a subprotocol in other letters", of({ "Sec-WebSocket-Protocol": "CHAT" }), "refuse", ["chat"]],
  ["a subprotocol where none was offered", of({ "Sec-WebSocket-Protocol": "chat" }), "refuse"],
  [
    "two subprotocols in a list",
    of({ "Sec-WebSocket-Protocol": "chat, other" }),
    "refuse",
    ["chat", "other"],
  ],
  [
    "two lines of subprotocols",
    of({ "Sec-WebSocket-Protocol": ["chat", "chat"] }),
    "refuse",
    ["chat", "other"],
  ],
  ["an empty subprotocol", of({ "Sec-WebSocket-Protocol": "" }), "refuse", ["chat"]],
  ["an extension that was not offered", of({ "Sec-WebSocket-Extensions": "foo" }), "refuse"],
  [
    "permessage-deflate that was not offered",
    of({ "Sec-WebSocket-Extensions": "permessage-deflate" }),
    "refuse",
  ],
  ["extensions that are none", of({ "Sec-WebSocket-Extensions": 'foo; bar="' }), "refuse"],
  ["a space before a colon", (key) => of()(key).replace("Upgrade:", "Upgrade :"), "refuse"],
  ["a line without a colon", (key) => of()(key).replace("Upgrade:", "nonsense\r\nUpgrade:"), "refuse"],
  ["a NUL in a value", of({ "X-Nul": "a\0b" }), "refuse"],
  ["a head of 200 KiB", of({ "X-Long": "x".repeat(200_000) }), "refuse"],
  ["a frame behind the head", of({}, undefined, "\x89\x00"), "open"],
];

export const RESPONSES: readonly ResponseCase[] = ROWS.map(([title, text, expects, protocols], i) => ({
  id: `R.${i + 1}`,
  title,
  text,
  expects,
  ...(protocols === undefined ? {} : { protocols }),
}));
