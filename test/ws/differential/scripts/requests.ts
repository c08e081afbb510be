/** Requests to a server, and its answers byte for byte. */

import type { ServerOptions } from "ws";
import { bytesOf, KEY, MASK } from "../peer.js";
import { type Request, type Script, script } from "../stage.js";

export const fields = (headers: Request["headers"]): Request => ({ headers: headers ?? {} });
export const protocols = (value: string | string[]) => fields({ "Sec-WebSocket-Protocol": value });
export const extensions = (value: string | string[]) => fields({ "Sec-WebSocket-Extensions": value });

/** Requests: what a server with these options answers. */
const REQUESTS: readonly (readonly [string, Request, ServerOptions?])[] = [
  ["a valid one", {}],
  ["POST", { method: "POST", headers: { "Content-Length": "0" } }],
  ["HEAD", { method: "HEAD" }],
  ["GET without Upgrade", fields({ Upgrade: undefined, Connection: "close" })],
  ["another Upgrade", fields({ Upgrade: "h2c" })],
  ["Upgrade in upper case", fields({ Upgrade: "WEBSOCKET" })],
  ["Upgrade as a list", fields({ Upgrade: "websocket, h2c" })],
  ["no key", fields({ "Sec-WebSocket-Key": undefined })],
  ["an empty key", fields({ "Sec-WebSocket-Key": "" })],
  ["a short key", fields({ "Sec-WebSocket-Key": "dGhlIHNhbXBsZQ==" })],
  ["a long key", fields({ "Sec-WebSocket-Key": `${KEY}${KEY}` })],
  ["a key that is not base64", fields({ "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZ!==" })],
  ["a key with bits behind its end", fields({ "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZR==" })],
  ["two keys", fields({ "Sec-WebSocket-Key": [KEY, KEY] })],
  ["no version", fields({ "Sec-WebSocket-Version": undefined })],
  ["version 7", fields({ "Sec-WebSocket-Version": "7" })],
  ["version 8", fields({ "Sec-WebSocket-Version": "8" })],
  ["version 14", fields({ "Sec-WebSocket-Version": "14" })],
  ["version 13.0", fields({ "Sec-WebSocket-Version": "13.0" })],
  ["versions 13, 8", fields({ "Sec-WebSocket-Version": "13, 8" })],
  ["HTTP/1.0", { version: "1.0" }],
  ["no Host", fields({ Host: undefined })],
  ["Connection as a list", fields({ Connection: "keep-alive, Upgrade" })],
  ["the right path", { path: "/chat" }, { path: "/chat" }],
  ["the right path with a query", { path: "/chat?a=b" }, { path: "/chat" }],
  ["another path", { path: "/other" }, { path: "/chat" }],
  ["a longer path", { path: "/chat/" }, { path: "/chat" }],
  ["a path as an absolute URL", { path: "http://127.0.0.1/chat" }, { path: "/chat" }],
  ["a subprotocol", protocols("chat")],
  ["subprotocols", protocols("a, b,c")],
  ["subprotocols in two fields", protocols(["a", "b"])],
  ["an empty subprotocol", protocols("")],
  ["a subprotocol and a comma", protocols("a,")],
  ["a comma and a subprotocol", protocols(",a")],
  ["a subprotocol with a space within", protocols("a b")],
  ["a subprotocol twice", protocols("a, a")],
  ["a subprotocol with a bad character", protocols('a"b')],
  ["an extension, none is on", extensions("permessage-deflate")],
  ["extensions that are garbage, none is on", extensions(";;")],
  ["an unknown extension", extensions("x-a; b=c"), { perMessageDeflate: true }],
  ["extensions that are garbage", extensions(";;"), { perMessageDeflate: true }],
  ["compression", extensions("permessage-deflate"), { perMessageDeflate: true }],
  [
    "compression, client_max_window_bits",
    extensions("permessage-deflate; client_max_window_bits"),
    { perMessageDeflate: true },
  ],
  [
    "compression, client_max_window_bits 10",
    extensions("permessage-deflate; client_max_window_bits=10"),
    { perMessageDeflate: true },
  ],
  [
    "compression, server_max_window_bits 9",
    extensions("permessage-deflate; server_max_window_bits=9"),
    { perMessageDeflate: true },
  ],
  [
    "compression, server_max_window_bits 8",
    extensions("permessage-deflate; server_max_window_bits=8"),
    { perMessageDeflate: true },
  ],
  [
    "compression, quoted value",
    extensions('permessage-deflate; server_max_window_bits="10"'),
    { perMessageDeflate: true },
  ],
  [
    "compression, no takeover",
    extensions("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
    { perMessageDeflate: true },
  ],
  ["compression, unknown parameter", extensions("permessage-deflate; x"), { perMessageDeflate: true }],
  [
    "compression, unknown parameter, then a good offer",
    extensions("permessage-deflate; x, permessage-deflate"),
    { perMessageDeflate: true },
  ],
  [
    "compression, window of 16 bits",
    extensions("permessage-deflate; server_max_window_bits=16"),
    { perMessageDeflate: true },
  ],
  [
    "compression, window without a value",
    extensions("permessage-deflate; server_max_window_bits"),
    { perMessageDeflate: true },
  ],
  [
    "compression, a parameter twice",
    extensions("permessage-deflate; server_max_window_bits=10; server_max_window_bits=10"),
    { perMessageDeflate: true },
  ],
  [
    "compression in two fields",
    extensions(["permessage-deflate; server_max_window_bits=10", "permessage-deflate"]),
    { perMessageDeflate: true },
  ],
  [
    "compression, the server wants no takeover",
    extensions("permessage-deflate"),
    { perMessageDeflate: { serverNoContextTakeover: true, clientNoContextTakeover: true } },
  ],
  [
    "compression, the server refuses no takeover",
    extensions("permessage-deflate; server_no_context_takeover"),
    { perMessageDeflate: { serverNoContextTakeover: false } },
  ],
  [
    "compression, the server refuses, then a good offer",
    extensions("permessage-deflate; server_no_context_takeover, permessage-deflate"),
    { perMessageDeflate: { serverNoContextTakeover: false } },
  ],
  [
    "compression, the server has windows",
    extensions("permessage-deflate; client_max_window_bits"),
    { perMessageDeflate: { serverMaxWindowBits: 10, clientMaxWindowBits: 11 } },
  ],
  [
    "compression, the server wants a window the client does not offer",
    extensions("permessage-deflate"),
    { perMessageDeflate: { clientMaxWindowBits: 11 } },
  ],
  [
    "compression, the server's window is wider than asked for",
    extensions("permessage-deflate; server_max_window_bits=9"),
    { perMessageDeflate: { serverMaxWindowBits: 12 } },
  ],
  [
    "compression that is garbage behind a good offer",
    extensions("permessage-deflate, permessage-deflate;"),
    { perMessageDeflate: true },
  ],
  ["verifyClient says yes", {}, { verifyClient: () => true }],
  ["verifyClient says no", {}, { verifyClient: () => false }],
  ["verifyClient says nothing", {}, { verifyClient: () => undefined as never }],
  ["verifyClient says yes later", {}, { verifyClient: (_info, done) => setImmediate(done, true) }],
  ["verifyClient says no later", {}, { verifyClient: (_info, done) => setImmediate(done, false) }],
  ["verifyClient says 403", {}, { verifyClient: (_info, done) => done(false, 403) }],
  ["verifyClient says 404 and why", {}, { verifyClient: (_info, done) => done(false, 404, "not hére") }],
  [
    "verifyClient says 429 with headers",
    {},
    { verifyClient: (_info, done) => done(false, 429, "", { "Retry-After": "5", "Content-Type": "x/y" }) },
  ],
  ["verifyClient says 999", {}, { verifyClient: (_info, done) => done(false, 999, "why") }],
  [
    "verifyClient says yes later, a message is there",
    { tail: bytesOf({ opcode: 1, payload: "early" }, MASK) },
    { verifyClient: (_info, done) => setImmediate(done, true) },
  ],
  [
    "handleProtocols chooses the last",
    protocols("a, b"),
    { handleProtocols: (offered) => [...offered].at(-1) as string },
  ],
  ["handleProtocols chooses none", protocols("a, b"), { handleProtocols: () => false }],
  ["handleProtocols says nothing", protocols("a, b"), { handleProtocols: () => undefined as never }],
  ["handleProtocols chooses one of its own", protocols("a, b"), { handleProtocols: () => "own" }],
  ["handleProtocols, no subprotocol offered", {}, { handleProtocols: () => "own" }],
];

export const requests: readonly Script[] = REQUESTS.map(([name, request, options]) =>
  script(`request: ${name}`, async (stage) => {
    const { wss, port } = await stage.serve(options);
    wss.on("connection", (socket) => {
      stage.say("server", "chose", socket.protocol, socket.extensions);
      if (request.tail === undefined) socket.terminate();
    });
    const peer = await stage.rawClient(port, request);
    if (request.tail !== undefined) {
      await stage.until("server", "message");
      peer.stream.end();
    }
    await stage.until("peer", "gone");
  }),
);
