/** Closing: close(), terminate(), peers that close, end or break the connection, at every point. */

import type { ServerOptions } from "ws";
import { closeBody } from "../../../support/frames.js";
import type { Socket } from "../implementation.js";
import { internals } from "../implementation.js";
import { type Script, type Stage, script } from "../stage.js";

const bothClosed = (stage: Stage) =>
  Promise.all([stage.until("client", "close"), stage.until("server", "close")]);

/** Arguments of close(): those that are good close the connection, after the others the script does. */
const ARGUMENTS: readonly (readonly [string, readonly unknown[]])[] = [
  ["nothing", []],
  ["undefined", [undefined]],
  ["1000", [1000]],
  ["1000 and a reason", [1000, "done é"]],
  ["1000 and an empty reason", [1000, ""]],
  ["1000 and a reason in a Buffer", [1000, Buffer.from("done")]],
  ["1000 and a reason in a Uint8Array", [1000, Uint8Array.of(65, 66)]],
  ["1000 and an array", [1000, [65, 66]]],
  ["1000 and a number", [1000, 5]],
  ["1000 and an object", [1000, {}]],
  ["1000 and null", [1000, null]],
  ["a reason alone", [undefined, "reason"]],
  ["the longest reason", [1000, "x".repeat(123)]],
  ["a reason that is too long", [1000, "x".repeat(124)]],
  ["a reason that is too long in UTF-8", [1000, "é".repeat(62)]],
  ["null", [null]],
  ["a string", ["1000"]],
  ["NaN", [Number.NaN]],
  ["1000.5", [1000.5]],
  ...[0, -1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000].map((code): [string, unknown[]] => [
    `${code}`,
    [code],
  ]),
  ...[1001, 1003, 1007, 1012, 1014, 3000, 4999].map((code): [string, unknown[]] => [
    `${code}, valid`,
    [code, "r"],
  ]),
];

const args: Script[] = ARGUMENTS.map(([name, values]) =>
  script(`close() with ${name}`, async (stage) => {
    const { client } = await stage.pair();
    stage.call("client", "close", () => (client.close as (...values: unknown[]) => void)(...values));
    stage.say("client", "state", client.readyState);
    if (client.readyState === client.OPEN) client.close(4000, "in the end");
    await bothClosed(stage);
  }),
);

/** Calls on a socket in a state, with and without a callback. */
function callAll(stage: Stage, lane: string, socket: Socket): void {
  for (const name of ["send", "ping", "pong"] as const) {
    stage.call(lane, name, () => socket[name]("abc"));
    stage.call(lane, name, () =>
      socket[name]("abcd", true as never, (error?: Error) => stage.say(lane, `${name} callback`, error)),
    );
    stage.call(lane, name, () => socket[name](undefined as never));
  }
  stage.call(lane, "send", () => socket.send(new Blob(["abc"]) as never));
  stage.say(lane, "buffered", socket.bufferedAmount);
  for (const name of ["pause", "resume", "close"] as const) stage.call(lane, name, () => socket[name]());
  stage.say(lane, "state", socket.readyState, socket.isPaused);
}

