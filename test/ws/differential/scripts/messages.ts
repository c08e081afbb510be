/** Messages, pings and pongs between two open sockets. */

import type { Socket } from "../implementation.js";
import { internals } from "../implementation.js";
import { type Script, type Stage, script } from "../stage.js";

const bytes = (length: number) => Buffer.from(Uint8Array.from({ length }, (_, i) => i * 7 + (i >> 8)));

async function part(stage: Stage, client: Socket): Promise<void> {
  client.close(1000);
  await Promise.all([stage.until("client", "close"), stage.until("server", "close")]);
}

/** Data for send(), and options. */
const DATA: readonly (readonly [string, () => unknown, object?])[] = [
  ["text", () => "hello"],
  ["text of many planes", () => "aß語🪢"],
  ["text with a lone surrogate", () => "a\ud800b"],
  ["an empty string", () => ""],
  ["a Buffer", () => Buffer.from("hello")],
  ["an empty Buffer", () => Buffer.alloc(0)],
  ["a Uint8Array", () => Uint8Array.of(1, 2, 3)],
  ["a view into a larger buffer", () => new Uint8Array(Uint8Array.of(1, 2, 3, 4, 5).buffer, 1, 3)],
  ["a Float32Array", () => Float32Array.of(1, 2)],
  ["a DataView", () => new DataView(Uint8Array.of(1, 2, 3).buffer, 1)],
  ["an ArrayBuffer", () => Uint8Array.of(1, 2, 3).buffer],
  ["a SharedArrayBuffer", () => new SharedArrayBuffer(2)],
  ["a Blob", () => new Blob(["hello"], { type: "text/plain" })],
  ["an empty Blob", () => new Blob([])],
  ["an array of numbers", () => [1, 2, 300]],
  ["a number", () => 42],
  ["zero", () => 0],
  ["NaN", () => Number.NaN],
  ["undefined", () => undefined],
  ["null", () => null],
  ["false", () => false],
  ["an object with valueOf", () => ({ valueOf: () => "primitive" })],
  ["a String object", () => new String("boxed")],
  ["125 bytes", () => bytes(125)],
  ["126 bytes", () => bytes(126)],
  ["65535 bytes", () => bytes(65535)],
  ["65536 bytes", () => bytes(65536)],
  ["200000 bytes", () => bytes(200_000)],
  ["long text", () => "é".repeat(70_000)],
  ["text as binary", () => "hello", { binary: true }],
  ["bytes as text", () => Buffer.from("hello"), { binary: false }],
  ["a Blob as text", () => new Blob(["hello"]), { binary: false }],
  ["the option compress without compression", () => "hello", { compress: true }],
];

const sendingBothWays: Script[] = DATA.map(([name, data, options]) =>
  script(`send(): ${name}`, async (stage) => {
    const { server, client } = await stage.pair();
    const send = (lane: string, socket: Socket) =>
      stage.call(lane, "send", () =>
        socket.send(data() as never, (options ?? {}) as never, (error?: Error | null) =>
          stage.say(lane, "sent", error),
        ),
      );
    send("client", client);
    await Promise.all([stage.until("client", "sent"), stage.until("server", "message")]);
    send("server", server);
    await Promise.all([stage.until("server", "sent"), stage.until("client", "message")]);
    await part(stage, client);
  }),
);

/** Data that send(), ping() and pong() refuse. */
const REFUSED: readonly (readonly [string, unknown])[] = [
  ["true", true],
  ["an object", { a: 1 }],
  ["a function", () => {}],
  ["a symbol", Symbol("s")],
  ["a bigint", 5n],
  ["a Date", new Date(0)],
  ["126 bytes", bytes(126)],
  ["126 bytes of text", "é".repeat(63)],
];

const refused: Script[] = REFUSED.map(([name, data]) =>
  script(`data that is not sent or sent oddly: ${name}`, async (stage) => {
    const { client } = await stage.pair();
    for (const method of ["send", "ping", "pong"] as const) {
      stage.call("client", method, () => client[method](data as never));
    }
    client.send("end");
    await stage.until("server", "message", name.startsWith("126") ? 2 : 1);
    await part(stage, client);
  }),
);

