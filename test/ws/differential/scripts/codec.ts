/** The parts of ws that are exported on their own: Sender, Receiver, PerMessageDeflate, extension, subprotocol. */

import zlib from "node:zlib";
import { closeBody } from "../../../support/frames.js";
import { End } from "../duplex.js";
import { bytesOf, type Frame, MASK, RawPeer } from "../peer.js";
import { type Script, type Stage, script } from "../stage.js";

const FRAMES: readonly (readonly [string, unknown, object])[] = [
  ["text of a server", Buffer.from("hello"), { opcode: 1, fin: true }],
  ["a string", "héllo", { opcode: 1, fin: true }],
  ["an empty string", "", { opcode: 1, fin: true }],
  ["no bytes", Buffer.alloc(0), { opcode: 2, fin: true }],
  ["a fragment", Buffer.from("a"), { opcode: 1, fin: false }],
  ["RSV1", Buffer.from("a"), { opcode: 1, fin: true, rsv1: true }],
  ["126 bytes", Buffer.alloc(126, "a"), { opcode: 2, fin: true }],
  ["65536 bytes", Buffer.alloc(65536, "a"), { opcode: 2, fin: true }],
  ["a close", closeBody(1000), { opcode: 8, fin: true }],
];

const framed: Script[] = FRAMES.map(([name, data, options]) =>
  script(`Sender.frame: ${name}`, (stage) => {
    const { frame } = stage.impl.Sender;
    const whole = (list: (string | Buffer)[]) =>
      Buffer.concat(list.map((part) => Buffer.from(part as Buffer)));
    stage.call("frame", "plain", () => {
      const list = frame(data, options);
      return [list.length, whole(list)];
    });
    const generateMask = (mask: Buffer) => mask.set([1, 2, 3, 4]);
    for (const readOnly of [true, false]) {
      const copy = typeof data === "string" ? data : Buffer.from(data as Buffer);
      stage.call("frame", "masked", () => {
        const list = frame(copy, {
          ...options,
          mask: true,
          readOnly,
          maskBuffer: Buffer.alloc(4),
          generateMask,
        });
        return [list.length, whole(list), readOnly ? copy : "its own"];
      });
    }
  }),
);

/** A Receiver that logs. */
function receiver(stage: Stage, options: object = {}) {
  const made = new stage.impl.Receiver(options);
  for (const name of ["message", "ping", "pong", "conclude", "error", "finish", "close", "drain"]) {
    made.on(name, (...values: unknown[]) => stage.say("receiver", name, ...values));
  }
  return made;
}

const STREAMS: readonly (readonly [string, object, readonly Frame[]])[] = [
  [
    "messages",
    {},
    [
      { opcode: 1, payload: "a" },
      { opcode: 2, payload: "b" },
    ],
  ],
  [
    "fragments and controls",
    {},
    [
      { opcode: 1, payload: "a", fin: false },
      { opcode: 9, payload: "p" },
      { opcode: 0, payload: "b" },
      { opcode: 10 },
    ],
  ],
  ["a Close", {}, [{ opcode: 8, payload: closeBody(1001, "r") }]],
  ["a Close of no bytes", {}, [{ opcode: 8 }]],
  ["an error", {}, [{ opcode: 3 }]],
  [
    "maxPayload",
    { maxPayload: 3 },
    [
      { opcode: 1, payload: "abc" },
      { opcode: 1, payload: "abcd" },
    ],
  ],
  ["binaryType arraybuffer", { binaryType: "arraybuffer" }, [{ opcode: 2, payload: "a" }]],
  [
    "binaryType fragments",
    { binaryType: "fragments" },
    [
      { opcode: 2, payload: "a", fin: false },
      { opcode: 0, payload: "b" },
    ],
  ],
  ["binaryType blob", { binaryType: "blob" }, [{ opcode: 2, payload: "abc" }]],
  [
    "allowSynchronousEvents false",
    { allowSynchronousEvents: false },
    [
      { opcode: 1, payload: "a" },
      { opcode: 1, payload: "b" },
    ],
  ],
  ["skipUTF8Validation", { skipUTF8Validation: true }, [{ opcode: 1, payload: Buffer.from("ff", "hex") }]],
  ["text that is not UTF-8", {}, [{ opcode: 1, payload: Buffer.from("ff", "hex") }]],
];

