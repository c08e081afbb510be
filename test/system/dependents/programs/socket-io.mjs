/** socket.io and engine.io: both sides, both transports, broadcasts by frames that are encoded once. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { Arrivals, assertOurs, assertWsOf, listen } from "./support.mjs";

for (const name of ["engine.io", "engine.io-client", "socket.io-adapter"]) assertWsOf(name);

async function exchange(serverOptions, clientOptions) {
  const { server, port } = await listen();
  const sockets = new Server(server, serverOptions);
  const connected = new Arrivals();
  sockets.on("connection", (socket) => {
    socket.on("echo", (...values) => values.at(-1)(...values.slice(0, -1)));
    socket.on("join", (room, done) => {
      socket.join(room);
      done();
    });
    connected.push(socket);
  });
  const clients = await Promise.all(
    [1, 2, 3].map(async () => {
      const client = io(`http://127.0.0.1:${port}`, {
        forceNew: true,
        reconnection: false,
        ...clientOptions,
      });
      await once(client, "connect");
      return client;
    }),
  );
  const accepted = await Promise.all(clients.map(() => connected.next()));
  for (const client of clients) {
    if (client.io.engine.transport.name !== "websocket") await once(client.io.engine, "upgrade");
    assertOurs(client.io.engine.transport.ws);
  }
  for (const socket of accepted) {
    if (socket.conn.transport.name !== "websocket") await once(socket.conn, "upgrade");
    assertOurs(socket.conn.transport.socket);
  }
  const [first, second, third] = clients;

  // There and back: text, objects, bytes of many lengths.
  for (const value of ["text é", { a: [1, null, "x"] }, "x".repeat(100_000)]) {
    assert.deepEqual(await first.emitWithAck("echo", value).then((answer) => answer), value);
  }
  for (const length of [0, 1, 125, 126, 65_535, 65_536, 300_000]) {
    const bytes = Buffer.alloc(length, length);
    const answer = await second.emitWithAck("echo", bytes);
    assert.ok(bytes.equals(Buffer.from(answer)), `${length} bytes`);
  }
  // The server asks.
  third.on("question", (number, done) => done(number + 1));
  for (const socket of accepted) {
    if (socket.id === third.id) assert.equal(await socket.emitWithAck("question", 41), 42);
  }
  // A room: encoded once by Sender.frame, and sent by sendFrame.
  await Promise.all([first, second].map((client) => client.emitWithAck("join", "room")));
  const got = clients.map((client) => {
    const arrivals = new Arrivals();
    client.on("news", (...values) => arrivals.push(values));
    return arrivals;
  });
  sockets.to("room").emit("news", "for the room");
  sockets.emit("news", "for all", Buffer.from("bytes"));
  assert.deepEqual(await got[0].next(), ["for the room"]);
  assert.deepEqual(await got[1].next(), ["for the room"]);
  for (const arrivals of got) {
    const [text, bytes] = await arrivals.next();
    assert.equal(text, "for all");
    assert.equal(Buffer.from(bytes).toString(), "bytes");
  }
  sockets.volatile.emit("news", "volatile");
  for (const arrivals of got) assert.deepEqual(await arrivals.next(), ["volatile"]);

  // Closing from both sides.
  const gone = Promise.all(accepted.map((socket) => once(socket, "disconnect")));
  first.disconnect();
  accepted.find((socket) => socket.id === second.id).disconnect(true);
  third.io.engine.close();
  await gone;
  await sockets.close();
}

await exchange({ transports: ["websocket"] }, { transports: ["websocket"] });
await exchange({}, {});
await exchange(
  { transports: ["websocket"], perMessageDeflate: { threshold: 10 } },
  { transports: ["websocket"], perMessageDeflate: { threshold: 10 } },
);

// A message over maxHttpBufferSize closes the connection.
{
  const { server, port } = await listen();
  const sockets = new Server(server, { maxHttpBufferSize: 1000, transports: ["websocket"] });
  const client = io(`http://127.0.0.1:${port}`, { transports: ["websocket"], reconnection: false });
  const [socket] = await once(sockets, "connection");
  const left = once(socket, "disconnect");
  client.emit("long", "x".repeat(2000));
  assert.match((await left)[0], /transport (error|close)/);
  await sockets.close();
}
console.log("ok");
