/** Calls and events while a client connects; redirects; connections that break. */

import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { End } from "../duplex.js";
import type { Socket } from "../implementation.js";
import { bytesOf, RawPeer } from "../peer.js";
import { accepting, type Script, type Stage, script } from "../stage.js";

const redirect = (location: string, status = 302) =>
  `HTTP/1.1 ${status} Moved\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`;

/** A client of a server that never answers, after the server has the request. */
async function pending(stage: Stage): Promise<Socket> {
  const { url } = await stage.rawServer(() => stage.say("peer", "asked"));
  const client = stage.connect(url);
  await stage.until("peer", "asked");
  return client;
}

/** What each call does while the client connects. */
const CALLS: readonly (readonly [string, (client: Socket) => unknown])[] = [
  ["send()", (client) => client.send("x")],
  ["send() with a callback", (client) => client.send("x", () => {})],
  ["ping()", (client) => client.ping()],
  ["pong()", (client) => client.pong()],
  ["pause()", (client) => client.pause()],
  ["resume()", (client) => client.resume()],
  ["reading bufferedAmount", (client) => client.bufferedAmount],
  ["close()", (client) => client.close()],
  ["close() with a bad code", (client) => client.close(5)],
  ["terminate()", (client) => client.terminate()],
];

const calls: Script[] = CALLS.map(([name, call]) =>
  script(`while it connects: ${name}`, async (stage) => {
    const client = await pending(stage);
    stage.call("client", name, () => call(client));
    stage.say("client", "state", client.readyState, client.isPaused);
    if (client.readyState === 0) client.terminate();
    await stage.until("client", "close");
    stage.say("client", "after", client.readyState, client.bufferedAmount, client.url);
  }),
);