const receivers: Script[] = STREAMS.flatMap(([name, options, frames]) =>
  [false, true].map((isServer) =>
    script(`Receiver of a ${isServer ? "server" : "client"}: ${name}`, async (stage) => {
      const made = receiver(stage, { ...options, isServer });
      const bytes = Buffer.concat(frames.map((frame) => bytesOf(frame, isServer ? MASK : undefined)));
      made.write(bytes, (error) => stage.say("receiver", "written", error));
      await stage.until("receiver", "written");
      await stage.turns();
    }),
  ),
);

const EXTENSIONS = [
  "",
  " ",
  ",",
  ";",
  "a",
  "a,b",
  "a, b",
  " a",
  "a ",
  "a;b",
  "a; b=c; d",
  "a;b=",
  'a;b="c"',
  'a;b="c\\d"',
  'a;b=""',
  'a;b="c',
  "a;b=c,a;b=d",
  "a;b=c;b=d",
  "a;;b",
  "a,,b",
  "a;b=c d",
  "a b",
  "a=b",
  "a;b==c",
  'a;b="c d"',
  "\u00e9",
  "a;\tb\t=c",
  "a\t;b",
  "__proto__;__proto__=1",
];

const SUBPROTOCOLS = [
  "",
  "a",
  "a,b",
  "a, b",
  "a ,b",
  " a",
  "a ",
  "a,",
  ",a",
  "a,,b",
  "a,a",
  "a b",
  "é",
  "a\t,\tb",
  '"a"',
  "__proto__",
];

