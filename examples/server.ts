/**
 * A server with two routes on one port: /echo sends everything back, /broadcast passes everything on to everyone.
 * Run it with `npm start`. PORT says where it listens: 8080 by default, another port if that one is taken. HOST, an
 * address, opens it to other machines.
 */

import { type Connection, type ConnectionHandlers, prepareMessage, type Server, serve } from "hawser";

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
    // Encoded once, whoever gets it.
    const prepared = prepareMessage(message.data);
    for (const member of members) member.send(prepared);
  },
  close(connection) {
    members.delete(connection);
  },
};

/** What a browser shows at /: everything that is broadcast, and a field to say something. */
const PAGE = `<!doctype html>
<meta charset="utf-8"><title>hawser</title>
<style>body { font: 1rem/1.5 sans-serif; max-width: 40rem; margin: 2rem auto }</style>
<h1>hawser</h1>
<form><input size="40" placeholder="say something to everyone" autofocus> <button>send</button></form>
<pre></pre>
<script>
  const socket = new WebSocket(location.href.replace("http", "ws") + "broadcast");
  const log = document.querySelector("pre");
  socket.onopen = () => log.append("connected\\n");
  socket.onmessage = ({ data }) => log.append(data + "\\n");
  socket.onclose = ({ code, reason }) => log.append("closed, " + code + " " + reason + "\\n");
  document.querySelector("form").onsubmit = (event) => {
    event.preventDefault();
    const field = document.querySelector("input");
    socket.send(field.value);
    field.value = "";
  };
</script>
`;

function start(port: number): Promise<Server> {
  return serve({
    port,
    hostname: process.env.HOST ?? "127.0.0.1",
    routes: { "/echo": echo, "/broadcast": broadcast },
    request(request, response) {
      const found = request.url === "/";
      response.writeHead(found ? 200 : 404, { "Content-Type": "text/html; charset=utf-8" });
      response.end(found ? PAGE : "there is a page at / only\n");
    },
  });
}

const wanted = Number(process.env.PORT ?? 8080);
const server = await start(wanted).catch((error: NodeJS.ErrnoException) => {
  if (error.code !== "EADDRINUSE") throw error;
  console.log(`port ${wanted} is taken`);
  return start(0);
});

async function stop(): Promise<void> {
  console.log("closing");
  await server.close();
  const { accepted, messagesIn, messagesOut } = server.counters;
  console.log(`${accepted} connections, ${messagesIn} messages in, ${messagesOut} out`);
}

// A second Ctrl+C ends at once: the first one took the listener away.
process.once("SIGINT", stop);
process.once("SIGTERM", stop);

console.log(`${server.url}/echo       sends everything back`);
console.log(`${server.url}/broadcast  passes everything on to everyone`);
console.log();
console.log("try:");
console.log(`  open ${server.url.replace("ws", "http")}/ in two windows of a browser`);
console.log(`  node --import tsx examples/echo-client.ts ${server.url}/echo`);
console.log("Ctrl+C closes all connections, then ends.");
