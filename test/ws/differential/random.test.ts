/** Scripts that fast-check makes: frames in any chunks, calls in any order, headers of any kind. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { arbitraryFrames, type FrameSpec, frame } from "../../support/frames.js";
import { runCount, SEED } from "../../support/property.js";
import { face } from "./face.js";
import { type Implementation, internals, ws } from "./implementation.js";
import type { Log } from "./journal.js";
import { play } from "./run.js";
import { type Script, type Stage, script } from "./stage.js";

/** Runs a script that is made out of a value with both, and compares. */
function same<T>(
  name: string,
  runs: number,
  of: fc.Arbitrary<T>,
  make: (value: T) => Script,
  common = (log: Log) => log,
) {
  test(`${name} [HAWSER_SEED=${SEED}]`, async () => {
    await fc.assert(
      fc.asyncProperty(of, async (value) => {
        const made = make(value);
        const expected = await play(made, ws);
        assert.equal(expected.script, undefined, `the script ends: ${expected.script}`);
        assert.deepEqual(common(await play(made, face)), common(expected));
      }),
      { seed: SEED, numRuns: runCount(runs) },
    );
  });
}

/** Compares what two functions give or throw; the words of errors may differ. */
function sameValues<T>(
  name: string,
  runs: number,
  of: fc.Arbitrary<T>,
  get: (impl: Implementation, value: T) => unknown,
) {
  const outcome = (impl: Implementation, value: T) => {
    try {
      return { value: get(impl, value) };
    } catch (error) {
      return { throws: (error as Error).name };
    }
  };
  test(`${name} [HAWSER_SEED=${SEED}]`, () => {
    fc.assert(
      fc.property(of, (value) => assert.deepEqual(outcome(face, value), outcome(ws, value))),
      { seed: SEED, numRuns: runCount(runs) },
    );
  });
}

/** Where a stream of bytes is cut into chunks. */
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 });

async function feed(stage: Stage, bytes: Uint8Array, at: readonly number[], options: object): Promise<void> {
  const { peer } = stage.overDuplex(options);
  const edges = [0, ...at.map((part) => Math.floor(part * bytes.length)).sort((a, b) => a - b), bytes.length];
  for (let i = 1; i < edges.length; i++) {
    if (edges[i] === edges[i - 1]) continue;
    peer.write(bytes.subarray(edges[i - 1], edges[i]));
    await stage.turns(1);
  }
  peer.stream.end();
  await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
}

const bytesOf = (frames: readonly FrameSpec[]) => Buffer.concat(frames.map((spec) => frame(spec)));

same(
  "frames that are valid, in any chunks",
  60,
  fc.tuple(arbitraryFrames("server"), cuts, fc.constantFrom("nodebuffer", "arraybuffer", "blob")),
  ([frames, at, binaryType]) =>
    script("valid frames", async (stage) => feed(stage, bytesOf(frames), at, { binaryType })),
);

/** Frames of which one breaks a rule that both know, with the code and the message that ws has. */
const broken = fc
  .tuple(
    arbitraryFrames("server"),
    fc.nat(),
    fc.oneof(
      fc.constantFrom(3, 4, 5, 6, 7, 11, 12, 13, 14, 15).map((opcode): Partial<FrameSpec> => ({ opcode })),
      fc.integer({ min: 1, max: 7 }).map((rsv): Partial<FrameSpec> => ({ rsv })),
      fc.constant<Partial<FrameSpec>>({ key: undefined }),
      fc.constant<Partial<FrameSpec>>({ opcode: 0 }),
      fc.constantFrom<Partial<FrameSpec>>({ opcode: 9, fin: false }, { opcode: 10, fin: false }),
      fc.integer({ min: 0, max: 5100 }).map(
        (code): Partial<FrameSpec> => ({
          opcode: 8,
          fin: true,
          payload: Uint8Array.of(code >> 8, code & 255),
        }),
      ),
    ),
  )
  .map(([frames, where, change]) =>
    frames.map((spec, i) => (i === where % frames.length ? { ...spec, ...change } : spec)),
  );

same("frames of which one is bad, in one chunk", 60, broken, (frames) =>
  script("a bad frame", async (stage) => feed(stage, bytesOf(frames), [], {})),
);

type Opened = ReturnType<Stage["overDuplex"]>["socket"];

/** A call of a socket: its name, and its arguments but the callback. */
type Call = readonly [keyof Opened, ...(readonly unknown[])];

/** Bytes are ASCII, because they may be sent as text: hawser sends no text that is not UTF-8. */
const data: fc.Arbitrary<string | Uint8Array> = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.uint8Array({ maxLength: 200, max: 127 }).map((bytes) => new Uint8Array(bytes)),
);
const options = fc.record(
  { binary: fc.boolean(), fin: fc.boolean(), compress: fc.boolean() },
  { requiredKeys: [] },
);

