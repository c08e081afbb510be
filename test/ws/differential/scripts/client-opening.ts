/** Clients up to the answer of the server: arguments, requests, answers. */

import http from "node:http";
import type { ClientOptions } from "ws";
import type { Socket } from "../implementation.js";
import { acceptOf, KEY, type RawPeer } from "../peer.js";
import { accepting, type Script, type Stage, script } from "../stage.js";

type Arguments = ConstructorParameters<Stage["impl"]["WebSocket"]>;

/** Arguments that the constructor judges: what it throws, or the URL it understood. */
const JUDGED: readonly (readonly [string, readonly unknown[]])[] = [
  ["no argument", []],
  ["undefined", [undefined]],
  ["an empty string", [""]],
  ["a path", ["/path"]],
  ["no URL", ["not a url"]],
  ["a URL without a host", ["ws://"]],
  ["a URL of another scheme", ["ftp://127.0.0.1:1/"]],
  ["a URL of file", ["file:///x"]],
  ["a URL with a fragment", ["ws://127.0.0.1:1/#fragment"]],
  ["a URL with an empty fragment", ["ws://127.0.0.1:1/#"]],
  ["ws+unix without a path", ["ws+unix:"]],
  ["ws+unix", ["ws+unix:/nowhere.sock:/path"]],
  ["an http URL", ["http://127.0.0.1:1/x"]],
  ["an https URL", ["https://127.0.0.1:1/x"]],
  ["a URL object", [new URL("ws://127.0.0.1:1/x?y=z")]],
  ["an http URL object", [new URL("http://127.0.0.1:1/x?y=z")]],
  ["a URL with spaces around and upper case", [" WS://LOCALHOST:1/A B "]],
  ["a default port", ["ws://127.0.0.1:80/"]],
  ["a URL with user and password", ["ws://user:pass@127.0.0.1:1/"]],
  ["IPv6", ["ws://[::1]:1/"]],
  ["an empty subprotocol", ["ws://127.0.0.1:1/", ""]],
  ["a subprotocol with a space", ["ws://127.0.0.1:1/", "a b"]],
  ["a subprotocol with a comma", ["ws://127.0.0.1:1/", ["a,b"]]],
  ["a subprotocol that is a number", ["ws://127.0.0.1:1/", [5]]],
  ["a subprotocol that is null", ["ws://127.0.0.1:1/", null]],
  ["a subprotocol twice", ["ws://127.0.0.1:1/", ["a", "a"]]],
  ["a subprotocol twice in different case", ["ws://127.0.0.1:1/", ["a", "A"]]],
  ["an option protocolVersion of 12", ["ws://127.0.0.1:1/", undefined, { protocolVersion: 12 }]],
  ["an option protocolVersion of '13'", ["ws://127.0.0.1:1/", undefined, { protocolVersion: "13" }]],
  ["an option protocols that is bad", ["ws://127.0.0.1:1/", { protocols: ["a b"] }]],
  ["options that are null", ["ws://127.0.0.1:1/", undefined, null]],
];

const judged: Script[] = JUDGED.map(([name, args]) =>
  script(`new WebSocket with ${name}`, async (stage) => {
    let socket: Socket | undefined;
    stage.call("client", "new", () => {
      socket = new stage.impl.WebSocket(...(args as unknown as Arguments));
      return [socket.url, socket.readyState];
    });
    if (socket === undefined) return;
    stage.watch("client", socket);
    socket.terminate();
    await stage.until("client", "close");
  }),
);