export const clientConnecting: readonly Script[] = [
  ...calls,
  script("close() in the same turn as the constructor", async (stage) => {
    const { url } = await stage.serve();
    const client = stage.connect(url);
    client.close();
    stage.say("client", "state", client.readyState);
    client.close();
    client.terminate();
    await stage.until("client", "close");
  }),
  script("after a failed opening: send, ping, pong with and without callback", async (stage) => {
    const { url } = await stage.rawServer((peer) => peer.stream.end("HTTP/1.1 500 No\r\n\r\n"));
    const client = stage.connect(url);
    await stage.until("client", "close");
    for (const name of ["send", "ping", "pong"] as const) {
      stage.call("client", name, () => client[name]("abc"));
      stage.say("client", "buffered", client.bufferedAmount);
      await new Promise<void>((resolve) => {
        client[name]("héllo", true as never, (error?: Error) => {
          stage.say("client", `${name} callback`, error);
          resolve();
        });
        stage.say("client", "returned", client.bufferedAmount);
      });
    }
    stage.call("client", "close", () => client.close());
    stage.call("client", "terminate", () => client.terminate());
    stage.call("client", "pause", () => client.pause());
    stage.call("client", "resume", () => client.resume());
    stage.say("client", "state", client.readyState, client.isPaused);
  }),
  script("no server listens", async (stage) => {
    const server = net.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as net.AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    stage.connect(`ws://127.0.0.1:${port}/`);
    await stage.until("client", "close");
  }),
  script("ws+unix: no socket there", async (stage) => {
    stage.connect("ws+unix:/nowhere/at/all.sock:/path");
    await stage.until("client", "close");
  }),
  script("the server closes without an answer", async (stage) => {
    const { url } = await stage.rawServer((peer) => peer.stream.end());
    stage.connect(url);
    await stage.until("client", "close");
  }),
  script("the server closes within the answer", async (stage) => {
    const { url } = await stage.rawServer((peer) => peer.stream.end("HTTP/1.1 101 Switching"));
    stage.connect(url);
    await stage.until("client", "close");
  }),
  script("the server closes behind the answer", async (stage) => {
    const { url } = await stage.rawServer((peer) => peer.stream.end(accepting(peer)));
    stage.connect(url);
    await stage.until("client", "close");
  }),
  script("frames behind the answer in one chunk", async (stage) => {
    const tail = Buffer.concat([
      bytesOf({ opcode: 1, payload: "first" }),
      bytesOf({ opcode: 9, payload: "p" }),
    ]);
    const { url } = await stage.rawServer((peer) => peer.write(accepting(peer), tail));
    const client = stage.connect(url);
    await stage.until("client", "ping");
    client.terminate();
    await stage.until("client", "close");
  }),
  script("a bad frame behind the answer, seen by a listener added in open", async (stage) => {
    const { url } = await stage.rawServer((peer) => peer.write(accepting(peer), bytesOf({ opcode: 3 })));
    const client = new stage.impl.WebSocket(url);
    client.on("open", () => {
      stage.say("client", "open");
      stage.watch("client", client, ["message", "error", "close"]);
    });
    await stage.until("client", "close");
  }),
  script("close() in open", async (stage) => {
    const { url } = await stage.serve();
    const client = stage.connect(url);
    client.on("open", () => client.close(4000, "in open"));
    await Promise.all([stage.until("client", "close"), stage.until("server", "close")]);
  }),
  script("send() in open", async (stage) => {
    const { url } = await stage.serve();
    const client = stage.connect(url);
    client.on("open", () => client.send("from open", (error) => stage.say("client", "sent", error)));
    await stage.until("server", "message");
    client.close();
    await Promise.all([stage.until("client", "close"), stage.until("server", "close")]);
  }),
  script("the event upgrade comes before open, with the answer", async (stage) => {
    const { url } = await stage.serve();
    const client = stage.connect(url);
    client.on("upgrade", (response) => {
      stage.say(
        "client",
        "upgrade",
        response.statusCode,
        response.headers.upgrade,
        response.rawHeaders.length,
      );
      stage.say("client", "state", client.readyState);
    });
    await stage.until("client", "open");
    client.close();
    await Promise.all([stage.until("client", "close"), stage.until("server", "close")]);
  }),
  script("the event upgrade comes before a bad answer fails", async (stage) => {
    const { url } = await stage.rawServer((peer) =>
      peer.write("HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
    );
    const client = stage.connect(url);
    client.on("upgrade", (response) => stage.say("client", "upgrade", response.statusCode));
    await stage.until("client", "close");
  }),
  ...(["close", "terminate"] as const).map((name) =>
    script(`${name}() in the event upgrade`, async (stage) => {
      const { url } = await stage.rawServer((peer) => peer.write(accepting(peer)));
      const client = stage.connect(url);
      client.on("upgrade", () => {
        stage.say("client", "upgrade");
        client[name]();
      });
      await Promise.all([stage.until("client", "close"), stage.until("peer", "gone")]);
    }),
  ),
  script("unexpected-response takes over", async (stage) => {
    const { url } = await stage.rawServer((peer) =>
      peer.stream.end("HTTP/1.1 401 No\r\nContent-Length: 4\r\nX-Y: z\r\n\r\nbody"),
    );
    const client = stage.connect(url);
    client.on("unexpected-response", async (request, response) => {
      stage.say(
        "client",
        "unexpected-response",
        response.statusCode,
        response.headers["x-y"],
        request.method,
      );
      stage.say("client", "state", client.readyState);
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      stage.say("client", "body", Buffer.concat(chunks).toString(), client.readyState);
      request.destroy();
      client.terminate();
    });
    await stage.until("client", "close");
  }),
  script("unexpected-response, then the user destroys the request with an error", async (stage) => {
    const { url } = await stage.rawServer((peer) =>
      peer.write("HTTP/1.1 401 No\r\nContent-Length: 4\r\n\r\n"),
    );
    const client = stage.connect(url);
    client.on("unexpected-response", (request) => {
      stage.say("client", "unexpected-response");
      request.destroy(new Error("mine"));
    });
    await stage.until("client", "close");
  }),
  script("finishRequest sends the request", async (stage) => {
    const { url } = await stage.rawServer((peer) => peer.write(accepting(peer)));
    const finishRequest = (request: http.ClientRequest, socket: Socket) => {
      stage.say("client", "finishRequest", request.getHeader("upgrade"), socket.readyState);
      request.setHeader("X-Added", "late");
      setImmediate(() => request.end());
    };
    const client = stage.connect(url, undefined, { finishRequest });
    await stage.until("client", "open");
    client.terminate();
    await stage.until("client", "close");
  }),
  script("handshakeTimeout", async (stage) => {
    const server = net.createServer((socket) => stage.after(() => socket.destroy()));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    stage.after(() => server.close());
    const { port } = server.address() as net.AddressInfo;
    stage.connect(`ws://127.0.0.1:${port}/`, undefined, { handshakeTimeout: 1 });
    await stage.until("client", "close");
  }),
  script("createConnection gives the socket", async (stage) => {
    const [near, far] = End.pair();
    const peer = new RawPeer(stage.journal, "peer", far, { head: true });
    const createConnection = (options: net.NetConnectOpts) => {
      stage.say("client", "createConnection", (options as net.TcpNetConnectOpts).host, options.timeout);
      return near as unknown as net.Socket;
    };
    const client = stage.connect("ws://example.test/x", undefined, { createConnection } as never);
    await stage.until("peer", "head-end");
    peer.write(accepting(peer), bytesOf({ opcode: 2, payload: "over a duplex" }));
    await stage.until("client", "message");
    client.send("there");
    await stage.until("peer", "text");
    client.close(1000);
    await stage.until("peer", "close");
    peer.send({ opcode: 8, payload: Uint8Array.of(3, 232) });
    await Promise.all([stage.until("client", "close"), stage.until("peer", "gone")]);
  }),
  script("ws+unix", async (stage) => {
    const server = http.createServer();
    const path = `\0hawser-test-${process.pid}-${Math.random()}`;
    await new Promise<void>((resolve) => server.listen(path, resolve));
    stage.after(() => server.close());
    const { wss } = await stage.serve({ server });
    wss.on("headers", (_lines, request) => stage.say("server", "request", request.url, request.headers.host));
    const client = stage.connect("ws+unix:/ignored.sock:/there?x=y", undefined, {
      createConnection: () => net.connect({ path }),
    } as never);
    await stage.until("client", "open");
    client.close();
    await Promise.all([stage.until("client", "close"), stage.until("server", "close")]);
  }),
  script("followRedirects", async (stage) => {
    const { port } = await stage.rawServer((peer, count) =>
      peer.write(count === 1 ? redirect("/second") : accepting(peer)),
    );
    const client = stage.connect(`ws://127.0.0.1:${port}/first`, ["p"].slice(1), { followRedirects: true });
    client.on("redirect", (url, request) => {
      stage.say("client", "redirect", url.replace(/:\d+/, ""), request.path, client.readyState);
    });
    await stage.until("client", "open");
    stage.say("client", "url", client.url.replace(/:\d+/, ""));
    client.terminate();
    await stage.until("client", "close");
  }),
  ...[300, 301, 303, 307, 308, 399].map((status) =>
    script(`followRedirects with ${status}`, async (stage) => {
      const { url } = await stage.rawServer((peer, count) =>
        peer.write(count === 1 ? redirect("/x", status) : accepting(peer)),
      );
      const client = stage.connect(url, undefined, { followRedirects: true });
      await stage.until("client", "open");
      client.terminate();
      await stage.until("client", "close");
    }),
  ),
  script("followRedirects without a Location", async (stage) => {
    const { url } = await stage.rawServer((peer) =>
      peer.write("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"),
    );
    stage.connect(url, undefined, { followRedirects: true });
    await stage.until("client", "close");
  }),
  script("followRedirects too often", async (stage) => {
    const { url } = await stage.rawServer((peer, count) => peer.write(redirect(`/${count}`)));
    stage.connect(url, undefined, { followRedirects: true, maxRedirects: 2 });
    await stage.until("client", "close");
  }),
  ...["ws://", "http:", "ftp://x/", "ws://127.0.0.1/#x"].map((location) =>
    script(`followRedirects to ${location}`, async (stage) => {
      const { url } = await stage.rawServer((peer) => peer.write(redirect(location)));
      stage.connect(url, undefined, { followRedirects: true });
      await stage.until("client", "close");
    }),
  ),
  script("followRedirects to another host drops credentials", async (stage) => {
    const other = await stage.rawServer((peer) => peer.write(accepting(peer)));
    const server = http.createServer();
    server.on("upgrade", (request, socket) => {
      stage.say(
        "first",
        "asked",
        request.headers.authorization,
        request.headers.cookie,
        request.headers["x-a"],
      );
      socket.end(redirect(other.url));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    stage.after(() => server.close());
    const { port } = server.address() as net.AddressInfo;
    const headers = { Authorization: "Basic eA==", Cookie: "a=b", "X-A": "kept", Host: "named.test" };
    const client = stage.connect(`ws://127.0.0.1:${port}/`, undefined, { followRedirects: true, headers });
    await stage.until("client", "open");
    client.terminate();
    await stage.until("client", "close");
  }),
  script("followRedirects to the same host keeps credentials", async (stage) => {
    const { port } = await stage.rawServer((peer, count) =>
      peer.write(count === 1 ? redirect("/there") : accepting(peer)),
    );
    const headers = { Cookie: "a=b", "X-A": "kept" };
    const client = stage.connect(`ws://u:p@127.0.0.1:${port}/`, undefined, {
      followRedirects: true,
      headers,
    });
    await stage.until("client", "open");
    client.terminate();
    await stage.until("client", "close");
  }),
  ...(["close", "terminate"] as const).map((name) =>
    script(`${name}() in the event redirect`, async (stage) => {
      const { url } = await stage.rawServer((peer, count) =>
        count === 1 ? peer.write(redirect("/x")) : undefined,
      );
      const client = stage.connect(url, undefined, { followRedirects: true });
      client.on("redirect", () => {
        stage.say("client", "redirect", client.readyState);
        client[name]();
      });
      await stage.until("client", "close");
    }),
  ),
];
