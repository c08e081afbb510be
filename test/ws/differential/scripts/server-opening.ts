/** What users do while a server opens connections: hooks, events, options that change, handleUpgrade. */

import { once } from "node:events";
import http from "node:http";
import { End } from "../duplex.js";
import type { Server, VerifyInfo } from "../implementation.js";
import { bytesOf, MASK } from "../peer.js";
import { type Request, type Script, script } from "../stage.js";
import { extensions, fields, protocols } from "./requests.js";

/** A server that has its own http.Server, and one that has not. */
async function httpServer(stage: {
  after(cleanup: () => unknown): void;
}): Promise<{ server: http.Server; port: number }> {
  const server = http.createServer((_request, response) => response.end("plain"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stage.after(() => server.close());
  const { port } = server.address() as { port: number };
  return { server, port };
}

export const serverOpening: readonly Script[] = [
  script("what verifyClient gets", async (stage) => {
    const { port } = await stage.serve({
      verifyClient: (info: VerifyInfo) => {
        stage.say("server", "info", Object.keys(info), info.origin, info.secure, info.req.url);
        return false;
      },
    });
    await stage.rawClient(port, {
      headers: { Origin: "https://a.test", "Sec-WebSocket-Origin": "https://b.test" },
    });
    await stage.until("peer", "gone");
  }),
  script("what verifyClient gets in version 8", async (stage) => {
    const { port } = await stage.serve({
      verifyClient: (info, done) => {
        stage.say("server", "info", info.origin, typeof done);
        done(false, 400);
      },
    });
    const headers = {
      "Sec-WebSocket-Version": "8",
      Origin: "https://a.test",
      "Sec-WebSocket-Origin": "https://b.test",
    };
    await stage.rawClient(port, { headers });
    await stage.until("peer", "gone");
  }),
  script("what handleProtocols gets", async (stage) => {
    const { wss, port } = await stage.serve({
      handleProtocols: (offered, request) => {
        stage.say("server", "offered", offered, request.url);
        return "b";
      },
    });
    wss.on("connection", (socket) => socket.terminate());
    await stage.rawClient(port, { path: "/p", headers: { "Sec-WebSocket-Protocol": "a, b" } });
    await stage.until("peer", "gone");
  }),
  script("the event headers can add lines", async (stage) => {
    const { wss, port } = await stage.serve();
    wss.on("headers", (lines, request) => {
      stage.say("server", "headers", lines, request.url);
      lines.push("Set-Cookie: a=b", "X-Two: 2");
    });
    wss.on("connection", (socket) => socket.terminate());
    await stage.rawClient(port, {});
    await stage.until("peer", "gone");
  }),
  script("the event headers can change lines", async (stage) => {
    const { wss, port } = await stage.serve();
    wss.on("headers", (lines) => {
      lines[0] = "HTTP/1.1 101 Other";
      lines.splice(1, 1);
    });
    wss.on("connection", (socket) => socket.terminate());
    await stage.rawClient(port, {});
    await stage.until("peer", "gone");
  }),
  ...[
    ["POST", { method: "POST", headers: { "Content-Length": "0" } }],
    ["a bad key", fields({ "Sec-WebSocket-Key": "x" })],
    ["a bad version", fields({ "Sec-WebSocket-Version": "1" })],
    ["a bad subprotocol", protocols("a,,b")],
    ["bad extensions", extensions(";")],
    ["another path", { path: "/other" }],
  ].map(([name, request]) =>
    script(`wsClientError: ${name}`, async (stage) => {
      const { wss, port } = await stage.serve({ path: "/", perMessageDeflate: true });
      wss.on("wsClientError", (error, socket, incoming) => {
        stage.say("server", "wsClientError", error, incoming.url);
        socket.end("HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n");
      });
      await stage.rawClient(port, request as Request);
      await stage.until("peer", "gone");
    }),
  ),
  script("a plain request to a server with a port", async (stage) => {
    const { port } = await stage.serve();
    await stage.rawClient(port, { headers: { Upgrade: undefined, Connection: "close" } });
    await stage.until("peer", "gone");
  }),
  script("a plain request to an http.Server", async (stage) => {
    const { server, port } = await httpServer(stage);
    await stage.serve({ server });
    await stage.rawClient(port, { headers: { Upgrade: undefined, Connection: "close" } });
    await stage.until("peer", "gone");
  }),
  script("shouldHandle can be replaced", async (stage) => {
    const { wss, port } = await stage.serve();
    (wss as Server & { shouldHandle: Server["shouldHandle"] }).shouldHandle = (request) => {
      stage.say("server", "shouldHandle", request.url);
      return false;
    };
    await stage.rawClient(port, {});
    await stage.until("peer", "gone");
  }),
  script("completeUpgrade can be replaced", async (stage) => {
    const { wss, port } = await stage.serve();
    const open = wss as unknown as { completeUpgrade(...values: unknown[]): void };
    const original = open.completeUpgrade;
    open.completeUpgrade = function (this: Server, ...values: unknown[]) {
      stage.say("server", "completeUpgrade", values.length, values[1], values[2]);
      original.apply(this as never, values);
    };
    wss.on("connection", (socket) => socket.terminate());
    await stage.rawClient(port, { headers: { "Sec-WebSocket-Protocol": "a" } });
    await stage.until("peer", "gone");
  }),
  script("handleUpgrade calls back synchronously", async (stage) => {
    const { server, port } = await httpServer(stage);
    const { wss } = await stage.serve({ noServer: true });
    server.on("upgrade", (request, socket, head) => {
      stage.say("server", "upgrade", head);
      wss.handleUpgrade(request, socket, head, (upgraded, same) => {
        stage.say("server", "callback", upgraded.readyState, same === request, wss.clients.has(upgraded));
        upgraded.terminate();
      });
      stage.say("server", "returned", socket.listenerCount("error"), wss.clients.size);
    });
    await stage.rawClient(port, {});
    await stage.until("peer", "gone");
  }),
  script("handleUpgrade with emit of connection", async (stage) => {
    const { server, port } = await httpServer(stage);
    const { wss } = await stage.serve({ noServer: true });
    server.on("upgrade", (request, socket, head) => {
      wss.handleUpgrade(request, socket, head, (upgraded) => void wss.emit("connection", upgraded, request));
    });
    const peer = await stage.rawClient(port, { tail: bytesOf({ opcode: 1, payload: "a" }, MASK) });
    await stage.until("server", "message");
    peer.stream.end();
    await stage.until("peer", "gone");
  }),
  script("handleUpgrade twice for a socket throws", async (stage) => {
    const { server, port } = await httpServer(stage);
    const { wss } = await stage.serve({ noServer: true });
    server.on("upgrade", (request, socket, head) => {
      wss.handleUpgrade(request, socket, head, (upgraded) => stage.watch("server", upgraded));
      stage.call("server", "again", () =>
        wss.handleUpgrade(request, socket, head, () => stage.say("server", "called")),
      );
      socket.destroy();
    });
    await stage.rawClient(port, {});
    await Promise.all([stage.until("peer", "gone"), stage.until("server", "close")]);
  }),
  script("a socket that was destroyed before handleUpgrade", async (stage) => {
    const { server, port } = await httpServer(stage);
    const { wss } = await stage.serve({ noServer: true });
    server.on("upgrade", (request, socket, head) => {
      socket.destroy();
      stage.call("server", "handleUpgrade", () =>
        wss.handleUpgrade(request, socket, head, () => stage.say("server", "called")),
      );
    });
    await stage.rawClient(port, {});
    await stage.until("peer", "gone");
  }),
  script("two servers on one http.Server by path", async (stage) => {
    const { server, port } = await httpServer(stage);
    const { wss: first } = await stage.serve({ noServer: true, path: "/first" }, "first");
    const { wss: second } = await stage.serve({ noServer: true, path: "/second" }, "second");
    server.on("upgrade", (request, socket, head) => {
      const chosen = first.shouldHandle(request) ? first : second;
      chosen.handleUpgrade(
        request,
        socket,
        head,
        (upgraded) => void chosen.emit("connection", upgraded, request),
      );
    });
    for (const wss of [first, second]) wss.on("connection", (socket) => socket.terminate());
    await stage.rawClient(port, { path: "/first" }, "peer");
    await stage.until("peer", "gone");
    await stage.rawClient(port, { path: "/second?x" }, "peer 2");
    await stage.until("peer 2", "gone");
    await stage.rawClient(port, { path: "/third" }, "peer 3");
    await stage.until("peer 3", "gone");
  }),
  script("a server that closes answers 503", async (stage) => {
    const { server, port } = await httpServer(stage);
    const { wss } = await stage.serve({ noServer: true });
    wss.close();
    server.on("upgrade", (request, socket, head) =>
      wss.handleUpgrade(request, socket, head, () => stage.say("server", "called")),
    );
    await stage.rawClient(port, {});
    await stage.until("peer", "gone");
  }),
  script("a server that closes while verifyClient decides", async (stage) => {
    const { wss, port } = await stage.serve({
      verifyClient: (_info, done) => {
        wss.close();
        setImmediate(done, true);
      },
    });
    await stage.rawClient(port, {});
    await stage.until("peer", "gone");
  }),
  script("the socket is destroyed while verifyClient decides", async (stage) => {
    let decide: ((yes: boolean) => void) | undefined;
    const { wss } = await stage.serve({
      noServer: true,
      verifyClient: (_info, done) => {
        decide = done;
      },
    });
    const [near] = End.pair();
    const request = stage.incoming(near);
    wss.handleUpgrade(request, near, Buffer.alloc(0), () => stage.say("server", "called"));
    near.destroy();
    await once(near, "close");
    stage.call("server", "decide", () => decide?.(true));
    stage.say("server", "clients", wss.clients.size);
  }),
  ...(
    [
      ["handleProtocols", "handleProtocols", () => "late"],
      ["perMessageDeflate", "perMessageDeflate", { serverNoContextTakeover: true }],
      ["path", "path", "/elsewhere"],
      ["verifyClient", "verifyClient", () => false],
    ] as const
  ).map(([name, option, value]) =>
    script(`the option ${name} changes after construction`, async (stage) => {
      const { wss, port } = await stage.serve();
      (wss.options as Record<string, unknown>)[option] = value;
      wss.on("connection", (socket) => {
        stage.say("server", "chose", socket.protocol, socket.extensions);
        socket.terminate();
      });
      const headers = { "Sec-WebSocket-Protocol": "a", "Sec-WebSocket-Extensions": "permessage-deflate" };
      await stage.rawClient(port, { headers });
      await stage.until("peer", "gone");
    }),
  ),
  script("the option perMessageDeflate is put back behind handleUpgrade", async (stage) => {
    const { server, port } = await httpServer(stage);
    const { wss } = await stage.serve({ noServer: true, perMessageDeflate: true });
    server.on("upgrade", (request, socket, head) => {
      const saved = wss.options.perMessageDeflate;
      wss.options.perMessageDeflate = false;
      wss.handleUpgrade(request, socket, head, (upgraded) => {
        stage.say("server", "extensions", upgraded.extensions);
        upgraded.terminate();
      });
      wss.options.perMessageDeflate = saved as never;
    });
    await stage.rawClient(port, { headers: { "Sec-WebSocket-Extensions": "permessage-deflate" } });
    await stage.until("peer", "gone");
  }),
];
