/**
 * The smallest client: says something, prints the answer, closes.
 *
 *     npm start
 *     node --import tsx examples/echo-client.ts ws://localhost:8080/echo
 */

import { tryConnect } from "hawser";

const url = process.argv[2] ?? "ws://localhost:8080/echo";

const connection = await tryConnect(url);
if (connection === undefined) {
  console.error(`there is no server at ${url}: start a server with npm start`);
  process.exitCode = 1;
} else {
  connection.send("Hello!");
  const message = await connection.receive();
  console.log(message?.data); // Hello!
  await connection.close();
}
