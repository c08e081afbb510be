/** The WHATWG surface of a socket: addEventListener, on…, events. */

import type { Socket } from "../implementation.js";
import { type Script, type Stage, script } from "../stage.js";

type Listener = Parameters<Socket["addEventListener"]>[1];

async function part(stage: Stage, client: Socket): Promise<void> {
  client.close(1000);
  await Promise.all([stage.until("client", "close"), stage.until("server", "close")]);
}

export const events: readonly Script[] = [
  script("events of a connection", async (stage) => {
    const { url, wss } = await stage.serve();
    wss.on("connection", (socket) => {
      socket.send("text");
      socket.send(Buffer.from("binary"));
      socket.close(4000, "reason");
    });
    const client = new stage.impl.WebSocket(url);
    for (const type of ["open", "message", "error", "close"] as const) {
      client.addEventListener(type, function (this: unknown, event: object) {
        stage.say("client", type, event, this === client, (event as { target: unknown }).target === client);
      } as never);
    }
    await stage.until("client", "close");
  }),
  script("the event error", async (stage) => {
    const { url } = await stage.rawServer((peer) => peer.stream.end("HTTP/1.1 500 No\r\n\r\n"));
    const client = new stage.impl.WebSocket(url);
    client.onerror = (event) => stage.say("client", "error", event);
    client.onclose = (event) => stage.say("client", "close", event);
    await stage.until("client", "close");
  }),
  script("order: attributes, listeners, addEventListener", async (stage) => {
    const { server, client } = await stage.pair();
    client.addEventListener("message", () => stage.say("client", "first"));
    client.onmessage = () => stage.say("client", "second");
    client.on("message", () => stage.say("client", "third"));
    client.onmessage = () => stage.say("client", "second, replaced");
    client.prependListener("message", () => stage.say("client", "zeroth"));
    server.send("x");
    await stage.until("client", "second, replaced");
    await part(stage, client);
  }),
  script("addEventListener twice with a listener", async (stage) => {
    const { server, client } = await stage.pair();
    const listener: Listener = (() => stage.say("client", "event")) as never;
    client.addEventListener("message", listener);
    client.addEventListener("message", listener);
    client.onmessage = listener as never;
    stage.say("client", "count", client.listenerCount("message"));
    server.send("x");
    await stage.until("client", "event", 2);
    await part(stage, client);
  }),
  script("addEventListener with once", async (stage) => {
    const { server, client } = await stage.pair();
    client.addEventListener("message", (() => stage.say("client", "event")) as never, { once: true });
    server.send("1");
    server.send("2");
    await stage.until("client", "message", 2);
    await part(stage, client);
  }),
  script("addEventListener with handleEvent", async (stage) => {
    const { server, client } = await stage.pair();
    const listener = {
      handleEvent(event: { data: unknown }) {
        stage.say("client", "event", event.data, this === listener);
      },
    };
    client.addEventListener("message", listener as never);
    server.send("1");
    await stage.until("client", "event");
    client.removeEventListener("message", listener as never);
    server.send("2");
    await stage.until("client", "message", 2);
    await part(stage, client);
  }),
  script("addEventListener with values that are not listeners", async (stage) => {
    const { client } = await stage.pair();
    for (const value of [undefined, null, 5, "x", {}]) {
      stage.call("client", "addEventListener", () =>
        client.addEventListener("ping" as never, value as never),
      );
    }
    stage.say("client", "count", client.listenerCount("ping"));
    await part(stage, client);
  }),
  script("addEventListener of other types", async (stage) => {
    const { server, client } = await stage.pair();
    for (const type of ["ping", "pong", "upgrade", "other"]) {
      stage.call("client", type, () =>
        client.addEventListener(type as never, (() => stage.say("client", "event")) as never),
      );
      stage.say("client", "count", type, client.listenerCount(type));
    }
    server.ping();
    await stage.until("client", "ping");
    await part(stage, client);
  }),
  script("removeEventListener", async (stage) => {
    const { server, client } = await stage.pair();
    const listener: Listener = (() => stage.say("client", "event")) as never;
    client.addEventListener("message", listener);
    client.removeEventListener("message", listener);
    client.removeEventListener("message", listener);
    client.removeEventListener("other" as never, listener as never);
    client.onmessage = listener as never;
    client.removeEventListener("message", listener);
    stage.say("client", "count", client.listenerCount("message"), client.onmessage === (listener as unknown));
    server.send("x");
    await stage.until("client", "event");
    await part(stage, client);
  }),
  script("removeListener with a function of addEventListener removes nothing", async (stage) => {
    const { client } = await stage.pair();
    const listener: Listener = (() => {}) as never;
    client.addEventListener("message", listener);
    client.removeListener("message", listener as never);
    stage.say("client", "count", client.listenerCount("message"));
    client.removeAllListeners("message");
    stage.say("client", "count", client.listenerCount("message"), client.onmessage);
    await part(stage, client);
  }),
  script("attributes take functions, others clear them", async (stage) => {
    const { client } = await stage.pair();
    for (const name of ["onopen", "onmessage", "onclose", "onerror"] as const) {
      const type = name.slice(2);
      const before = client.listenerCount(type);
      for (const value of [() => {}, null, () => {}, undefined, () => {}, 5, { handleEvent() {} }]) {
        (client as unknown as Record<string, unknown>)[name] = value;
        stage.say("client", name, typeof client[name], client.listenerCount(type) - before);
      }
    }
    await part(stage, client);
  }),
  script("this in attributes", async (stage) => {
    const { server, client } = await stage.pair();
    client.onmessage = function (this: unknown) {
      stage.say("client", "this", this === client);
    } as never;
    server.send("x");
    await stage.until("client", "this");
    await part(stage, client);
  }),
  script("listeners() and eventNames()", async (stage) => {
    const { client } = await stage.pair();
    client.addEventListener("message", () => {});
    stage.say("client", "names", client.eventNames().map(String));
    stage.say(
      "client",
      "listeners",
      client.listeners("message").length,
      client.rawListeners("message").length,
    );
    await part(stage, client);
  }),
  script("emit() by the user reaches both kinds of listeners", async (stage) => {
    const { client } = await stage.pair();
    client.addEventListener("message", (event) => stage.say("client", "event", event.data));
    stage.say("client", "emitted", client.emit("message", Buffer.from("mine"), false));
    stage.say("client", "emitted", client.emit("other"));
    await part(stage, client);
  }),
  script("an event has no more than its names", async (stage) => {
    const { server, client } = await stage.pair();
    client.addEventListener("message", (event) => {
      stage.say("client", "keys", Object.keys(event), "timeStamp" in event, "stopPropagation" in event);
      const proto = Object.getPrototypeOf(event) as object;
      stage.say("client", "proto", proto.constructor.name, Object.getPrototypeOf(proto).constructor.name);
      stage.say(
        "client",
        "instance",
        typeof globalThis.Event === "function" && event instanceof globalThis.Event,
      );
    });
    server.send("x");
    await stage.until("client", "instance");
    await part(stage, client);
  }),
  script("dispatchEvent is not there", async (stage) => {
    const { client } = await stage.pair();
    stage.say("client", "dispatchEvent", typeof (client as unknown as Record<string, unknown>).dispatchEvent);
    await part(stage, client);
  }),
];