export const codec: readonly Script[] = [
  ...framed,
  ...receivers,
  script("extension.parse", (stage) => {
    for (const header of EXTENSIONS) {
      stage.call("parse", JSON.stringify(header), () =>
        JSON.stringify(Object.entries(stage.impl.extension.parse(header))),
      );
    }
  }),
  script("extension.format", (stage) => {
    const { format } = stage.impl.extension;
    for (const value of [
      {},
      { a: {} },
      { a: [{}, { b: true }] },
      { a: { b: "c", d: [1, true] }, e: [] },
      { a: [{ b: ["c", "d"] }] },
    ]) {
      stage.call("format", JSON.stringify(value), () => format(value));
    }
  }),
  script("subprotocol.parse", (stage) => {
    for (const header of SUBPROTOCOLS)
      stage.call("parse", JSON.stringify(header), () => stage.impl.subprotocol.parse(header));
  }),
  script("Sender on a Duplex", async (stage) => {
    const [near, far] = End.pair();
    new RawPeer(stage.journal, "peer", far, { head: false });
    const sender = new stage.impl.Sender(near);
    const sent = (what: string) => (error?: Error) => stage.say("sender", "sent", what, error);
    sender.send("text", { binary: false, compress: false, fin: true, mask: false }, sent("text"));
    sender.send(Buffer.from("b"), { binary: true, compress: false, fin: false, mask: true }, sent("binary"));
    sender.send(Buffer.from("c"), { binary: true, compress: false, fin: true, mask: false }, sent("rest"));
    sender.ping("p", false, sent("ping"));
    sender.pong(Buffer.from("q"), true, sent("pong"));
    sender.close(1000, "r", false, sent("close"));
    await Promise.all([stage.until("peer", "close"), stage.until("sender", "sent", 6)]);
    near.destroy();
  }),
  script("Sender: arguments that it refuses", (stage) => {
    const [near] = End.pair();
    const sender = new stage.impl.Sender(near);
    stage.call("sender", "close", () => sender.close(5, undefined, false));
    stage.call("sender", "close", () => sender.close(1000, "x".repeat(124), false));
    stage.call("sender", "ping", () => sender.ping("x".repeat(126), false));
    stage.call("sender", "pong", () => sender.pong(Buffer.alloc(126), false));
    near.destroy();
  }),
  script("Receiver: bytes one by one", async (stage) => {
    const made = receiver(stage, { isServer: true });
    for (const byte of Buffer.concat([
      bytesOf({ opcode: 1, payload: "one by one" }, MASK),
      bytesOf({ opcode: 8 }, MASK),
    ])) {
      made.write(Uint8Array.of(byte));
    }
    await stage.until("receiver", "conclude");
    await stage.turns();
  }),
  script("Receiver: a listener that throws throws out of write()", (stage) => {
    const made = new stage.impl.Receiver();
    made.on("message", () => {
      throw new Error("mine");
    });
    stage.call("receiver", "write", () => made.write(bytesOf({ opcode: 1, payload: "a" })));
  }),
  script("Receiver with compression", async (stage) => {
    const deflate = new stage.impl.PerMessageDeflate();
    deflate.accept([{}]);
    const made = receiver(stage, { extensions: { "permessage-deflate": deflate } });
    const payload = zlib
      .deflateRawSync("hello", { finishFlush: zlib.constants.Z_SYNC_FLUSH })
      .subarray(0, -4);
    made.write(bytesOf({ opcode: 1, rsv: 4, payload }));
    await stage.until("receiver", "message");
    deflate.cleanup();
  }),
  ...(
    [
      ["nothing", undefined],
      [
        "everything",
        {
          serverNoContextTakeover: true,
          clientNoContextTakeover: true,
          serverMaxWindowBits: 9,
          clientMaxWindowBits: 10,
        },
      ],
      ["clientMaxWindowBits true", { clientMaxWindowBits: true }],
      ["clientMaxWindowBits false", { clientMaxWindowBits: false }],
    ] as const
  ).map(([name, options]) =>
    script(`PerMessageDeflate: offer and accept with ${name}`, (stage) => {
      const { PerMessageDeflate } = stage.impl;
      stage.call("deflate", "offer", () => new PerMessageDeflate(options).offer());
      const configurations = [
        [{}],
        [{ client_max_window_bits: [true] }],
        [{ client_max_window_bits: ["10"] }],
        [{ server_max_window_bits: ["8"] }],
        [{ server_max_window_bits: ["16"] }],
        [{ server_max_window_bits: [true] }],
        [{ server_no_context_takeover: [true] }],
        [{ client_no_context_takeover: [true] }],
        [{ client_no_context_takeover: ["x"] }],
        [{ other: [true] }],
        [{ server_max_window_bits: ["9", "9"] }],
      ];
      for (const isServer of [true, false]) {
        for (const configuration of configurations) {
          const copy = configuration.map((parameters) => ({ ...parameters }));
          stage.call("deflate", `accept ${isServer} ${JSON.stringify(configuration)}`, () =>
            new PerMessageDeflate({ ...options, isServer }).accept(copy),
          );
        }
      }
    }),
  ),
  script("PerMessageDeflate: compress and decompress", async (stage) => {
    const { PerMessageDeflate } = stage.impl;
    const server = new PerMessageDeflate({ isServer: true, threshold: 0 });
    const client = new PerMessageDeflate({ threshold: 0 });
    server.accept([{}]);
    client.accept([{}]);
    for (const text of ["hello hello hello", "", "hello hello hello"]) {
      const data = await new Promise<Buffer>((resolve, reject) => {
        server.compress(text, true, (error, compressed) =>
          error ? reject(error) : resolve(compressed as Buffer),
        );
      });
      await new Promise<void>((resolve) => {
        client.decompress(data, true, (error, inflated) => {
          stage.say("deflate", "inflated", error, inflated);
          resolve();
        });
      });
    }
    await new Promise<void>((resolve) => {
      client.decompress(Buffer.from("ffffff", "hex"), true, (error) => {
        stage.say("deflate", "bad", error);
        resolve();
      });
    });
    server.cleanup();
    client.cleanup();
  }),
  script("PerMessageDeflate: maxPayload", async (stage) => {
    const client = new stage.impl.PerMessageDeflate({ maxPayload: 5 });
    client.accept([{}]);
    const payload = zlib
      .deflateRawSync("hello!", { finishFlush: zlib.constants.Z_SYNC_FLUSH })
      .subarray(0, -4);
    await new Promise<void>((resolve) => {
      client.decompress(payload, true, (error) => {
        stage.say("deflate", "too long", error);
        resolve();
      });
    });
    client.cleanup();
  }),
];
