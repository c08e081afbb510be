/** createWebSocketStream. */

import { once } from "node:events";
import type { Duplex, DuplexOptions } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Socket } from "../implementation.js";
import { type Script, type Stage, script } from "../stage.js";

const EVENTS = ["end", "finish", "error", "close", "pause", "resume"];

function stream(stage: Stage, lane: string, socket: Socket, options?: DuplexOptions): Duplex {
  const duplex = stage.impl.createWebSocketStream(socket, options);
  for (const name of EVENTS) {
    duplex.on(name, (...values) => stage.say(lane, `stream-${name}`, ...values));
  }
  return duplex;
}

const bothClosed = (stage: Stage) =>
  Promise.all([stage.until("client", "close"), stage.until("server", "close")]);

export const streams: readonly Script[] = [
  script("stream: echo", async (stage) => {
    const { server, client } = await stage.pair();
    const theirs = stage.impl.createWebSocketStream(server);
    theirs.pipe(theirs);
    const ours = stream(stage, "client", client);
    ours.on("data", (data) => stage.say("client", "data", data));
    ours.write("hello");
    await stage.until("client", "data");
    ours.end("bye");
    await Promise.all([bothClosed(stage), stage.until("client", "stream-close")]);
  }),
  script("stream: before the client opens", async (stage) => {
    const { url } = await stage.serve();
    const client = stage.connect(url);
    const ours = stream(stage, "client", client);
    ours.write("early");
    ours.end();
    ours.resume();
    await Promise.all([bothClosed(stage), stage.until("client", "stream-close")]);
  }),
  script("stream: the opening fails", async (stage) => {
    const { url } = await stage.rawServer((peer) => peer.stream.end("HTTP/1.1 500 No\r\n\r\n"));
    const ours = stream(stage, "client", stage.connect(url));
    ours.write("early");
    await Promise.all([stage.until("client", "close"), stage.until("client", "stream-close")]);
  }),
  ...(
    [
      ["as it is", {}],
      ["readableObjectMode", { readableObjectMode: true }],
      ["objectMode is ignored", { objectMode: true, writableObjectMode: true }],
      ["an encoding", { encoding: "utf8" }],
      ["decodeStrings false", { decodeStrings: false }],
    ] as const
  ).map(([name, options]) =>
    script(`stream: what it reads and writes: ${name}`, async (stage) => {
      const { server, client } = await stage.pair();
      const ours = stream(stage, "client", client, options as DuplexOptions);
      ours.on("data", (data) => stage.say("client", "data", data));
      server.send("text é");
      server.send(Buffer.from("binary"));
      await stage.until("client", "data", 2);
      ours.write("text é");
      ours.write(Buffer.from("binary"));
      await stage.until("server", "message", 2);
      ours.end();
      await Promise.all([bothClosed(stage), stage.until("client", "stream-close")]);
    }),
  ),
  script("stream: the peer closes", async (stage) => {
    const { server, client } = await stage.pair();
    const ours = stream(stage, "client", client);
    ours.on("data", (data) => stage.say("client", "data", data));
    server.send("last");
    server.close(4000, "x");
    await stage.until("client", "stream-end");
    ours.end();
    await Promise.all([bothClosed(stage), stage.until("client", "stream-close")]);
  }),
  script("stream: the peer terminates", async (stage) => {
    const { server, client } = await stage.pair();
    const ours = stream(stage, "client", client);
    ours.resume();
    server.terminate();
    await stage.until("client", "stream-end");
    ours.end();
    await Promise.all([bothClosed(stage), stage.until("client", "stream-close")]);
  }),
  script("stream: destroy()", async (stage) => {
    const { client } = await stage.pair();
    const ours = stream(stage, "client", client);
    ours.destroy();
    await Promise.all([bothClosed(stage), stage.until("client", "stream-close")]);
  }),
  script("stream: destroy() with an error", async (stage) => {
    const { client } = await stage.pair();
    const ours = stream(stage, "client", client);
    ours.destroy(new Error("mine"));
    await Promise.all([bothClosed(stage), stage.until("client", "stream-close")]);
  }),
  script("stream: destroy() when closed", async (stage) => {
    const { client } = await stage.pair();
    const ours = stream(stage, "client", client);
    client.terminate();
    await bothClosed(stage);
    ours.destroy();
    await stage.until("client", "stream-close");
  }),
  script("stream: destroy() while it connects", async (stage) => {
    const { url } = await stage.rawServer(() => stage.say("peer", "asked"));
    const ours = stream(stage, "client", stage.connect(url));
    await stage.until("peer", "asked");
    ours.destroy();
    await Promise.all([stage.until("client", "close"), stage.until("client", "stream-close")]);
  }),
  script("stream: a bad frame", async (stage) => {
    const { client, peer } = await stage.rawClientPair();
    stream(stage, "client", client).resume();
    peer.send({ opcode: 1, payload: "good" }, { opcode: 3 });
    await stage.until("peer", "close");
    peer.stream.end();
    await Promise.all([stage.until("client", "close"), stage.until("client", "stream-close")]);
  }),
  script("stream: an error without a listener of the stream reaches the process", async (stage) => {
    stage.captureUncaught();
    const { client, peer } = await stage.rawClientPair();
    stage.impl.createWebSocketStream(client).resume();
    peer.send({ opcode: 3 });
    await stage.until("process", "uncaught");
    peer.stream.end();
    await stage.until("client", "close");
  }),
  script("stream: a reader that is slow pauses the socket", async (stage) => {
    const { server, client } = await stage.pair();
    const ours = stage.impl.createWebSocketStream(client, { readableHighWaterMark: 10 });
    server.send("x".repeat(20));
    await stage.until("client", "message");
    stage.say("client", "paused", client.isPaused);
    stage.say("client", "read", ours.read() as unknown);
    stage.say("client", "paused", client.isPaused);
    server.send("y");
    await stage.until("client", "message", 2);
    ours.destroy();
    await bothClosed(stage);
  }),
  script("stream: callbacks of write", async (stage) => {
    const { client } = await stage.pair();
    const ours = stream(stage, "client", client);
    for (const text of ["a", "b", "c"])
      ours.write(text, (error) => stage.say("client", `wrote ${text}`, error));
    await stage.until("client", "wrote c");
    client.terminate();
    ours.write("d", (error) => stage.say("client", "wrote d", error));
    await Promise.all([stage.until("client", "wrote d"), bothClosed(stage)]);
  }),
  script("stream: a pipeline of a megabyte", async (stage) => {
    const { server, client } = await stage.pair();
    let got = 0;
    server.removeAllListeners("message");
    server.on("message", (data: Buffer) => {
      got += data.length;
    });
    async function* source() {
      for (let i = 0; i < 64; i++) yield Buffer.alloc(16_384, i);
    }
    await pipeline(source, stage.impl.createWebSocketStream(client).resume());
    await bothClosed(stage);
    stage.say("server", "got", got);
  }),
  script("stream: for await", async (stage) => {
    const { server, client } = await stage.pair();
    const ours = stage.impl.createWebSocketStream(client, { encoding: "utf8", readableObjectMode: true });
    server.send("a");
    server.send("b");
    server.close();
    for await (const text of ours) stage.say("client", "text", text);
    await bothClosed(stage);
  }),
  script("stream: end() while the peer does not answer", async (stage) => {
    const { socket, peer } = stage.overDuplex();
    const ours = stream(stage, "socket", socket);
    ours.resume();
    ours.end();
    await stage.until("peer", "close");
    stage.say("socket", "state", socket.readyState, ours.destroyed, ours.writableFinished);
    peer.send({ opcode: 8 });
    await Promise.all([stage.until("socket", "close"), stage.until("socket", "stream-close")]);
  }),
  script("stream: attributes", async (stage) => {
    const { client } = await stage.pair();
    const ours = stage.impl.createWebSocketStream(client, { highWaterMark: 77 });
    stage.say("client", "marks", ours.readableHighWaterMark, ours.writableHighWaterMark);
    stage.say("client", "modes", ours.readableObjectMode, ours.writableObjectMode, ours.allowHalfOpen);
    ours.destroy();
    await Promise.all([bothClosed(stage), once(ours, "close")]);
  }),
];
