/** Names, kinds, attributes: what a user sees before anything happens. */

import { EventEmitter } from "node:events";
import { Writable } from "node:stream";
import { internals } from "../implementation.js";
import { type Script, type Stage, script } from "../stage.js";

/** Own names of an object that do not begin with an underscore, with their attributes. */
function describe(stage: Stage, object: object, without: readonly string[] = []): void {
  for (const name of Object.getOwnPropertyNames(object).sort()) {
    if (name.startsWith("_") || without.includes(name)) continue;
    const property = Object.getOwnPropertyDescriptor(object, name) as PropertyDescriptor;
    const kind =
      "value" in property ? typeof property.value : `get${property.set === undefined ? "" : " set"}`;
    const bits = [
      property.enumerable ? "enumerable" : "",
      property.writable ? "writable" : "",
      property.configurable ? "configurable" : "",
    ];
    stage.say("names", name, kind, ...bits.filter((bit) => bit !== ""));
  }
}

function enumerated(object: object): string[] {
  const names: string[] = [];
  for (const name in object) if (!name.startsWith("_")) names.push(name);
  return names.sort();
}

export const surface: readonly Script[] = [
  script("names of the CommonJS module", (stage) => {
    const own = Object.keys(stage.impl.module).sort();
    stage.say("names", "keys", own);
    for (const key of own)
      stage.say("names", key, typeof (stage.impl.module as Record<string, unknown>)[key]);
  }),
  script("names of the ES module", (stage) => {
    const { namespace, module } = stage.impl as {
      namespace: Record<string, unknown>;
      module: Record<string, unknown>;
    };
    for (const key of Object.keys(module).sort()) {
      stage.say("names", key, typeof namespace[key], key === "Server" || namespace[key] === module[key]);
    }
    stage.say("names", "default", namespace.default === namespace.WebSocket);
  }),
  script("the module is WebSocket, with itself and Server in it", (stage) => {
    const module = stage.impl.module as Record<string, unknown>;
    stage.say("is", "module", (module as unknown) === stage.impl.WebSocket, module.WebSocket === module);
    stage.say(
      "is",
      "server",
      module.Server === module.WebSocketServer,
      module.Server === stage.impl.WebSocketServer,
    );
  }),
  script("static attributes of WebSocket", (stage) =>
    describe(stage, stage.impl.WebSocket, ["length", "name", "prototype"]),
  ),
  script("attributes of WebSocket.prototype", (stage) =>
    describe(stage, stage.impl.WebSocket.prototype, ["constructor", "emitClose", "setSocket"]),
  ),
  script("attributes of WebSocketServer.prototype", (stage) =>
    describe(stage, stage.impl.WebSocketServer.prototype, ["constructor"]),
  ),
  script("methods that dependents take from WebSocket.prototype", (stage) => {
    const { setSocket } = stage.impl.WebSocket.prototype as unknown as Record<string, unknown>;
    stage.say("names", "setSocket", typeof setSocket);
  }),
  script("names and lengths of classes and functions", (stage) => {
    const { impl } = stage;
    for (const made of [
      impl.WebSocket,
      impl.WebSocketServer,
      impl.Sender,
      impl.Receiver,
      impl.PerMessageDeflate,
    ]) {
      stage.say("names", made.name, made.length);
    }
    stage.say("names", impl.createWebSocketStream.name, impl.createWebSocketStream.length);
    stage.say("names", "extension", Object.keys(impl.extension).sort());
    stage.say("names", "subprotocol", Object.keys(impl.subprotocol).sort());
    stage.say("names", "extensionName", impl.PerMessageDeflate.extensionName);
  }),
  script("lengths of methods", (stage) => {
    const socket = stage.impl.WebSocket.prototype as unknown as Record<string, { length: number }>;
    for (const name of [
      "close",
      "ping",
      "pong",
      "send",
      "terminate",
      "pause",
      "resume",
      "addEventListener",
    ]) {
      stage.say("socket", name, socket[name].length);
    }
    const server = stage.impl.WebSocketServer.prototype as unknown as Record<string, { length: number }>;
    for (const name of ["address", "close", "handleUpgrade", "completeUpgrade", "shouldHandle"]) {
      stage.say("server", name, server[name].length);
    }
  }),
  script("what the classes extend", (stage) => {
    const { impl } = stage;
    stage.say("is", "socket", Object.getPrototypeOf(impl.WebSocket) === EventEmitter);
    stage.say("is", "server", Object.getPrototypeOf(impl.WebSocketServer) === EventEmitter);
    stage.say("is", "receiver", new impl.Receiver() instanceof Writable);
  }),
  script("for … in over a client", (stage) => {
    const socket = stage.connect("ws://127.0.0.1:1/");
    const names = enumerated(socket).filter((name) => !Object.keys(EventEmitter.prototype).includes(name));
    stage.say("names", "found", names);
  }),
  script("for … in over a server", async (stage) => {
    const { wss } = await stage.serve({ noServer: true });
    stage.say(
      "names",
      "found",
      enumerated(wss).filter((name) => !Object.keys(EventEmitter.prototype).includes(name)),
    );
    stage.say("names", "options", Object.keys(wss.options).sort());
  }),
  script("defaults of a server's options", async (stage) => {
    const { wss } = await stage.serve({ noServer: true });
    for (const [name, value] of Object.entries(wss.options)) stage.say("options", name, value);
  }),
  script("attributes of a client before it opens", (stage) => {
    const socket = stage.connect("ws://127.0.0.1:1/path?query");
    for (const name of [
      "binaryType",
      "bufferedAmount",
      "extensions",
      "isPaused",
      "protocol",
      "readyState",
      "url",
    ]) {
      stage.say("attributes", name, socket[name as keyof typeof socket]);
    }
    for (const name of ["onopen", "onclose", "onerror", "onmessage"] as const) {
      stage.say("attributes", name, socket[name]);
    }
  }),
  script("attributes that cannot be set", (stage) => {
    const socket = stage.connect("ws://127.0.0.1:1/") as unknown as Record<string, unknown>;
    for (const name of [
      "bufferedAmount",
      "extensions",
      "isPaused",
      "protocol",
      "readyState",
      "url",
      "OPEN",
    ]) {
      stage.call("set", name, () => {
        socket[name] = "other";
        return socket[name];
      });
    }
  }),
  script("binaryType takes four values, ignores others", (stage) => {
    const socket = stage.connect("ws://127.0.0.1:1/") as unknown as { binaryType: unknown };
    for (const value of ["arraybuffer", "fragments", "blob", "nodebuffer", "text", "", undefined, null, 5]) {
      stage.call("set", "binaryType", () => {
        socket.binaryType = value;
        return socket.binaryType;
      });
    }
  }),
  script("constants", (stage) => {
    const { WebSocket } = stage.impl;
    const socket = stage.connect("ws://127.0.0.1:1/");
    for (const name of ["CONNECTING", "OPEN", "CLOSING", "CLOSED"] as const) {
      stage.say("constants", name, WebSocket[name], WebSocket.prototype[name], socket[name]);
    }
  }),
  script("a class that extends WebSocket", async (stage) => {
    class Mine extends stage.impl.WebSocket {
      readonly mine = "mine";
    }
    const { url } = await stage.serve({ WebSocket: Mine as never });
    const socket = stage.watch("client", new Mine(url));
    stage.say("client", "is", socket instanceof stage.impl.WebSocket, socket.mine, socket.constructor.name);
    await stage.until("client", "open");
    socket.close(1000);
    await Promise.all([stage.until("client", "close"), stage.until("server", "close")]);
  }),
  script("sockets of the class in the option WebSocket", async (stage) => {
    class Mine extends stage.impl.WebSocket {}
    const { wss, client } = await stage.pair({ WebSocket: Mine as never });
    for (const socket of wss.clients)
      stage.say("server", "is", socket instanceof Mine, socket.constructor.name);
    client.close();
    await Promise.all([stage.until("client", "close"), stage.until("server", "close")]);
  }),
  script("members that dependents reach into", async (stage) => {
    const { server, client } = await stage.pair();
    for (const [lane, socket] of [
      ["server", server],
      ["client", client],
    ] as const) {
      const inner = internals(socket);
      stage.say(lane, "isServer", inner._isServer);
      stage.say(lane, "socket", typeof inner._socket, typeof inner._socket?.on, typeof inner._socket?.write);
      const { remoteAddress, unref } = inner._socket as unknown as { remoteAddress: string; unref: unknown };
      stage.say(lane, "remote", remoteAddress, typeof unref);
      stage.say(lane, "sender", typeof inner._sender, typeof inner._sender.sendFrame);
    }
    client.close();
    await Promise.all([stage.until("client", "close"), stage.until("server", "close")]);
  }),
  script("calling classes without new", (stage) => {
    const { WebSocket, WebSocketServer } = stage.impl as unknown as Record<
      string,
      (...values: unknown[]) => unknown
    >;
    stage.call("call", "WebSocket", () => WebSocket("ws://127.0.0.1:1/"));
    stage.call("call", "WebSocketServer", () => WebSocketServer({ noServer: true }));
  }),
];
