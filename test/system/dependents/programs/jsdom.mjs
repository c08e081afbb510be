/** jsdom 26, whose WebSocket is a client of ws. (jsdom has its own since 27.) */

import assert from "node:assert/strict";
import { once } from "node:events";
import { JSDOM } from "jsdom";
import { WebSocketServer } from "ws";
import { assertOurs, assertWsOf } from "./support.mjs";

assertWsOf("jsdom");
const wss = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: true });
await once(wss, "listening");
const { port } = wss.address();
wss.on("headers", (lines) => lines.push("Set-Cookie: from=server"));
wss.on("connection", (socket, request) => {
  assertOurs(socket);
  assert.equal(request.headers.origin, `http://127.0.0.1:${port}`);
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
const { window } = new JSDOM("", { url: `http://127.0.0.1:${port}/` });
const socket = new window.WebSocket(`ws://127.0.0.1:${port}/x`, ["a", "b"]);
const event = (type) => new Promise((resolve) => socket.addEventListener(type, resolve, { once: true }));
assert.equal(socket.readyState, 0);
await event("open");
assert.equal(socket.protocol, "a");
assert.equal(window.document.cookie, "from=server");
socket.send("text é");
assert.equal((await event("message")).data, "text é");
socket.binaryType = "arraybuffer";
socket.send(new window.Uint8Array([1, 2, 255]));
assert.deepEqual([...new Uint8Array((await event("message")).data)], [1, 2, 255]);
socket.binaryType = "blob";
socket.send(new window.Blob(["blob"]));
assert.equal((await event("message")).data.size, 4);
const closed = event("close");
socket.close(4321, "done");
const { code, reason, wasClean } = await closed;
assert.deepEqual([code, reason, wasClean], [4321, "done", true]);

const refused = new window.WebSocket("ws://127.0.0.1:1/");
await new Promise((resolve) => refused.addEventListener("error", resolve));
window.close();
await new Promise((resolve) => wss.close(resolve));
console.log("ok");