/** Arguments of ping() and pong(). */
const CONTROLS: readonly (readonly [string, (done: () => void) => readonly unknown[]])[] = [
  ["nothing", () => []],
  ["text", () => ["hello"]],
  ["a number", () => [12]],
  ["zero", () => [0]],
  ["a Buffer", () => [Buffer.from("abc")]],
  ["an ArrayBuffer", () => [Uint8Array.of(1).buffer]],
  ["a Blob", () => [new Blob(["abc"])]],
  ["125 bytes", () => [bytes(125)]],
  ["a callback", (done) => [done]],
  ["data and a callback", (done) => ["x", done]],
  ["data, a mask and a callback", (done) => ["x", undefined, done]],
  ["null and a callback", (done) => [null, undefined, done]],
];

const controls: Script[] = (["ping", "pong"] as const).flatMap((method) =>
  CONTROLS.map(([name, args]) =>
    script(`${method}() with ${name}`, async (stage) => {
      const { server, client } = await stage.pair({ autoPong: false });
      for (const [lane, socket, other] of [
        ["client", client, "server"],
        ["server", server, "client"],
      ] as const) {
        const values = args(() => stage.say(lane, "done"));
        stage.call(lane, method, () => (socket[method] as (...values: unknown[]) => void)(...values));
        await stage.until(other, method);
        if (values.some((value) => typeof value === "function")) await stage.until(lane, "done");
      }
      await part(stage, client);
    }),
  ),
);

const types: Script[] = (["nodebuffer", "arraybuffer", "fragments", "blob"] as const).flatMap((type) => [
  script(`binaryType ${type}: what listeners get`, async (stage) => {
    const { server, client } = await stage.pair();
    client.binaryType = type as never;
    client.addEventListener("message", (event) => stage.say("client", "event", event));
    client.onmessage = (event) => stage.say("client", "attribute", event.data);
    for (const data of [Buffer.from("binary"), Buffer.alloc(0), "text", ""]) server.send(data);
    await stage.until("client", "attribute", 4);
    server.send("in ", { fin: false, binary: true });
    server.send("two", { fin: true });
    await stage.until("client", "attribute", 5);
    await part(stage, client);
  }),
  script(`binaryType ${type}: pings stay Buffers`, async (stage) => {
    const { server, client } = await stage.pair();
    client.binaryType = type as never;
    server.ping("data");
    await Promise.all([stage.until("client", "ping"), stage.until("server", "pong")]);
    await part(stage, client);
  }),
]);

