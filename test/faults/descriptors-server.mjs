/** A server in a process that may have few descriptors: it echoes, and says when it could not accept. */

import { serve } from "../../dist/index.js";

const server = await serve({
  hostname: "127.0.0.1",
  message: (connection, { data }) => connection.send(data),
  onError: (error) => process.stdout.write(`error ${error.code ?? error.message}\n`),
});
process.stdout.write(`port ${server.port}\n`);
setTimeout(() => process.exit(), 60_000);
