/**
 * Which types users get: compiled by `npm run check`, and over the packed package by `test/system/package/consumers.test.ts`,
 * with every TypeScript that is supported. Never run. What does not compile is marked by @ts-expect-error.
 */

import {
  type Connection,
  type ConnectionHandlers,
  connect,
  createUpgradeHandler,
  type Server,
  type ServerHandlers,
  serve,
  type UpgradeHandler,
} from "../../src/index.js";

interface User {
  readonly name: string;
  readonly rooms: Set<string>;
}

const roomsOf = (name = ""): User => ({ name, rooms: new Set() });

/** The argument has exactly this type. */
function is<Expected>() {
  return <Given>(_value: Given, ..._same: Same<Given, Expected> extends true ? [] : [never]) => undefined;
}
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** A type that is given reaches every handler, and the set of connections. */
const server = await serve<User>({
  port: 0,
  authorize: (request) => ({ data: roomsOf(request.headers.host) }),
  open(connection, request) {
    connection.data.rooms.add("lobby");
    is<string | undefined>()(request.url);
    is<string | undefined>()(connection.socket.remoteAddress);
    is<string | undefined>()(connection.remoteAddress);
  },
  message(connection, message) {
    if (message.type === "text") is<string>()(message.data);
    else is<Uint8Array>()(message.data);
    // @ts-expect-error control frames have handlers of their own
    if (message.type === "ping") connection.close();
    server.broadcast(message.data, { except: connection });
  },
  close: (connection) => connection.data.rooms.clear(),
  routes: {
    "/other": { open: (connection, request) => connection.send(connection.data.name + request.url) },
  },
});
is<Server<User>>()(server);
for (const connection of server.connections) is<User>()(connection.data);
const list: Connection<User>[] = [...server.connections];
is<Connection<User>[]>()(list);
server.http.setSecureContext({});

const upgrade = createUpgradeHandler<User>((connection, request) => {
  connection.send(connection.data.name + request.url);
});
is<UpgradeHandler<User>>()(upgrade);
for (const connection of upgrade.connections) is<User>()(connection.data);
createUpgradeHandler<User>({
  open: (connection, request) => connection.send(request.url + connection.data.name),
});

/** It follows from what `authorize` returns, and from `data`. */
const inferred = await serve({
  async authorize(request) {
    if (request.url === "/") return false;
    if (request.url === "/forbidden") return { status: 403 };
    return { data: roomsOf() };
  },
  message: (connection) => is<User>()(connection.data),
});
is<Server<User>>()(inferred);
createUpgradeHandler((connection) => is<User>()(connection.data), {
  authorize: () => ({ data: roomsOf() }),
});
const client = await connect("ws://localhost", {
  data: roomsOf(),
  open: (connection) => is<User>()(connection.data),
});
is<Connection<User>>()(client);

/** Where none is given there is none. */
const plain = await serve({
  authorize: (request) => request.url === "/",
  message: (connection) => is<undefined>()(connection.data),
});
is<Server<undefined>>()(plain);
is<undefined>()((await connect("ws://localhost")).data);
createUpgradeHandler((connection) => is<undefined>()(connection.data));
// @ts-expect-error no type was given that it could have
for (const connection of plain.connections) connection.data = roomsOf();

/** Types without an argument name those with data of any type. */
function about(connection: Connection): unknown {
  return connection.data;
}
const logging: ConnectionHandlers = { close: (connection, code) => console.log(about(connection), code) };
const guarding: ServerHandlers = {
  open: (connection, request) => console.log(about(connection), request.url),
};
const anyServer: Server = server;
const anyUpgrade: UpgradeHandler = upgrade;
about(client);
client.handlers = logging;
await serve<User>({ routes: { "/logged": logging, "/guarded": guarding } });
for (const connection of [...anyServer.connections, ...anyUpgrade.connections]) about(connection);

await serve<User>({
  // @ts-expect-error data of another type
  authorize: () => ({ data: 5 }),
});
// @ts-expect-error a handler that does not exist
await serve({ mesage() {} });
// @ts-expect-error likewise
createUpgradeHandler({ mesage() {} });
// @ts-expect-error a number is not a message
client.send(5);
// @ts-expect-error a code is a number
client.close("1000");
