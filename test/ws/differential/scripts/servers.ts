/** WebSocketServer as an object: construction, address, clients, close. */

import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { ServerOptions } from "ws";
import { type Script, script } from "../stage.js";

const OPTIONS: readonly (readonly [string, unknown])[] = [
  ["nothing", undefined],
  ["null", null],
  ["no place", {}],
  ["port and server", { port: 0, server: http.createServer() }],
  ["port and noServer", { port: 0, noServer: true }],
  ["server and noServer", { server: http.createServer(), noServer: true }],
  ["port null and noServer", { port: null, noServer: true }],
  ["noServer false", { noServer: false }],
  ["a port out of range", { port: 70_000 }],
];

const judged: Script[] = OPTIONS.map(([name, options]) =>
  script(`new WebSocketServer with ${name}`, (stage) =>
    stage.call("server", "new", () => {
      const made = new stage.impl.WebSocketServer(options as ServerOptions);
      made.close();
      return made.options.noServer;
    }),
  ),
);

export const servers: readonly Script[] = [
  ...judged,
  script("the callback of the constructor, and listening", async (stage) => {
    const wss = new stage.impl.WebSocketServer({ port: 0, host: "127.0.0.1" }, function (this: unknown) {
      stage.say("server", "callback", typeof wss.address());
    });
    wss.on("listening", () => stage.say("server", "listening"));
    stage.watchServer(wss);
    stage.say("server", "address", wss.address());
    await stage.until("server", "listening");
    const address = wss.address() as AddressInfo;
    stage.say("server", "address", Object.keys(address), address.address, address.family);
    wss.close();
    await stage.until("server", "server-close");
    stage.call("server", "address", () => wss.address());
  }),
  script("address() without a server", async (stage) => {
    const { wss } = await stage.serve({ noServer: true });
    stage.call("server", "address", () => wss.address());
  }),
  script("address() of a server on a path", async (stage) => {
    const server = http.createServer();
    await new Promise<void>((resolve) => server.listen(`\0hawser-${process.pid}-${Math.random()}`, resolve));
    stage.after(() => server.close());
    const { wss } = await stage.serve({ server });
    stage.say("server", "address", typeof wss.address());
  }),
  script("a port that is taken", async (stage) => {
    const { port } = await stage.serve();
    const second = new stage.impl.WebSocketServer({ port, host: "127.0.0.1" });
    second.on("error", (error) => stage.say("second", "error", error));
    await stage.until("second", "error");
    second.close((error) => stage.say("second", "closed", error));
    await stage.until("second", "closed");
  }),
  script("clients holds open sockets", async (stage) => {
    const { wss, server, client } = await stage.pair();
    stage.say("server", "clients", wss.clients.size, wss.clients.has(server), wss.clients instanceof Set);
    server.on("close", () => stage.say("server", "in close", wss.clients.size));
    client.close();
    await Promise.all([stage.until("client", "close"), stage.until("server", "in close")]);
    stage.say("server", "clients", wss.clients.size);
  }),
  script("clientTracking false", async (stage) => {
    const { wss, client } = await stage.pair({ clientTracking: false });
    stage.say("server", "clients", wss.clients);
    wss.close((error) => stage.say("server", "closed", error));
    stage.say("server", "close called");
    client.close();
    await Promise.all([stage.until("server", "closed"), stage.until("client", "close")]);
  }),
  script("close() with no client", async (stage) => {
    const { wss } = await stage.serve();
    stage.say(
      "server",
      "close",
      wss.close((error) => stage.say("server", "closed", error)),
    );
    await stage.until("server", "closed");
  }),
  script("close() waits for clients, and closes none", async (stage) => {
    const { wss, server, client } = await stage.pair();
    wss.close((error) => stage.say("server", "closed", error));
    await stage.turns();
    stage.say("server", "states", server.readyState, client.readyState);
    client.close();
    await Promise.all([
      stage.until("server", "closed"),
      stage.until("client", "close"),
      stage.until("server", "close"),
    ]);
  }),
  script("close() waits for clients: noServer", async (stage) => {
    const httpServer = http.createServer();
    httpServer.listen(0, "127.0.0.1");
    await once(httpServer, "listening");
    stage.after(() => httpServer.close());
    const { wss } = await stage.serve({ noServer: true });
    httpServer.on("upgrade", (request, socket, head) =>
      wss.handleUpgrade(request, socket, head, (upgraded) => void wss.emit("connection", upgraded, request)),
    );
    const client = stage.connect(`ws://127.0.0.1:${(httpServer.address() as AddressInfo).port}/`);
    await stage.until("client", "open");
    wss.close((error) => stage.say("server", "closed", error));
    await stage.turns();
    client.close();
    await Promise.all([
      stage.until("server", "closed"),
      stage.until("server", "close"),
      stage.until("client", "close"),
    ]);
  }),
  script("close() twice, and once more when closed", async (stage) => {
    const { wss } = await stage.serve();
    wss.close((error) => stage.say("server", "first", error));
    wss.close((error) => stage.say("server", "second", error));
    await stage.until("server", "second");
    wss.close((error) => stage.say("server", "third", error));
    await stage.until("server", "third");
  }),
  script("close() in connection", async (stage) => {
    const { wss, url } = await stage.serve();
    wss.on("connection", (socket) => {
      wss.close((error) => stage.say("server", "closed", error));
      socket.close(1001);
    });
    stage.connect(url);
    await Promise.all([
      stage.until("client", "close"),
      stage.until("server", "close"),
      stage.until("server", "closed"),
    ]);
  }),
  script("the option server: its listeners come and go", async (stage) => {
    const server = http.createServer();
    const names = ["listening", "error", "upgrade", "request", "close"] as const;
    const counts = () => names.map((name) => server.listenerCount(name));
    stage.say("server", "before", counts());
    const wss = new stage.impl.WebSocketServer({ server });
    wss.on("listening", () => stage.say("server", "listening"));
    wss.on("error", (error) => stage.say("server", "error", error));
    stage.watchServer(wss);
    stage.say("server", "with", counts());
    server.listen(0, "127.0.0.1");
    await stage.until("server", "listening");
    server.emit("error", new Error("of the http server"));
    await stage.until("server", "error");
    wss.close();
    stage.say("server", "behind", counts(), server.listening);
    await stage.until("server", "server-close");
    server.close();
    await once(server, "close");
  }),
  script("the option server: a client", async (stage) => {
    const server = http.createServer();
    const { wss } = await stage.serve({ server });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    stage.after(() => server.close());
    wss.on("connection", (socket, request) => socket.send(`${request.url} ${request.headers["x-a"]}`));
    const { port } = server.address() as AddressInfo;
    const client = stage.connect(`ws://127.0.0.1:${port}/path?q`, undefined, { headers: { "X-A": "b" } });
    await stage.until("client", "message");
    client.close();
    await Promise.all([stage.until("client", "close"), stage.until("server", "close")]);
  }),
  script("options are kept and can be read", async (stage) => {
    const options: ServerOptions = { noServer: true, path: "/x", maxPayload: 5, perMessageDeflate: true };
    const { wss } = await stage.serve(options);
    stage.say("server", "options", wss.options.path, wss.options.maxPayload, wss.options.perMessageDeflate);
    stage.say("server", "same", wss.options === options, wss.path);
  }),
  ...(["maxPayload", "autoPong", "skipUTF8Validation", "allowSynchronousEvents"] as const).map((name) =>
    script(`the option ${name} changes before a connection`, async (stage) => {
      const { wss, port } = await stage.serve();
      Object.assign(
        wss.options,
        { maxPayload: 3, autoPong: false, skipUTF8Validation: true, allowSynchronousEvents: false },
        {
          ...Object.fromEntries(Object.entries(wss.options).filter(([key]) => key !== name)),
        },
      );
      const peer = await stage.rawClient(port, {});
      await stage.until("peer", "head-end");
      peer.send(
        { opcode: 9, payload: "ping" },
        { opcode: 1, payload: Buffer.from("ff", "hex") },
        { opcode: 1, payload: "long" },
      );
      await Promise.race([stage.until("server", "message", 2), stage.until("server", "error")]);
      peer.stream.end();
      await stage.until("server", "close");
    }),
  ),
];
