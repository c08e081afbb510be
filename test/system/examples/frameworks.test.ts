/** WebSocket under Express and under Fastify: their routes and ours side by side, on one port. */

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import express from "express";
import fastify from "fastify";
import { connect, createUpgradeHandler, HandshakeError, type UpgradeHandler } from "../../../src/index.js";

function createEcho(): UpgradeHandler {
  return createUpgradeHandler(
    async (connection) => {
      for await (const message of connection) connection.send(message.data);
    },
    { path: "/echo" },
  );
}

/** Everything that a program with both expects. */
async function check(port: number, upgrade: UpgradeHandler): Promise<void> {
  const health = () => fetch(`http://127.0.0.1:${port}/health`);
  assert.deepEqual(await (await health()).json(), { connections: 0 });

  const connections = await Promise.all(
    Array.from({ length: 10 }, () => connect(`ws://127.0.0.1:${port}/echo`)),
  );
  for (const [i, connection] of connections.entries()) connection.send(`message ${i}`);
  for (const [i, connection] of connections.entries()) {
    assert.equal((await connection.receive())?.data, `message ${i}`);
  }
  assert.deepEqual(await (await health()).json(), { connections: 10 });

  await assert.rejects(connect(`ws://127.0.0.1:${port}/health`), (error: unknown) => {
    assert.ok(error instanceof HandshakeError);
    return error.status === 404;
  });
  // A route of theirs, asked for what only ours has.
  assert.equal((await fetch(`http://127.0.0.1:${port}/echo`)).status, 404);

  upgrade.broadcast("soon closing");
  for (const connection of connections) assert.equal((await connection.receive())?.data, "soon closing");
  await upgrade.close();
  for (const connection of connections) assert.equal((await connection.closed).code, 1001);
}

const portOf = (server: http.Server) => (server.address() as AddressInfo).port;

describe("createUpgradeHandler", () => {
  test("beside the routes of Express", async (t: TestContext) => {
    const upgrade = createEcho();
    const app = express();
    app.get("/health", (_request, response) => {
      response.json({ connections: upgrade.connections.size });
    });
    const server = http.createServer(app);
    server.on("upgrade", upgrade);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    await check(portOf(server), upgrade);
  });

  test("beside the routes of Express, on the server that app.listen makes", async (t: TestContext) => {
    const upgrade = createEcho();
    const app = express();
    app.get("/health", (_request, response) => {
      response.json({ connections: upgrade.connections.size });
    });
    const server = app.listen(0, "127.0.0.1");
    server.on("upgrade", upgrade);
    await once(server, "listening");
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    await check(portOf(server), upgrade);
  });

  test("beside the routes of Fastify, closed with it", async (t: TestContext) => {
    const upgrade = createEcho();
    const app = fastify({ forceCloseConnections: true });
    app.get("/health", async () => ({ connections: upgrade.connections.size }));
    app.server.on("upgrade", upgrade);
    app.addHook("preClose", () => upgrade.close());
    await app.listen({ port: 0, host: "127.0.0.1" });
    t.after(() => app.close());
    const { port } = app.server.address() as AddressInfo;
    const connection = await connect(`ws://127.0.0.1:${port}/echo`);
    connection.send("hello");
    assert.equal((await connection.receive())?.data, "hello");
    assert.deepEqual(await (await fetch(`http://127.0.0.1:${port}/health`)).json(), { connections: 1 });
    await app.close();
    assert.equal((await connection.closed).code, 1001);
  });

  test("with everything else that a program with Fastify expects", async (t: TestContext) => {
    const upgrade = createEcho();
    const app = fastify({ forceCloseConnections: true });
    app.get("/health", async () => ({ connections: upgrade.connections.size }));
    app.server.on("upgrade", upgrade);
    await app.listen({ port: 0, host: "127.0.0.1" });
    t.after(() => app.close());
    await check(portOf(app.server), upgrade);
  });
});
