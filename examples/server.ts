/**
 * What `npm start` runs: /echo sends everything back, /broadcast passes everything on to everyone, and at / is the
 * playground, a page that shows the frames of its connections and measures the codec in the browser. PORT says where
 * it listens: 8080 by default, another port if that one is taken. HOST, an address, opens it to other machines.
 */

import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { type Connection, type ConnectionHandlers, createUpgradeHandler, prepareMessage } from "hawser";
import { loadAssets } from "./playground/server/assets.js";
import { Mirrors } from "./playground/server/mirror.js";
import { tunnel } from "./playground/server/tunnel.js";
import { pathOf, queryOf } from "./playground/server/url.js";

const echo: ConnectionHandlers = {
  message(connection, message) {
    connection.send(message.data);
  },
};

const members = new Set<Connection>();

const broadcast: ConnectionHandlers = {
  open(connection) {
    members.add(connection);
  },
  message(_connection, message) {
    // Encoded once for all members.
    const prepared = prepareMessage(message.data);
    for (const member of members) member.send(prepared);
  },
  close(connection) {
    members.delete(connection);
  },
};

const mirrors = new Mirrors();

const upgrade = createUpgradeHandler(
  {},
  {
    routes: { "/echo": echo, "/broadcast": broadcast },
    // The echo compresses for clients that offer it, unless the URL says /echo?plain.
    authorize: (_request, { path }) => ({
      perMessageDeflate: path.startsWith("/echo") && !queryOf(path).has("plain"),
    }),
  },
);

/** What carries and shows other connections: apart, because it closes after them. */
const carriers = createUpgradeHandler({}, { routes: { "/mirror": mirrors.handlers, "/tunnel": tunnel } });

const server = http.createServer(await loadAssets());
server.on("upgrade", (request, socket, head) => {
  if (["/mirror", "/tunnel"].includes(pathOf(request.url ?? "/"))) carriers(request, socket, head);
  else mirrors.watch(request, socket, head, upgrade);
});

async function listen(port: number): Promise<AddressInfo> {
  server.listen(port, process.env.HOST ?? "127.0.0.1");
  await once(server, "listening");
  return server.address() as AddressInfo;
}

const wanted = Number(process.env.PORT ?? 8080);
const { address, port } = await listen(wanted).catch((error: NodeJS.ErrnoException) => {
  if (error.code !== "EADDRINUSE") throw error;
  console.log(`port ${wanted} is taken`);
  return listen(0);
});
// Where it listens on all addresses, this name leads to it.
const name = address === "::" || address === "0.0.0.0" ? "localhost" : address;
const host = `${name.includes(":") ? `[${name}]` : name}:${port}`;

async function stop(): Promise<void> {
  console.log("closing");
  server.close();
  await upgrade.close();
  await carriers.close();
  server.closeAllConnections();
  const { accepted, messagesIn, messagesOut } = upgrade.counters;
  console.log(`${accepted} connections, ${messagesIn} messages in, ${messagesOut} out`);
}

// A second Ctrl+C ends at once: the first one took the listener away.
process.once("SIGINT", stop);
process.once("SIGTERM", stop);

console.log(`ws://${host}/echo       sends everything back`);
console.log(`ws://${host}/broadcast  passes everything on to everyone`);
console.log();
console.log("try:");
console.log(`  open http://${host}/ in a browser: the playground`);
console.log(`  node --import tsx examples/echo-client.ts ws://${host}/echo`);
console.log("Ctrl+C closes all connections, then ends.");