export const closing: readonly Script[] = [
  ...args,
  script("the server closes", async (stage) => {
    const { server } = await stage.pair();
    server.close(1001, "going");
    stage.say("server", "state", server.readyState);
    await bothClosed(stage);
  }),
  script("both close in the same turn", async (stage) => {
    const { server, client } = await stage.pair();
    server.close(4001, "server");
    client.close(4002, "client");
    await bothClosed(stage);
  }),
  script("close() twice, then terminate()", async (stage) => {
    const { client } = await stage.pair();
    client.close(4001, "first");
    client.close(4002, "second");
    stage.say("client", "state", client.readyState);
    await stage.until("server", "close");
    client.terminate();
    client.terminate();
    await bothClosed(stage);
  }),
  script("close() in message", async (stage) => {
    const { server, client } = await stage.pair();
    client.on("message", () => client.close(1000, "enough"));
    server.send("a");
    server.send("b");
    await bothClosed(stage);
  }),
  script("terminate() in message, another behind it in the chunk", async (stage) => {
    const { socket, peer } = stage.overDuplex();
    socket.on("message", () => socket.terminate());
    peer.send({ opcode: 1, payload: "a" }, { opcode: 1, payload: "b" });
    await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
  }),
  script("close() in message, another behind it in the chunk", async (stage) => {
    const { socket, peer } = stage.overDuplex();
    socket.on("message", () => socket.close(4000));
    peer.send(
      { opcode: 1, payload: "a" },
      { opcode: 1, payload: "b" },
      { opcode: 9 },
      { opcode: 8, payload: closeBody(4000) },
    );
    await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
  }),
  script("close() in close, terminate() in error", async (stage) => {
    const { socket, peer } = stage.overDuplex();
    socket.on("close", () => socket.close());
    socket.on("error", () => socket.terminate());
    peer.send({ opcode: 3 });
    await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
  }),
  script("close() in error", async (stage) => {
    const { socket, peer } = stage.overDuplex();
    socket.on("error", () => socket.close(4000));
    peer.send({ opcode: 3 });
    await stage.until("peer", "close");
    peer.stream.end();
    await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
  }),
  script("terminate()", async (stage) => {
    const { client } = await stage.pair();
    client.terminate();
    stage.say("client", "state", client.readyState);
    await bothClosed(stage);
  }),
  script("terminate() of the server", async (stage) => {
    const { server } = await stage.pair();
    server.terminate();
    stage.say("server", "state", server.readyState);
    await bothClosed(stage);
  }),
  script("messages that come after close() are delivered", async (stage) => {
    const { socket, peer } = stage.overDuplex();
    socket.close(1000);
    await stage.until("peer", "close");
    peer.send(
      { opcode: 1, payload: "still" },
      { opcode: 9, payload: "ping" },
      { opcode: 10, payload: "pong" },
    );
    await stage.until("socket", "pong");
    peer.send({ opcode: 8, payload: closeBody(4001, "other") });
    await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
  }),
  script("an error of the peer after close()", async (stage) => {
    const { socket, peer } = stage.overDuplex();
    socket.close(1000);
    await stage.until("peer", "close");
    peer.send({ opcode: 3 });
    await stage.until("socket", "error");
    peer.stream.end();
    await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
  }),
  script("the peer ends without a Close", async (stage) => {
    const { server, peer } = await stage.rawPair();
    peer.stream.end();
    await stage.until("server", "close");
    stage.say("server", "state", server.readyState);
  }),
  script("the server of a client ends without a Close", async (stage) => {
    const { client, peer } = await stage.rawClientPair();
    client.onclose = (event) => stage.say("client", "event", event);
    peer.stream.end();
    await stage.until("client", "event");
  }),
  script("the peer ends after a message", async (stage) => {
    const { peer } = await stage.rawPair();
    peer.send({ opcode: 1, payload: "last words" });
    peer.stream.end();
    await stage.until("server", "close");
  }),
  script("the peer ends after close()", async (stage) => {
    const { server, peer } = await stage.rawPair();
    server.close(1000, "x");
    await stage.until("peer", "close");
    peer.stream.end();
    await stage.until("server", "close");
  }),
  script("a server ends first after both Closes", async (stage) => {
    const { server, peer } = await stage.rawPair({}, { manual: true });
    server.close(1000, "x");
    await stage.until("peer", "close");
    peer.send({ opcode: 8, payload: closeBody(1000) });
    await stage.until("peer", "end");
    stage.say("server", "state", server.readyState);
    peer.stream.end();
    await Promise.all([stage.until("server", "close"), stage.until("peer", "gone")]);
  }),
  script("a client ends too after both Closes", async (stage) => {
    const { client, peer } = await stage.rawClientPair({}, [], Buffer.alloc(0), true);
    client.close(1000, "x");
    await stage.until("peer", "close");
    peer.send({ opcode: 8, payload: closeBody(1000) });
    await stage.until("peer", "end");
    stage.say("client", "state", client.readyState);
    peer.stream.end();
    await Promise.all([stage.until("client", "close"), stage.until("peer", "gone")]);
  }),
  script("close event: wasClean", async (stage) => {
    const { server, client } = await stage.pair();
    client.onclose = (event) => stage.say("client", "event", event);
    server.onclose = (event) => stage.say("server", "event", event);
    client.close(4567, "why");
    await Promise.all([stage.until("client", "event"), stage.until("server", "event")]);
  }),
  script("close event: terminate() is not clean", async (stage) => {
    const { server, client } = await stage.pair();
    client.onclose = (event) => stage.say("client", "event", event);
    server.onclose = (event) => stage.say("server", "event", event);
    client.terminate();
    await Promise.all([stage.until("client", "event"), stage.until("server", "event")]);
  }),
  script("closeTimeout, when the peer does not answer", async (stage) => {
    const { server } = await stage.rawPair({ closeTimeout: 1 } as ServerOptions);
    server.close(1000);
    await stage.until("server", "close");
  }),
  script("a socket destroyed with an error", async (stage) => {
    const { near } = stage.overDuplex();
    near.destroy(new Error("broken"));
    await stage.until("socket", "close");
  }),
  script("a socket destroyed without an error", async (stage) => {
    const { socket, near } = stage.overDuplex();
    near.destroy();
    stage.say("socket", "state", socket.readyState);
    await stage.until("socket", "close");
  }),
  script("a socket ended by the user", async (stage) => {
    const { server } = await stage.pair();
    internals(server)._socket?.end();
    await bothClosed(stage);
  }),
  script("writes that fail: callbacks and events", async (stage) => {
    const { socket, near } = stage.overDuplex();
    near._write = (_chunk, _encoding, done) => setImmediate(done, new Error("cannot write"));
    socket.send("a", (error) => stage.say("socket", "sent a", error));
    socket.send("b", (error) => stage.say("socket", "sent b", error));
    await Promise.all([stage.until("socket", "close"), stage.until("socket", "sent b")]);
  }),
  script("callbacks of messages that were not written when it is terminated", async (stage) => {
    const { socket, near } = stage.overDuplex();
    near.hold();
    for (const name of ["a", "b", "c"])
      socket.send(name, (error) => stage.say("socket", `sent ${name}`, error));
    stage.say("socket", "buffered", socket.bufferedAmount);
    socket.terminate();
    await Promise.all([stage.until("socket", "close"), stage.until("socket", "sent c")]);
  }),
  script("calls while closing", async (stage) => {
    const { socket, peer } = stage.overDuplex();
    socket.close(1000);
    callAll(stage, "socket", socket);
    await stage.until("peer", "close");
    peer.send({ opcode: 8, payload: closeBody(1000) });
    await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
  }),
  script("calls when closed", async (stage) => {
    const { socket, peer } = stage.overDuplex();
    socket.close(1000);
    await stage.until("peer", "close");
    peer.send({ opcode: 8, payload: closeBody(1000) });
    await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
    callAll(stage, "socket", socket);
    await stage.until("socket", "pong callback");
  }),
  script("calls in close", async (stage) => {
    const { client } = await stage.pair();
    client.on("close", () => callAll(stage, "client", client));
    client.close();
    await Promise.all([bothClosed(stage), stage.until("client", "pong callback")]);
  }),
  script("messages before close() are all sent", async (stage) => {
    const { client } = await stage.pair();
    for (let i = 0; i < 50; i++) client.send(Buffer.alloc(1000, i));
    client.close(1000, "all sent");
    await bothClosed(stage);
  }),
  script("an echo that answers until the end", async (stage) => {
    const { server, client } = await stage.pair();
    server.on("message", (data) => server.send(data));
    client.on("message", () => client.close(1000));
    client.send("echo");
    await bothClosed(stage);
  }),
  script("a listener of error that is missing", async (stage) => {
    stage.captureUncaught();
    const { socket, peer } = stage.overDuplex();
    socket.removeAllListeners("error");
    peer.send({ opcode: 3 });
    await stage.until("peer", "close");
    peer.stream.end();
    await stage.until("socket", "close");
  }),
  ...(["message", "close", "ping", "pong", "error"] as const).map((name) =>
    script(`a listener of ${name} that throws`, async (stage) => {
      stage.captureUncaught();
      const { server, peer } = await stage.rawPair();
      server.on(name, () => {
        throw new Error(`in ${name}`);
      });
      peer.send({ opcode: 1, payload: "a" });
      peer.send({ opcode: 9, payload: "b" });
      peer.send({ opcode: 10, payload: "c" });
      await Promise.race([stage.until("server", "pong"), stage.until("process", "uncaught")]);
      // In ws a connection whose listener threw reads no more: its next events differ on purpose.
      if (name === "error") peer.send({ opcode: 3 });
      else if (name === "close") peer.send({ opcode: 8, payload: closeBody(1000) });
      await stage.until("process", "uncaught");
    }),
  ),
  script("no event behind close", async (stage) => {
    const { peer, near } = stage.overDuplex();
    peer.send({ opcode: 1, payload: "a" }, { opcode: 8, payload: closeBody(1000) });
    await stage.until("socket", "close");
    near.emit("data", Buffer.from("late"));
    await stage.turns();
    stage.say(
      "socket",
      "listeners",
      near.listenerCount("data"),
      near.listenerCount("close"),
      near.listenerCount("end"),
    );
  }),
];
