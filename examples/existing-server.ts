/**
 * WebSocket beside ordinary HTTP, on a server that exists already: Node's own here, and it is the same with
 * frameworks on top of one, such as Express and Fastify.
 *
 *     node --import tsx examples/existing-server.ts
 */

import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { connect, createUpgradeHandler, tryConnect } from "hawser";

interface User {
  readonly name: string;
}

const upgrade = createUpgradeHandler<User>(
  async (connection) => {
    connection.send(`welcome, ${connection.data.name}`);
    for await (const message of connection) {
      upgrade.broadcast(`${connection.data.name}: ${message}`);
    }
  },
  {
    path: "/chat",
    // The same cookies, headers and addresses as for a page. false is 401.
    authorize(request) {
      const name = /^Bearer (\w+)$/.exec(request.headers.authorization ?? "")?.[1];
      return name === undefined ? false : { data: { name } };
    },
  },
);

const server = http.createServer((request, response) => {
  if (request.url === "/health") response.end(JSON.stringify({ connections: upgrade.connections.size }));
  else response.writeHead(404).end();
});
server.on("upgrade", upgrade);
server.listen(0, "127.0.0.1");
await once(server, "listening");

// A client that uses it.
const { port } = server.address() as AddressInfo;
const address = `127.0.0.1:${port}`;

const ada = await connect(`ws://${address}/chat`, { headers: { Authorization: "Bearer Ada" } });
console.log(`${(await ada.receive())?.data}`); // welcome, Ada
ada.send("is anyone here?");
console.log(`${(await ada.receive())?.data}`); // Ada: is anyone here?
console.log(await (await fetch(`http://${address}/health`)).text()); // {"connections":1}
console.log(await tryConnect(`ws://${address}/chat`)); // undefined: 401, because the request has no token

await upgrade.close();
server.close();
server.closeAllConnections();
