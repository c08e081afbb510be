/**
 * A peer in a process of its own, which can be killed and stopped. It speaks WebSocket by hand, goes to the given state,
 * prints "ready", and stays there: `node peer-process.mjs client PORT STATE`, `node peer-process.mjs server STATE`.
 */

import { createHash } from "node:crypto";
import net from "node:net";

const [role, ...rest] = process.argv.slice(2);
const state = rest.at(-1);
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const REQUEST =
  "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n`;

/** Frames of this side: a client's are masked, with a key of zeros. */
function frame(first, payload = "") {
  const bytes = Buffer.from(payload);
  const header = role === "client" ? [first, 0x80 | bytes.length, 0, 0, 0, 0] : [first, bytes.length];
  return Buffer.concat([Buffer.from(header), bytes]);
}

function ready() {
  process.stdout.write("ready\n");
}

/** Goes to the state, once the connection is open. */
function opened(socket) {
  const begun = {
    open: () => Buffer.alloc(0),
    "mid-header": () => frame(0x81, "Hello").subarray(0, 1),
    "mid-payload": () => frame(0x81, "Hello").subarray(0, -2),
    "mid-message": () => frame(0x01, "Hello"),
    "mid-close": () => frame(0x88, "\x03\xe8").subarray(0, -1),
    "not reading": () => Buffer.alloc(0),
    answers: () => Buffer.alloc(0),
  }[state];
  if (state === "not reading") socket.pause();
  else socket.on("data", (chunk) => state === "answers" && answer(socket, chunk));
  socket.write(Buffer.concat([frame(0x82, "!"), begun()]), ready);
}

/** Answers Pings, which come one by one and without a payload. */
function answer(socket, chunk) {
  for (let i = 0; i + 1 < chunk.length; i++) if (chunk[i] === 0x89) socket.write(frame(0x8a));
}

function readHead(socket, then) {
  let head = "";
  const read = (chunk) => {
    head += chunk.toString("latin1");
    if (!head.includes("\r\n\r\n")) return;
    socket.removeListener("data", read);
    then(head);
  };
  socket.on("data", read);
}

function client(port) {
  const socket = net.connect(port, "127.0.0.1", () => {
    if (state === "connected") return ready();
    if (state === "mid-request") return socket.write(REQUEST.slice(0, 60), ready);
    socket.write(REQUEST);
    readHead(socket, () => opened(socket));
  });
  socket.on("error", () => process.exit());
}

function server() {
  const listening = net.createServer((socket) => {
    socket.on("error", () => process.exit());
    if (state === "accepted") return ready();
    readHead(socket, (head) => {
      const key = /sec-websocket-key: (.*)\r\n/i.exec(head)[1];
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      const response =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${accept}\r\n\r\n`;
      if (state === "mid-response") return socket.write(response.slice(0, 60), ready);
      socket.write(response);
      opened(socket);
    });
  });
  listening.listen(0, "127.0.0.1", () => process.stdout.write(`port ${listening.address().port}\n`));
}

if (role === "client") client(Number(rest[0]));
else server();
// The process ends even if the test does not kill it.
setTimeout(() => process.exit(), 60_000);
