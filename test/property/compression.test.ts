/**
 * Two endpoints with permessage-deflate against a model: for all messages of both, in every order, however the bytes
 * arrive and whenever events are asked for, each side delivers what the other sent.
 */

import assert from "node:assert/strict";
import { describe } from "node:test";
import fc from "fast-check";
import { type DeflateParameters, Endpoint, prepareMessage } from "../../src/protocol/index.js";
import { KINDS, messages, sample } from "../support/corpus.js";
import { Events, parameters, type Seen } from "../support/deflate.js";
import { concat } from "../support/frames.js";
import { toHex } from "../support/hex.js";
import { itHolds } from "../support/property.js";

/** Different data, some of which repeats other; prepared messages are the same for all runs, as they are for all peers. */
const POOL = [
  ...KINDS.flatMap((kind) => [...messages(kind, 40, 2), ...messages(kind, 600, 2), sample(kind, 15_000)]),
  new Uint8Array(0),
];
const TEXTS = [
  "",
  "x",
  "grüße 水 😀 ".repeat(20),
  "\ud800 lone",
  ...["text", "multilingual", "json"].map((kind) => Buffer.from(sample(kind as "text", 900)).toString()),
];
const PREPARED = [...POOL.slice(0, 12), ...TEXTS].map((data) => prepareMessage(data));

type Action =
  | {
      readonly do: "binary";
      readonly data: number;
      readonly parts: number;
      readonly compress: boolean | undefined;
    }
  | {
      readonly do: "text";
      readonly data: number;
      readonly parts: number;
      readonly compress: boolean | undefined;
    }
  | { readonly do: "prepared"; readonly data: number; readonly compress: boolean | undefined }
  | { readonly do: "ping"; readonly data: number }
  | { readonly do: "carry"; readonly length: number }
  | { readonly do: "ask"; readonly count: number };

const compress = fc.constantFrom(undefined, undefined, true, false);
const parts = fc.constantFrom(1, 1, 1, 2, 4);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("binary"), data: fc.nat(), parts, compress }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("text"), data: fc.nat(), parts, compress }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("prepared"), data: fc.nat(), compress }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("ping"), data: fc.nat() }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("carry"),
      length: fc.oneof(fc.nat(20), fc.nat(1000), fc.constant(1 << 20)),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("ask"), count: fc.nat(6) }) },
) as fc.Arbitrary<Action>;

const bits = fc.integer({ min: 8, max: 15 });
const agreed = fc.record({
  serverNoContextTakeover: fc.boolean(),
  clientNoContextTakeover: fc.boolean(),
  serverMaxWindowBits: bits,
  clientMaxWindowBits: bits,
});
const own = fc.record({
  level: fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined }),
  memLevel: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
  threshold: fc.constantFrom(undefined, 0, 100),
  spared: fc.constantFrom(0, 0, 2),
  partial: fc.boolean(),
  text: fc.constantFrom("string" as const, "bytes" as const),
  borrow: fc.boolean(),
  maxFrameSize: fc.constantFrom<(number | undefined)[]>(undefined, undefined, 130),
});
type Own = typeof own extends fc.Arbitrary<infer T> ? T : never;

/** One side: its endpoint, bytes on their way to it, and what it must deliver of them. */
class Side {
  readonly endpoint: Endpoint;
  readonly events = new Events();
  readonly expected: Seen[] = [];
  #wire: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  constructor(role: "server" | "client", given: Partial<DeflateParameters>, settings: Own) {
    const { level, memLevel, threshold, spared, ...delivery } = settings;
    const most = role === "server" ? given.serverMaxWindowBits : given.clientMaxWindowBits;
    const windowBits = Math.max(8, (most as number) - spared);
    const perMessageDeflate = parameters({ ...given, level, memLevel, threshold, windowBits });
    // Any frame of the other side is fine.
    this.endpoint = new Endpoint({ role, perMessageDeflate, autoPong: false, ...delivery });
  }

  receive(bytes: readonly Uint8Array[]): void {
    this.#wire = concat([this.#wire, ...bytes]);
  }

  carry(length: number): void {
    const chunk = this.#wire.slice(0, length);
    this.#wire = this.#wire.slice(length);
    this.endpoint.receiveData(chunk);
  }

  ask(count: number): void {
    for (let i = 0; i < count; i++) {
      const event = this.endpoint.nextEvent();
      if (event === null) return;
      this.events.add(event);
    }
  }
}

function send(from: Endpoint, expected: Seen[], action: Action): void {
  if (action.do === "ping") {
    const payload = Uint8Array.of(action.data);
    from.ping(payload);
    expected.push({ type: "ping", data: toHex(payload) });
  } else if (action.do === "prepared") {
    const message = PREPARED[action.data % PREPARED.length];
    from.send(message, { compress: action.compress });
    expected.push({ type: message.type, data: toHex(message.payload) });
  } else if (action.do === "binary" || action.do === "text") {
    const pool: readonly (string | Uint8Array)[] = action.do === "text" ? TEXTS : POOL;
    let bytes = "";
    for (let i = 0; i < action.parts; i++) {
      const data = pool[(action.data + i) % pool.length];
      const { compress, parts } = action;
      if (parts === 1) from.send(data, { compress });
      else from.sendPart(data, { final: i === parts - 1, compress });
      bytes += toHex(Buffer.from(data as string));
    }
    expected.push({ type: action.do, data: bytes });
  }
}

describe("two endpoints that compress", () => {
  itHolds(
    "deliver what the other sends, as a model says",
    150,
    fc.tuple(agreed, own, own, fc.array(fc.tuple(fc.boolean(), action), { maxLength: 60, minLength: 10 })),
    ([given, ofServer, ofClient, actions]) => {
      const most = Math.min(ofServer.maxFrameSize ?? Infinity, ofClient.maxFrameSize ?? Infinity);
      const maxFrameSize = most === Infinity ? undefined : most;
      const server = new Side("server", given, { ...ofServer, maxFrameSize });
      const client = new Side("client", given, { ...ofClient, maxFrameSize });
      const deliver = (side: Side) => {
        side.carry(1 << 30);
        side.ask(Infinity);
      };
      for (const [isServer, act] of actions) {
        const [side, peer] = isServer ? [server, client] : [client, server];
        if (act.do === "carry") side.carry(act.length);
        else if (act.do === "ask") side.ask(act.count);
        else {
          send(side.endpoint, peer.expected, act);
          peer.receive(side.endpoint.takeOutput());
        }
      }
      for (const side of [server, client]) {
        deliver(side);
        assert.equal(side.endpoint.error, undefined);
        const seen = side.events.whole.map(({ type, data }) => `${type} ${data}`);
        const expected = side.expected.map(({ type, data }) => `${type} ${data}`);
        assert.deepEqual(seen, expected);
        assert.equal(side.endpoint.retainedLength, 0);
        side.endpoint.receiveEof();
      }
    },
  );
});
