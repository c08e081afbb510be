/** When events and callbacks come, told in ticks, microtasks and turns of the event loop. */

import { closeBody } from "../../../support/frames.js";
import type { Socket } from "../implementation.js";
import { internals } from "../implementation.js";
import { bytesOf, type Frame, MASK } from "../peer.js";
import { type Script, type Stage, script } from "../stage.js";

/** Logs when the three queues are served that come behind this moment. */
function mark(stage: Stage, lane: string, name: unknown): void {
  process.nextTick(() => stage.say(lane, "tick behind", name));
  queueMicrotask(() => stage.say(lane, "microtask behind", name));
  setImmediate(() => stage.say(lane, "turn behind", name));
}

function markAll(stage: Stage, lane: string, socket: Socket): void {
  for (const name of ["message", "ping", "pong", "error", "close"])
    socket.on(name, () => mark(stage, lane, name));
}

const text = (payload: string): Frame => ({ opcode: 1, payload });
const CHUNK: readonly Frame[] = [
  text("a"),
  { opcode: 9, payload: "b" },
  text("c"),
  { opcode: 10 },
  { opcode: 2, payload: "d" },
];

export const timing: readonly Script[] = [
  ...[true, false].flatMap((allowSynchronousEvents) => [
    script(`timing: frames of one chunk, allowSynchronousEvents ${allowSynchronousEvents}`, async (stage) => {
      const { socket, peer } = stage.overDuplex({ allowSynchronousEvents });
      markAll(stage, "socket", socket);
      peer.send(...CHUNK);
      await stage.until("socket", "turn behind", 5);
      socket.terminate();
      await stage.until("socket", "turn behind", 6);
    }),
    script(
      `timing: frames of one chunk and a Close, allowSynchronousEvents ${allowSynchronousEvents}`,
      async (stage) => {
        const { socket, peer } = stage.overDuplex({ allowSynchronousEvents });
        markAll(stage, "socket", socket);
        peer.send(...CHUNK, { opcode: 8, payload: closeBody(4000) });
        await stage.until("socket", "turn behind", 6);
      },
    ),
    script(
      `timing: frames of one chunk and an error, allowSynchronousEvents ${allowSynchronousEvents}`,
      async (stage) => {
        const { socket, peer } = stage.overDuplex({ allowSynchronousEvents });
        markAll(stage, "socket", socket);
        peer.send(...CHUNK, { opcode: 3 });
        await stage.until("socket", "turn behind", 6);
        socket.terminate();
        await stage.until("socket", "turn behind", 7);
      },
    ),
    script(`timing: close() in message, allowSynchronousEvents ${allowSynchronousEvents}`, async (stage) => {
      const { socket, peer } = stage.overDuplex({ allowSynchronousEvents });
      socket.on("message", () => socket.close(4000));
      peer.send(text("a"), text("b"), { opcode: 8 });
      await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
    }),
    script(
      `timing: terminate() in message, allowSynchronousEvents ${allowSynchronousEvents}`,
      async (stage) => {
        const { socket, peer } = stage.overDuplex({ allowSynchronousEvents });
        socket.on("message", () => socket.terminate());
        peer.send(text("a"), text("b"), { opcode: 8 });
        await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
      },
    ),
    script(`timing: pause() in message, allowSynchronousEvents ${allowSynchronousEvents}`, async (stage) => {
      const { socket, peer } = stage.overDuplex({ allowSynchronousEvents });
      socket.once("message", () => socket.pause());
      peer.send(text("a"), text("b"));
      await stage.turns();
      peer.send(text("c"));
      await stage.turns();
      stage.say("socket", "resume");
      socket.resume();
      await stage.until("socket", "message", 3);
      socket.terminate();
      await stage.until("socket", "close");
    }),
    script(
      `timing: the peer ends behind messages, allowSynchronousEvents ${allowSynchronousEvents}`,
      async (stage) => {
        const { peer } = stage.overDuplex({ allowSynchronousEvents });
        peer.send(text("a"), text("b"), text("c"));
        peer.stream.end();
        await stage.until("socket", "close");
      },
    ),
  ]),
  script("timing: frames of one chunk over TCP", async (stage) => {
    const { server, peer } = await stage.rawPair();
    markAll(stage, "server", server);
    peer.send(...CHUNK);
    await stage.until("server", "turn behind", 5);
    peer.stream.end();
    await stage.until("server", "turn behind", 6);
  }),
  script("timing: callbacks of send()", async (stage) => {
    const { socket } = stage.overDuplex();
    for (const name of ["a", "b"]) {
      socket.send(name, () => stage.say("socket", "sent", name));
      mark(stage, "socket", name);
    }
    stage.say("socket", "returned");
    await stage.until("socket", "turn behind", 2);
    socket.terminate();
    await stage.until("socket", "close");
  }),
  script("timing: callbacks of send() in message", async (stage) => {
    const { socket, peer } = stage.overDuplex();
    socket.on("message", (data) => {
      socket.send(data, () => stage.say("socket", "sent", data));
      mark(stage, "socket", data);
    });
    peer.send(text("a"), text("b"));
    await stage.until("socket", "turn behind", 2);
    socket.terminate();
    await stage.until("socket", "close");
  }),
  script("timing: callbacks of send() over TCP", async (stage) => {
    const { client } = await stage.pair();
    for (const name of ["a", "b"]) {
      client.send(name, () => stage.say("client", "sent", name));
      mark(stage, "client", name);
    }
    stage.say("client", "returned");
    await Promise.all([stage.until("client", "turn behind", 2), stage.until("client", "sent", 2)]);
    client.close();
    await Promise.all([stage.until("client", "close"), stage.until("server", "close")]);
  }),
  script("timing: callbacks of send() when closing", async (stage) => {
    const { socket } = stage.overDuplex();
    socket.close(1000);
    socket.send("late", (error) => stage.say("socket", "sent", error));
    mark(stage, "socket", "send");
    await stage.until("socket", "turn behind");
    socket.terminate();
    await stage.until("socket", "close");
  }),
  script("timing: terminate() and close", async (stage) => {
    const { socket } = stage.overDuplex();
    socket.terminate();
    stage.say("socket", "state", socket.readyState);
    mark(stage, "socket", "terminate");
    await Promise.all([stage.until("socket", "close"), stage.until("socket", "turn behind")]);
  }),
  script("timing: setSocket() emits open at once, head comes later", async (stage) => {
    const head = Buffer.concat([bytesOf(text("in head"), MASK), bytesOf({ opcode: 9 }, MASK)]);
    const { socket } = stage.overDuplex({}, { head });
    stage.say("socket", "returned", socket.readyState);
    mark(stage, "socket", "setSocket");
    await Promise.all([stage.until("socket", "ping"), stage.until("socket", "turn behind")]);
    socket.terminate();
    await stage.until("socket", "close");
  }),
  script("timing: a bad frame in head is reported to listeners added later in the turn", async (stage) => {
    const { socket, peer } = stage.overDuplex({}, { head: bytesOf({ opcode: 3 }, MASK) });
    stage.say("socket", "returned", socket.readyState);
    await stage.until("peer", "close");
    peer.stream.end();
    await stage.until("socket", "close");
  }),
  script("timing: when bytes go out", async (stage) => {
    const { socket, near } = stage.overDuplex();
    const write = near._write.bind(near);
    near._write = (chunk, encoding, done) => {
      stage.say("socket", "written", Buffer.from(chunk as Buffer).length > 0);
      write(chunk, encoding, done);
    };
    socket.send("a");
    stage.say("socket", "sent a");
    process.nextTick(() => stage.say("socket", "tick"));
    setImmediate(() => stage.say("socket", "turn"));
    await stage.until("socket", "turn");
    socket.terminate();
    await stage.until("socket", "close");
  }),
  script("timing: a message sent before terminate()", async (stage) => {
    const { socket } = stage.overDuplex();
    socket.send("a", (error) => stage.say("socket", "sent", error));
    socket.terminate();
    await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
  }),
  script("timing: a message sent before the socket is destroyed", async (stage) => {
    const { server, client } = await stage.pair();
    server.send("last words");
    internals(server)._socket?.destroy();
    await Promise.all([stage.until("client", "close"), stage.until("server", "close")]);
    stage.say("client", "state", client.readyState);
  }),
  script("timing: a message sent before _socket.end()", async (stage) => {
    const { server } = await stage.pair();
    server.send("last words");
    internals(server)._socket?.end();
    await Promise.all([stage.until("client", "close"), stage.until("server", "close")]);
  }),
  script("timing: what the user writes to _socket keeps its place", async (stage) => {
    const { server } = await stage.rawPair();
    server.send("one");
    internals(server)._socket?.write(bytesOf(text("two")));
    server.send("three");
    await stage.until("peer", "text", 3);
    server.terminate();
    await stage.until("server", "close");
  }),
  script("timing: a message before the server's first listener is kept", async (stage) => {
    const { wss, url } = await stage.serve();
    const client = stage.connect(url);
    await stage.until("client", "open");
    client.send("early");
    const [server] = wss.clients;
    await stage.until("server", "message");
    server.close();
    await Promise.all([stage.until("client", "close"), stage.until("server", "close")]);
  }),
];
