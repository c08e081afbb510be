/**
 * The path of a message through a connection without the system's calls: a chunk arrives, the handler gets its messages
 * and sends them back, and one write takes what it sent. ws with the same chunks and the same kind of handler beside it.
 */

import type { IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import { type Connection, createConnection } from "../../dist/index.js";
import { type Contest, check, type Field, type Rival } from "./harness.js";
import { createRandom, payloads, readFrames, writeFrame } from "./payloads.js";
import { formatSize } from "./report.js";
import { Wire } from "./wire.js";

const PEER = "ws";
/** Messages of one sample, about. */
const SAMPLE_MESSAGES = 640;

/** Payload sizes by the number of messages in a chunk. */
const SHAPES = [
  { kind: "binary", inChunk: 32, sizes: [16, 128] },
  { kind: "ascii", inChunk: 32, sizes: [16, 1024] },
  { kind: "binary", inChunk: 1, sizes: [16, 128, 16_384] },
  { kind: "ascii", inChunk: 1, sizes: [16, 1024] },
] as const;

export async function* pathContests(field: Field): AsyncGenerator<Contest> {
  if (field === "others") return;
  for (const { kind, inChunk, sizes } of SHAPES) {
    for (const size of sizes) {
      const random = createRandom(size);
      const count = SAMPLE_MESSAGES / inChunk;
      const messages = payloads(kind, size, SAMPLE_MESSAGES);
      const frames = messages.map((message) => {
        const key = Buffer.alloc(4);
        key.writeInt32LE(random() | 1);
        return writeFrame(message, key);
      });
      const chunks = Array.from({ length: count }, (_, i) =>
        Buffer.concat(frames.slice(i * inChunk, (i + 1) * inChunk)),
      );
      const rivals = [
        hawserRival("hawser", chunks, false),
        hawserRival("hawser, borrow", chunks, true),
        wsRival(chunks),
      ];
      for (const { rival, wire } of rivals) {
        await verify(`${kind}, ${formatSize(size)}`, rival, wire, messages);
      }
      yield {
        suite: "path",
        table: `a connection's whole path, ${kind === "binary" ? "binary" : "ASCII text"}, ${inChunk} in a chunk`,
        size,
        operations: messages.length,
        peer: PEER,
        rivals: rivals.map(({ rival }) => rival),
      };
    }
  }
}

interface Wired {
  readonly rival: Rival;
  readonly wire: Wire;
}

function rivalOn(name: string, wire: Wire, chunks: readonly Buffer[]): Wired {
  return { wire, rival: { name, isAsync: true, run: () => wire.deliverAll(chunks) } };
}

/** Text comes and goes as strings. */
function hawserRival(name: string, chunks: readonly Buffer[], borrow: boolean): Wired {
  const wire = new Wire();
  createConnection(wire.socket, {
    // The whole chunk is handled in one turn, as by the others.
    maxTurnMs: Infinity,
    maxTurnSize: Infinity,
    role: "server",
    borrow,
    pingIntervalMs: 0,
    message(connection: Connection, message) {
      connection.send(message.data);
    },
    error(_connection, error) {
      throw error;
    },
  });
  return rivalOn(name, wire, chunks);
}

function wsRival(chunks: readonly Buffer[]): Wired {
  const wire = new Wire();
  process.env.WS_NO_BUFFER_UTIL = "1";
  const { WebSocketServer }: typeof import("ws") = createRequire(import.meta.url)("ws");
  const server = new WebSocketServer({ noServer: true });
  const headers = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
  };
  const request = { method: "GET", url: "/", headers } as unknown as IncomingMessage;
  server.handleUpgrade(request, wire.socket, Buffer.alloc(0), (socket) => {
    socket.on("message", (data: Buffer, isBinary) => {
      socket.send(isBinary ? data : data.toString());
    });
  });
  return rivalOn(PEER, wire, chunks);
}

async function verify(
  contest: string,
  rival: Rival,
  wire: Wire,
  expected: readonly (string | Buffer)[],
): Promise<void> {
  const kept: Buffer[] = [];
  wire.onWrite = (written) => {
    for (const bytes of written) kept.push(Buffer.from(bytes));
  };
  await rival.run();
  wire.onWrite = () => {};
  check(contest, rival.name, readFrames(Buffer.concat(kept)), expected);
}