/** Requests, line by line: the arguments behind the URL, and what of the URL stands behind the port. */
const REQUESTS: readonly (readonly [string, (port: number) => readonly unknown[]])[] = [
  ["nothing else", (port) => [`ws://127.0.0.1:${port}`]],
  ["a path and a query", (port) => [`ws://127.0.0.1:${port}/a/../b%20c?d=é#`.slice(0, -1)]],
  ["a host by name", (port) => [`ws://localhost:${port}/`, undefined, { family: 4 }]],
  ["one subprotocol", (port) => [`ws://127.0.0.1:${port}/`, "chat"]],
  ["subprotocols", (port) => [`ws://127.0.0.1:${port}/`, ["chat", "super.chat"]]],
  ["no subprotocols", (port) => [`ws://127.0.0.1:${port}/`, []]],
  ["subprotocols among the options", (port) => [`ws://127.0.0.1:${port}/`, { protocols: ["a", "b"] }]],
  ["a subprotocol among the options", (port) => [`ws://127.0.0.1:${port}/`, undefined, { protocols: "a" }]],
  ["subprotocols in both places", (port) => [`ws://127.0.0.1:${port}/`, ["a"], { protocols: ["b"] }]],
  ["no compression", (port) => [`ws://127.0.0.1:${port}/`, { perMessageDeflate: false }]],
  ["compression as true", (port) => [`ws://127.0.0.1:${port}/`, { perMessageDeflate: true }]],
  [
    "all parameters of compression",
    (port) => [
      `ws://127.0.0.1:${port}/`,
      {
        perMessageDeflate: {
          serverNoContextTakeover: true,
          clientNoContextTakeover: true,
          serverMaxWindowBits: 10,
          clientMaxWindowBits: 11,
        },
      },
    ],
  ],
  [
    "clientMaxWindowBits false",
    (port) => [`ws://127.0.0.1:${port}/`, { perMessageDeflate: { clientMaxWindowBits: false } }],
  ],
  ["an origin", (port) => [`ws://127.0.0.1:${port}/`, { origin: "https://example.com" }]],
  [
    "version 8 and an origin",
    (port) => [`ws://127.0.0.1:${port}/`, { origin: "https://a.test", protocolVersion: 8 }],
  ],
  ["headers", (port) => [`ws://127.0.0.1:${port}/`, { headers: { Cookie: "a=b", "X-Many": ["1", "2"] } }]],
  [
    "headers that the handshake has too",
    (port) => [
      `ws://127.0.0.1:${port}/`,
      {
        headers: { Upgrade: "other", "Sec-WebSocket-Key": "x", "sec-websocket-version": "7", Host: "h.test" },
      },
    ],
  ],
  ["user and password", (port) => [`ws://us%40er:pa%3Ass@127.0.0.1:${port}/`]],
  ["the option auth", (port) => [`ws://127.0.0.1:${port}/`, { auth: "user:pass" }]],
  ["the option auth and a user", (port) => [`ws://u:p@127.0.0.1:${port}/`, { auth: "user:pass" }]],
  ["the option setHost false", (port) => [`ws://127.0.0.1:${port}/`, { setHost: false }]],
  [
    "options of http that are overwritten",
    (port) => [
      `ws://127.0.0.1:${port}/right`,
      { method: "POST", path: "/wrong", host: "wrong.test", port: 1 },
    ],
  ],
  ["an agent", (port) => [`ws://127.0.0.1:${port}/`, { agent: new http.Agent() }]],
  ["the option defaultPort", (port) => [`ws://127.0.0.1:${port}/`, { defaultPort: port }]],
];

const requests: Script[] = REQUESTS.map(([name, args]) =>
  script(`request with ${name}`, async (stage) => {
    const { port } = await stage.rawServer((peer) => peer.stream.end("HTTP/1.1 204 No Content\r\n\r\n"));
    stage.watch("client", new stage.impl.WebSocket(...(args(port) as unknown as Arguments)));
    await Promise.all([stage.until("client", "close"), stage.until("peer", "head-end")]);
  }),
);

type Answer = (peer: RawPeer) => string;

const switching = (lines: readonly string[]) =>
  `${["HTTP/1.1 101 Switching Protocols", ...lines].join("\r\n")}\r\n\r\n`;
const withAccept = (peer: RawPeer, lines: readonly string[]) =>
  switching([...lines, `Sec-WebSocket-Accept: ${acceptOf(peer.field("Sec-WebSocket-Key") ?? "")}`]);
const UPGRADE = ["Upgrade: websocket", "Connection: Upgrade"];
const extensions =
  (value: string): Answer =>
  (peer) =>
    accepting(peer, [`Sec-WebSocket-Extensions: ${value}`]);

