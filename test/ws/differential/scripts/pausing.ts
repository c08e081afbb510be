/** pause(), resume(), and data that waits to be sent. */

import { closeBody } from "../../../support/frames.js";
import { type Script, script } from "../stage.js";

export const pausing: readonly Script[] = [
  script("pause() holds messages, resume() lets them come", async (stage) => {
    const { socket, peer } = stage.overDuplex();
    socket.pause();
    stage.say("socket", "paused", socket.isPaused);
    peer.send({ opcode: 1, payload: "a" });
    await stage.turns();
    stage.say("socket", "resume");
    socket.resume();
    stage.say("socket", "paused", socket.isPaused);
    await stage.until("socket", "message");
    socket.terminate();
    await stage.until("socket", "close");
  }),
  script("pause() over TCP", async (stage) => {
    const { server, client } = await stage.pair();
    client.pause();
    stage.say("client", "paused", client.isPaused);
    server.send("a", () => stage.say("server", "sent"));
    await stage.until("server", "sent");
    await stage.turns();
    stage.say("client", "resume");
    client.resume();
    await stage.until("client", "message");
    client.close();
    await Promise.all([stage.until("client", "close"), stage.until("server", "close")]);
  }),
  script("pause() in message, another behind it in the chunk", async (stage) => {
    const { socket, peer } = stage.overDuplex();
    socket.once("message", () => {
      socket.pause();
      stage.say("socket", "pause");
    });
    peer.send({ opcode: 1, payload: "a" }, { opcode: 1, payload: "b" }, { opcode: 9, payload: "c" });
    await stage.turns();
    peer.send({ opcode: 1, payload: "d" });
    await stage.turns();
    stage.say("socket", "resume");
    socket.resume();
    await stage.until("socket", "message", 3);
    socket.terminate();
    await stage.until("socket", "close");
  }),
  script("pause() twice, resume() once; resume() alone", async (stage) => {
    const { socket, peer } = stage.overDuplex();
    socket.resume();
    socket.pause();
    socket.pause();
    socket.resume();
    stage.say("socket", "paused", socket.isPaused);
    peer.send({ opcode: 1, payload: "a" });
    await stage.until("socket", "message");
    socket.terminate();
    await stage.until("socket", "close");
  }),
  script("close() while paused", async (stage) => {
    const { socket, peer } = stage.overDuplex();
    socket.pause();
    peer.send({ opcode: 1, payload: "held" });
    socket.close(1000);
    await stage.until("peer", "close");
    peer.send({ opcode: 8, payload: closeBody(1000) });
    await stage.turns();
    stage.say("socket", "resume", socket.readyState, socket.isPaused);
    socket.resume();
    await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
  }),
  script("terminate() while paused delivers what came", async (stage) => {
    const { socket, peer } = stage.overDuplex();
    socket.pause();
    peer.send({ opcode: 1, payload: "held" });
    await stage.turns();
    socket.terminate();
    await stage.until("socket", "close");
    stage.say("socket", "paused", socket.isPaused);
  }),
  script("the peer ends while paused", async (stage) => {
    const { socket, peer } = stage.overDuplex();
    socket.pause();
    peer.send({ opcode: 1, payload: "held" });
    peer.stream.end();
    await stage.turns();
    stage.say("socket", "resume", socket.readyState);
    socket.resume();
    await stage.until("socket", "close");
  }),
  script("bufferedAmount while nothing is read", async (stage) => {
    const { socket, near } = stage.overDuplex();
    near.hold();
    for (let i = 0; i < 3; i++) {
      socket.send(Buffer.alloc(100), (error) => stage.say("socket", "sent", error, socket.bufferedAmount));
      stage.say("socket", "buffered", socket.bufferedAmount);
    }
    socket.ping("abc");
    stage.say("socket", "buffered", socket.bufferedAmount);
    await stage.turns();
    stage.say("socket", "buffered", socket.bufferedAmount);
    near.release();
    stage.say("socket", "released", socket.bufferedAmount);
    await stage.until("socket", "sent", 3);
    stage.say("socket", "buffered", socket.bufferedAmount);
    socket.terminate();
    await stage.until("socket", "close");
  }),
  script("bufferedAmount of small messages over TCP", async (stage) => {
    const { client } = await stage.pair();
    client.send("abc", () => stage.say("client", "sent", client.bufferedAmount));
    stage.say("client", "buffered", client.bufferedAmount);
    await stage.until("client", "sent");
    client.close();
    await Promise.all([stage.until("client", "close"), stage.until("server", "close")]);
    stage.say("client", "buffered", client.bufferedAmount);
  }),
  script("bufferedAmount grows when the peer does not read", async (stage) => {
    const { server, peer } = await stage.rawPair();
    peer.stream.pause();
    const piece = Buffer.alloc(1 << 20);
    for (let i = 0; i < 16; i++) server.send(piece, () => stage.say("server", "sent"));
    stage.say("server", "grows", server.bufferedAmount > 1 << 20);
    peer.stream.resume();
    await stage.until("server", "sent", 16);
    stage.say("server", "buffered", server.bufferedAmount);
    peer.stream.end();
    await stage.until("server", "close");
  }),
  script("bufferedAmount after terminate()", async (stage) => {
    const { socket, near } = stage.overDuplex();
    near.hold();
    socket.send("abc");
    socket.terminate();
    socket.send("defg");
    stage.say("socket", "buffered", socket.bufferedAmount);
    await stage.until("socket", "close");
    stage.say("socket", "buffered", socket.bufferedAmount);
  }),
];
