/** Sockets over a Duplex that is not a net.Socket, on both sides, as fastify's injectWS and tests make them. */

import type { ServerOptions } from "ws";
import { closeBody } from "../../../support/frames.js";
import { End } from "../duplex.js";
import { internals } from "../implementation.js";
import { MASK, RawPeer } from "../peer.js";
import { type Script, type Stage, script } from "../stage.js";

async function upgraded(stage: Stage, options: ServerOptions = {}, headers = {}, head = Buffer.alloc(0)) {
  const [near, far] = End.pair();
  const peer = new RawPeer(stage.journal, "peer", far, { head: true, key: MASK });
  const { wss } = await stage.serve({ noServer: true, ...options });
  wss.handleUpgrade(stage.incoming(near, headers), near as never, head, (socket, request) => {
    void wss.emit("connection", socket, request);
  });
  return { wss, peer, near, far };
}

export const duplexes: readonly Script[] = [
  script("duplex: handleUpgrade", async (stage) => {
    const { wss, peer } = await upgraded(
      stage,
      { perMessageDeflate: true },
      { "sec-websocket-protocol": "a, b" },
    );
    const [server] = wss.clients;
    stage.say("server", "chose", server.protocol, server.extensions);
    peer.send({ opcode: 1, payload: "hello" });
    await stage.until("server", "message");
    server.send("back");
    peer.send({ opcode: 8, payload: closeBody(1000) });
    await Promise.all([stage.until("server", "close"), stage.until("peer", "gone")]);
  }),
  script("duplex: handleUpgrade refuses", async (stage) => {
    await upgraded(stage, {}, { "sec-websocket-key": "bad" });
    await stage.until("peer", "gone");
  }),
  script("duplex: handleUpgrade with a head", async (stage) => {
    const { peer } = await upgraded(stage, {}, {}, Buffer.from("818101020304", "hex"));
    peer.write(Uint8Array.of(0x60));
    await stage.until("server", "message");
    peer.stream.end();
    await stage.until("server", "close");
  }),
  script("duplex: a client and a server of the implementation", async (stage) => {
    const [near, far] = End.pair();
    for (const end of [near, far]) end.on("error", () => {});
    const all = { autoPong: true, allowSynchronousEvents: true, maxPayload: 0, closeTimeout: 30_000 };
    const server = stage.watch("server", new stage.impl.WebSocket(null as never, undefined, all as never));
    const client = stage.watch(
      "client",
      new stage.impl.WebSocket(null as never, undefined, { ...all, isServer: false } as never),
    );
    internals(client)._isServer = false;
    internals(server).setSocket(near, Buffer.alloc(0), all);
    internals(client).setSocket(far, Buffer.alloc(0), all);
    client.send("there");
    server.send(Buffer.from("back"));
    client.ping("p");
    await Promise.all([
      stage.until("server", "message"),
      stage.until("client", "message"),
      stage.until("client", "pong"),
    ]);
    client.close(4000, "done");
    await Promise.all([stage.until("server", "close"), stage.until("client", "close")]);
  }),
  script("duplex: a client masks, refuses masked frames", async (stage) => {
    const { socket, peer } = stage.overDuplex({}, { isServer: false });
    socket.send("masked");
    await stage.until("peer", "text");
    peer.send({ opcode: 1, payload: "x", key: MASK });
    await stage.until("peer", "close");
    peer.stream.end();
    await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
  }),
  script("duplex: manual end of the peer", async (stage) => {
    const { socket, peer } = stage.overDuplex({}, { manual: true });
    socket.close(1000);
    await stage.until("peer", "close");
    peer.send({ opcode: 8, payload: closeBody(1000) });
    await stage.until("peer", "end");
    stage.say("socket", "state", socket.readyState);
    peer.stream.end();
    await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
  }),
  script("duplex: setSocket with the options of fastify's injectWS", async (stage) => {
    const [near, far] = End.pair();
    for (const end of [near, far]) end.on("error", () => {});
    const peer = new RawPeer(stage.journal, "peer", far, { head: false });
    const socket = stage.watch(
      "socket",
      new stage.impl.WebSocket(null as never, undefined, { isServer: false } as never),
    );
    internals(socket)._isServer = false;
    internals(socket).setSocket(near, Buffer.alloc(0), { maxPayload: 0 });
    peer.send({ opcode: 1, payload: "x" }, { opcode: 9, payload: "not answered" });
    await stage.until("socket", "ping");
    socket.send("y");
    await stage.until("peer", "text");
    socket.terminate();
    await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
  }),
  script("duplex: listeners that setSocket adds", (stage) => {
    const { near } = stage.overDuplex();
    for (const name of ["data", "end", "close", "error"])
      stage.say("near", name, near.listenerCount(name) > 0);
    near.destroy();
  }),
];