/** Answers of servers: text by peer; the client's subprotocols and options. */
const ANSWERS: readonly (readonly [string, Answer, (string[] | undefined)?, ClientOptions?])[] = [
  ["the least that is valid", (peer) => accepting(peer)],
  [
    "names and values in other case",
    (peer) => withAccept(peer, ["UPGRADE: WebSocket", "connection: keep-alive, UPGRADE"]),
  ],
  ["a reason that is its own", (peer) => accepting(peer).replace("Switching Protocols", "Yes")],
  ["no Upgrade", (peer) => withAccept(peer, ["Connection: Upgrade"])],
  ["another Upgrade", (peer) => withAccept(peer, ["Upgrade: h2c", "Connection: Upgrade"])],
  ["no Connection", (peer) => withAccept(peer, ["Upgrade: websocket"])],
  ["no Sec-WebSocket-Accept", () => switching(UPGRADE)],
  ["a wrong Sec-WebSocket-Accept", () => switching([...UPGRADE, `Sec-WebSocket-Accept: ${acceptOf(KEY)}`])],
  ["a subprotocol that was not requested", (peer) => accepting(peer, ["Sec-WebSocket-Protocol: a"])],
  ["another subprotocol", (peer) => accepting(peer, ["Sec-WebSocket-Protocol: c"]), ["a", "b"]],
  ["a subprotocol in another case", (peer) => accepting(peer, ["Sec-WebSocket-Protocol: A"]), ["a", "b"]],
  ["no subprotocol", (peer) => accepting(peer), ["a"]],
  ["an empty subprotocol", (peer) => accepting(peer, ["Sec-WebSocket-Protocol: "]), ["a"]],
  ["a subprotocol", (peer) => accepting(peer, ["Sec-WebSocket-Protocol: b"]), ["a", "b"]],
  ["two subprotocols", (peer) => accepting(peer, ["Sec-WebSocket-Protocol: a, b"]), ["a", "b"]],
  [
    "an extension that was not requested",
    extensions("permessage-deflate"),
    undefined,
    { perMessageDeflate: false },
  ],
  ["an extension with a bad name", extensions("permessage-deflate;;")],
  ["an empty extension", extensions("")],
  ["another extension", extensions("x-other")],
  ["two extensions", extensions("permessage-deflate, x-other")],
  ["compression", extensions("permessage-deflate")],
  ["compression twice", extensions("permessage-deflate, permessage-deflate")],
  ["compression with an unknown parameter", extensions("permessage-deflate; x=1")],
  [
    "compression with a parameter twice",
    extensions("permessage-deflate; server_no_context_takeover; server_no_context_takeover"),
  ],
  ["compression with a window of 7 bits", extensions("permessage-deflate; server_max_window_bits=7")],
  ["compression with a window of 8 bits", extensions("permessage-deflate; server_max_window_bits=8")],
  ["compression with a window without a number", extensions("permessage-deflate; client_max_window_bits")],
  ["compression with a window of the client", extensions("permessage-deflate; client_max_window_bits=10")],
  [
    "compression with a wider window of the client than offered",
    extensions("permessage-deflate; client_max_window_bits=12"),
    undefined,
    { perMessageDeflate: { clientMaxWindowBits: 10 } },
  ],
  [
    "compression with a takeover the client does not want",
    extensions("permessage-deflate; client_no_context_takeover"),
    undefined,
    { perMessageDeflate: { clientNoContextTakeover: false } },
  ],
  ["compression with a value for a takeover", extensions("permessage-deflate; server_no_context_takeover=1")],
  ["200", () => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"],
  ["204", () => "HTTP/1.1 204 No Content\r\n\r\n"],
  ["401 with a body", () => "HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nnever"],
  ["302 that is not followed", () => "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\n\r\n"],
  ["503", () => "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"],
  ["100, then 101", (peer) => `HTTP/1.1 100 Continue\r\n\r\n${accepting(peer)}`],
  ["103, then 101", (peer) => `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${accepting(peer)}`],
  ["no HTTP", () => "SSH-2.0-x\r\n\r\n"],
  ["HTTP/1.0", (peer) => accepting(peer).replace("HTTP/1.1", "HTTP/1.0")],
  ["426", () => "HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n"],
];

const answers: Script[] = ANSWERS.map(([name, answer, protocols, options]) =>
  script(`answer: ${name}`, async (stage) => {
    const { url } = await stage.rawServer((peer) => peer.write(answer(peer)));
    const client = stage.connect(url, protocols, options);
    const settled = await Promise.race([
      stage.until("client", "open").then(() => "open"),
      stage.until("client", "close").then(() => "close"),
    ]);
    stage.say("client", "settled", settled, client.protocol, client.extensions, client.readyState);
    if (settled === "open") client.terminate();
    await stage.until("client", "close");
  }),
);

export const clientOpening: readonly Script[] = [...judged, ...requests, ...answers];