const call: fc.Arbitrary<Call> = fc.oneof(
  fc.tuple(fc.constant<"send">("send"), data, options),
  fc.tuple(
    fc.constantFrom<("ping" | "pong")[]>("ping", "pong"),
    fc.uint8Array({ maxLength: 130 }),
    fc.constant(undefined),
  ),
  fc.tuple(
    fc.constant<"close">("close"),
    fc.constantFrom(1000, 1001, 1005, 3000, 4999, 5000, 999, undefined),
    fc.string({ maxLength: 20 }),
  ),
  fc.constantFrom<Call[]>(["pause"], ["resume"]),
  fc.tuple(
    fc.constant<"binaryType">("binaryType"),
    fc.constantFrom("arraybuffer", "nodebuffer", "blob", "other"),
  ),
);

/**
 * Callbacks have lanes of their own, for they come at the end of the turn: those of messages that were sent, and those
 * of messages that were refused.
 */
function perform(stage: Stage, socket: Opened, number: number, [name, ...values]: Call): unknown {
  if (name === "binaryType") {
    socket.binaryType = values[0] as never;
    return socket.binaryType;
  }
  const callback = (error?: Error | null) => stage.say(error ? "refused" : "sent", `${number}`, error);
  const callbacks = name === "send" || name === "ping" || name === "pong" ? [callback] : [];
  return (socket[name] as (...args: unknown[]) => unknown)(...values, ...callbacks);
}

same(
  "calls in any order",
  80,
  fc.tuple(fc.array(fc.tuple(call, fc.boolean()), { maxLength: 12 }), fc.boolean()),
  ([calls, isServer]) =>
    script("calls", async (stage) => {
      const { socket, peer } = stage.overDuplex({}, { isServer });
      for (const [number, [one, turns]] of calls.entries()) {
        stage.call("calls", `${number}`, () => perform(stage, socket, number, one));
        stage.say("calls", "state", socket.readyState, socket.isPaused);
        if (turns) await stage.turns(2);
      }
      await stage.turns(3);
      socket.resume();
      if (socket.readyState === socket.OPEN) socket.close(1000);
      await stage.until("peer", "close");
      peer.send({ opcode: 8, payload: Uint8Array.of(3, 232) });
      await Promise.all([stage.until("socket", "close"), stage.until("peer", "gone")]);
    }),
);

/** Text that looks like a header of the handshake. */
const headerText = fc
  .array(
    fc.constantFrom(
      "a",
      "b2",
      "permessage-deflate",
      "client_max_window_bits",
      "=",
      "10",
      '"',
      '"9"',
      ";",
      "; ",
      ",",
      ", ",
      " ",
      "\t",
      "\\",
    ),
    { maxLength: 9 },
  )
  .map((parts) => parts.join(""));

sameValues("extension.parse", 2000, headerText, ({ extension }, header) =>
  structuredClone({ ...extension.parse(header) }),
);
sameValues("subprotocol.parse", 2000, headerText, ({ subprotocol }, header) => [
  ...subprotocol.parse(header),
]);
sameValues(
  "Sender.frame",
  500,
  fc.record({
    data: fc.uint8Array({ maxLength: 300 }),
    opcode: fc.constantFrom(1, 2),
    fin: fc.boolean(),
    rsv1: fc.boolean(),
    mask: fc.boolean(),
  }),
  ({ Sender }, { data: bytes, ...options }) => {
    const generateMask = (mask: Buffer) => mask.set([9, 8, 7, 6]);
    const list = Sender.frame(Buffer.from(bytes), {
      ...options,
      readOnly: true,
      maskBuffer: Buffer.alloc(4),
      generateMask,
    });
    return Buffer.concat(list.map((part) => Buffer.from(part as Buffer)));
  },
);

same(
  "requests with any headers of the handshake",
  60,
  fc.record({
    method: fc.constantFrom("GET", "GET", "GET", "POST"),
    upgrade: fc.constantFrom("websocket", "WebSocket", "websocket", "h2c"),
    version: fc.constantFrom("13", "13", "8", "7", "x"),
    key: fc.constantFrom(
      "dGhlIHNhbXBsZSBub25jZQ==",
      "dGhlIHNhbXBsZSBub25jZQ==",
      "short",
      "AAAAAAAAAAAAAAAAAAAAAA==",
    ),
    protocols: fc.option(headerText, { nil: undefined }),
    perMessageDeflate: fc.boolean(),
    offer: fc.constantFrom(
      undefined,
      "permessage-deflate",
      "permessage-deflate; server_max_window_bits=10",
      ";",
    ),
  }),
  ({ method, upgrade, version, key, protocols, perMessageDeflate, offer }) =>
    script("a request", async (stage) => {
      const headers = {
        ...(method === "POST" ? { "Content-Length": "0" } : {}),
        Upgrade: upgrade,
        "Sec-WebSocket-Version": version,
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Protocol": protocols?.trim() === "" ? undefined : protocols,
        "Sec-WebSocket-Extensions": offer,
      };
      const { wss, port } = await stage.serve({ perMessageDeflate });
      wss.on("connection", (socket) => {
        stage.say("server", "chose", socket.protocol, socket.extensions, internals(socket)._isServer);
        socket.terminate();
      });
      await stage.rawClient(port, { method, headers });
      await stage.until("peer", "gone");
    }),
);