export const messages: readonly Script[] = [
  ...sendingBothWays,
  ...refused,
  ...controls,
  ...types,
  script("pings are answered", async (stage) => {
    const { server, client } = await stage.pair();
    client.ping("from the client");
    server.ping("from the server");
    await Promise.all([stage.until("client", "pong"), stage.until("server", "pong")]);
    await part(stage, client);
  }),
  script("pings are not answered with autoPong false", async (stage) => {
    const { server, client } = await stage.pair({ autoPong: false }, { autoPong: false });
    client.ping("a");
    await stage.until("server", "ping");
    server.ping("b");
    await stage.until("client", "ping");
    client.send("behind");
    await stage.until("server", "message");
    await part(stage, client);
  }),
  script("fragments by hand", async (stage) => {
    const { server, client } = await stage.pair();
    client.send("one ", { fin: false });
    client.ping("between");
    client.send("two ", { fin: false });
    client.send("", { fin: false });
    client.send(Buffer.from("three"), { fin: true });
    client.send("whole");
    await stage.until("server", "message", 2);
    server.send(Buffer.from([1]), { fin: false });
    server.send(Buffer.from([2]), { fin: false, binary: false });
    server.send("3", { fin: true });
    await stage.until("client", "message");
    await part(stage, client);
  }),
  script("a Blob does not overtake, nor is it overtaken", async (stage) => {
    const { client } = await stage.pair();
    const done = (number: number) => () => stage.say("client", "done", number);
    client.send(new Blob(["first"]), done(1));
    client.send("second", done(2));
    client.ping("third", undefined, done(3));
    client.send(new Blob(["fourth"]), done(4));
    client.send("fifth", done(5));
    stage.say("client", "buffered", client.bufferedAmount);
    await Promise.all([stage.until("server", "message", 4), stage.until("client", "done", 5)]);
    stage.say("client", "buffered", client.bufferedAmount);
    await part(stage, client);
  }),
  script("a Blob that cannot be read", async (stage) => {
    const { client } = await stage.pair();
    const blob = new Blob(["x"]);
    blob.arrayBuffer = () => Promise.reject(new Error("unreadable"));
    client.send(blob as never, (error) => stage.say("client", "sent", error));
    client.send("behind", (error) => stage.say("client", "sent", error));
    await Promise.all([stage.until("client", "close"), stage.until("server", "close")]);
  }),
  script("the socket goes while a Blob is read", async (stage) => {
    const { client } = await stage.pair();
    client.send(new Blob(["x"]) as never, (error) => stage.say("client", "sent", error));
    client.send("behind", (error) => stage.say("client", "sent", error));
    client.terminate();
    await Promise.all([
      stage.until("client", "sent", 2),
      stage.until("client", "close"),
      stage.until("server", "close"),
    ]);
  }),
  script("a hundred messages both ways keep their order", async (stage) => {
    const { server, client } = await stage.pair();
    for (let i = 0; i < 100; i++) {
      client.send(`${i}`);
      server.send(Buffer.from([i]));
    }
    await Promise.all([stage.until("server", "message", 100), stage.until("client", "message", 100)]);
    await part(stage, client);
  }),
  script("a message does not change when its buffer does", async (stage) => {
    const { server, client } = await stage.pair();
    const data = Buffer.alloc(100, "a");
    server.send(data);
    await stage.until("client", "message");
    const sent = bytes(300);
    client.send(sent);
    stage.say("client", "data after send", sent);
    await stage.until("server", "message");
    await part(stage, client);
  }),
  script("mask: true of a server", async (stage) => {
    const { server, peer } = await stage.rawPair();
    server.send("masked", { mask: true });
    server.ping("masked", true);
    await stage.until("peer", "ping");
    peer.stream.end();
    await stage.until("server", "close");
  }),
  script("mask: false of a client", async (stage) => {
    const { client, peer } = await stage.rawClientPair();
    client.send("not masked", { mask: false });
    client.pong("not masked", false);
    await stage.until("peer", "pong");
    peer.stream.end();
    await stage.until("client", "close");
  }),
  script("generateMask", async (stage) => {
    const generateMask = (mask: Buffer) => {
      stage.say("client", "generateMask", mask.length);
      mask.fill(0);
    };
    const { client, peer } = await stage.rawClientPair({ generateMask });
    client.send("a");
    client.send(Buffer.from("b"));
    client.ping();
    await stage.until("peer", "ping");
    peer.stream.end();
    await stage.until("client", "close");
  }),
  script("send() without a callback throws nothing, takes undefined", async (stage) => {
    const { client } = await stage.pair();
    stage.call("client", "send", () => client.send("a", undefined as never, undefined));
    stage.call("client", "send", () => client.send("b", null as never));
    stage.call("client", "send", () => client.send("c", {}, undefined));
    stage.call("client", "send", () => client.send("d", 10 as never));
    stage.call("client", "send", () => client.send("e", "text" as never, () => stage.say("client", "sent")));
    await stage.until("server", "message", 5);
    await part(stage, client);
  }),
  script("_sender.sendFrame with a frame of Sender.frame", async (stage) => {
    const { server, client } = await stage.pair();
    const list = stage.impl.Sender.frame(Buffer.from("framed before"), {
      readOnly: false,
      mask: false,
      rsv1: false,
      opcode: 1,
      fin: true,
    });
    stage.say("frame", "list", list);
    internals(server)._sender.sendFrame(list, (error) => stage.say("server", "sent", error));
    server.send("behind");
    await Promise.all([stage.until("client", "message", 2), stage.until("server", "sent")]);
    await part(stage, client);
  }),
  script("listeners of message get a Buffer of their own", async (stage) => {
    const { server, client } = await stage.pair();
    const kept: Buffer[] = [];
    client.on("message", (data) => kept.push(data as Buffer));
    for (let i = 0; i < 20; i++) server.send(Buffer.alloc(50, i));
    await stage.until("client", "message", 20);
    server.send(Buffer.alloc(5000, 255));
    await stage.until("client", "message", 21);
    stage.say(
      "client",
      "kept",
      kept.every((data, i) => i === 20 || data.every((byte) => byte === i)),
    );
    await part(stage, client);
  }),
];
