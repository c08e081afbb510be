/**
 * hawser and the receiver of ws on the same streams: the same messages, the same error. Where hawser is
 * stricter or quicker on purpose, DIFFERENCES says how and why, and the difference itself is tested.
 */

import assert from "node:assert/strict";
import type { Writable } from "node:stream";
import { describe, it } from "node:test";
import fc from "fast-check";
import * as ws from "ws";
import { type CloseBody, decodeCloseBody, FrameDecoder, Opcode } from "../../src/codec/index.js";
import { eachBackend } from "../support/backends.js";
import {
  arbitraryCuts,
  arbitraryFrames,
  arbitraryMutatedStream,
  BINARY,
  type Bytes,
  CONTINUATION,
  concat,
  cutAt,
  frame,
  headerOf,
  KEY,
  PING,
  stream,
  TEXT,
} from "../support/frames.js";
import { hex, toHex, utf8 } from "../support/hex.js";
import { itHolds } from "../support/property.js";
import { isText } from "../support/utf8-oracle.js";

interface ReceiverOptions {
  readonly isServer: boolean;
  readonly maxPayload: number;
  readonly skipUTF8Validation: boolean;
  readonly allowSynchronousEvents: boolean;
}
/** Exported by ws, though not by its types. */
const { Receiver } = ws as unknown as { Receiver: new (options: ReceiverOptions) => Writable };

type Role = "client" | "server";

/** What either makes of a stream. */
interface Outcome {
  /** Messages, pings, pongs and the Close, in order: kind, and payload in hexadecimal. */
  readonly events: string[];
  readonly code: string | undefined;
  readonly closeCode: number | undefined;
  readonly message: string | undefined;
}

interface HawserOutcome extends Outcome {
  readonly offset: number;
}

function closeEvent({ code = 1005, reason }: CloseBody): string {
  return `close ${code} ${toHex(utf8(reason))}`;
}

function hawser(chunks: readonly Uint8Array[], role: Role, limit: number): HawserOutcome {
  const decoder = new FrameDecoder({ role, maxFrameSize: limit });
  const events: string[] = [];
  let kind = "";
  let payload = "";
  for (const chunk of chunks) {
    decoder.push(new Uint8Array(chunk));
    while (decoder.next()) {
      const bytes = toHex(decoder.payload);
      if (decoder.opcode === Opcode.Close) events.push(closeEvent(decodeCloseBody(decoder.payload)));
      else if (decoder.opcode === Opcode.Ping) events.push(`ping ${bytes}`);
      else if (decoder.opcode === Opcode.Pong) events.push(`pong ${bytes}`);
      else {
        if (decoder.opcode !== Opcode.Continuation) {
          kind = decoder.opcode === Opcode.Text ? "text" : "binary";
          payload = "";
        }
        payload += bytes;
        if (decoder.fin) events.push(`${kind} ${payload}`);
      }
    }
  }
  const { error } = decoder;
  return {
    events,
    code: error?.code,
    closeCode: error?.closeCode,
    message: error?.message,
    offset: error?.offset ?? -1,
  };
}

function receive(chunks: readonly Uint8Array[], role: Role, limit: number): Outcome {
  const receiver = new Receiver({
    isServer: role === "server",
    maxPayload: limit,
    skipUTF8Validation: false,
    allowSynchronousEvents: true,
  });
  const events: string[] = [];
  receiver.on("message", (data: Buffer, binary: boolean) => {
    events.push(`${binary ? "binary" : "text"} ${toHex(data)}`);
  });
  receiver.on("ping", (data: Buffer) => events.push(`ping ${toHex(data)}`));
  receiver.on("pong", (data: Buffer) => events.push(`pong ${toHex(data)}`));
  receiver.on("conclude", (code: number, reason: Buffer) => events.push(`close ${code} ${toHex(reason)}`));
  receiver.on("error", () => undefined); // it comes a tick later; `errored` is set at once
  for (const chunk of chunks) {
    if (receiver.errored || receiver.writableEnded) break;
    receiver.write(Buffer.from(chunk)); // a copy: it unmasks in place too
  }
  const error = receiver.errored as (Error & Record<string | symbol, unknown>) | null;
  if (!error) return { events, code: undefined, closeCode: undefined, message: undefined };
  const symbol = Object.getOwnPropertySymbols(error).find(({ description }) => description === "status-code");
  assert.ok(symbol, `not an error of the receiver's: ${error.stack}`);
  return {
    events,
    code: error.code as string,
    closeCode: error[symbol] as number,
    message: error.message,
  };
}

interface Stream {
  readonly bytes: Uint8Array;
  readonly role: Role;
  readonly limit: number;
}

interface Difference {
  readonly name: string;
  readonly why: string;
  /** One stream that shows it. */
  readonly example: Stream;
  /** Whether this is how the two differ. */
  readonly explains: (ours: HawserOutcome, theirs: Outcome, given: Stream) => boolean;
}

const LIMIT = 1 << 20;

function beginsWith(longer: readonly string[], shorter: readonly string[]): boolean {
  return shorter.every((event, i) => event === longer[i]);
}

function sameEvents(ours: Outcome, theirs: Outcome): boolean {
  return ours.events.length === theirs.events.length && beginsWith(ours.events, theirs.events);
}

/** The extended payload length at an offset, of a frame whose second byte stands before it. */
function lengthAt(bytes: Uint8Array, offset: number): { bits: number; length: bigint } {
  const bits = (bytes[offset - 1] & 127) === 126 ? 16 : 64;
  let length = 0n;
  for (let i = 0; i < bits / 8; i++) length = (length << 8n) | BigInt(bytes[offset + i]);
  return { bits, length };
}

const DIFFERENCES: readonly Difference[] = [
  {
    name: "a length in more bytes than it needs",
    why: '§5.2: "the minimal number of bytes MUST be used"; ws takes any',
    example: {
      bytes: frame({ opcode: BINARY, payload: hex("01"), lengthBytes: 2, key: KEY }),
      role: "server",
      limit: LIMIT,
    },
    explains: (ours, theirs, { bytes }) => {
      if (ours.code !== "WS_ERR_INVALID_PAYLOAD_LENGTH" || ours.closeCode !== 1002) return false;
      const { bits, length } = lengthAt(bytes, ours.offset);
      return length < (bits === 16 ? 126n : 65536n) && beginsWith(theirs.events, ours.events);
    },
  },
  {
    name: "a length with its top bit set",
    why: '§5.2: "the most significant bit MUST be 0": an error of protocol (1002); to ws it is merely large (1009)',
    example: {
      bytes: headerOf({ opcode: BINARY, announced: 1n << 63n, key: KEY }),
      role: "server",
      limit: LIMIT,
    },
    explains: (ours, theirs, { bytes }) =>
      ours.code === "WS_ERR_INVALID_PAYLOAD_LENGTH" &&
      ours.closeCode === 1002 &&
      lengthAt(bytes, ours.offset).length >= 1n << 63n &&
      theirs.code === "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH" &&
      theirs.closeCode === 1009 &&
      sameEvents(ours, theirs),
  },
  {
    name: "text that goes wrong before its message ends",
    why: "§8.1 asks to fail when the bytes are not UTF-8; ws looks once all of the message is there, and until then delivers control frames, finds other errors or waits",
    example: {
      bytes: stream([
        { opcode: TEXT, fin: false, payload: hex("ff"), key: KEY },
        { opcode: PING, payload: hex("01"), key: KEY },
      ]),
      role: "server",
      limit: LIMIT,
    },
    explains: (ours, theirs) =>
      ours.code === "WS_ERR_INVALID_UTF8" &&
      ours.closeCode === 1007 &&
      beginsWith(theirs.events, ours.events) &&
      // Of messages ws delivers none that we do not.
      theirs.events.slice(ours.events.length).every((event) => /^(ping|pong|close) /.test(event)),
  },
  {
    name: "the first byte of a header, the second not here yet",
    why: "each byte is judged when it arrives; ws waits for two",
    example: { bytes: hex("83"), role: "server", limit: LIMIT },
    explains: (ours, theirs, { bytes }) =>
      ours.code !== undefined &&
      ours.closeCode === 1002 &&
      ours.offset === bytes.length - 1 &&
      theirs.code === undefined &&
      sameEvents(ours, theirs),
  },
  {
    name: "fragments that together exceed the limit",
    why: "the codec's limit is on a frame: the code that collects a message limits that; the receiver of ws collects messages",
    example: {
      bytes: stream([
        { opcode: BINARY, fin: false, payload: new Uint8Array(60), key: KEY },
        { opcode: CONTINUATION, payload: new Uint8Array(60), key: KEY },
      ]),
      role: "server",
      limit: 100,
    },
    explains: (ours, theirs) =>
      theirs.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" &&
      theirs.closeCode === 1009 &&
      beginsWith(ours.events, theirs.events),
  },
  {
    name: "a control frame longer than the limit",
    why: "the codec's limit is on every frame; that of ws on data",
    example: { bytes: frame({ opcode: PING, payload: new Uint8Array(120) }), role: "client", limit: 100 },
    explains: (ours, theirs, { bytes, limit }) =>
      ours.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" &&
      ours.closeCode === 1009 &&
      (bytes[ours.offset - 1] & 0x0f) >= 8 &&
      (bytes[ours.offset] & 0x7f) > limit &&
      beginsWith(theirs.events, ours.events),
  },
];

/** Compares, and returns the name of the difference that explains the mismatch. */
function compare(given: Stream, cuts: readonly number[]): string | undefined {
  const { bytes, role, limit } = given;
  const ours = hawser(cutAt(bytes, cuts), role, limit);
  const theirs = receive(cutAt(bytes, cuts), role, limit);
  const { offset: _, ...comparable } = ours;
  try {
    assert.deepEqual(comparable, theirs);
    return undefined;
  } catch (error) {
    const difference = DIFFERENCES.find(({ explains }) => explains(ours, theirs, given));
    if (difference === undefined) throw error;
    return difference.name;
  }
}

const arbitraryRole = fc.constantFrom<Role>("server", "client");
const arbitraryLimit = fc.constantFrom(LIMIT, LIMIT, 65535, 100);

eachBackend("hawser and ws", () => {
  itHolds(
    "make the same of valid streams",
    300,
    fc.tuple(
      arbitraryRole.chain((role) => fc.tuple(fc.constant(role), arbitraryFrames(role))),
      arbitraryCuts,
    ),
    ([[role, frames], cuts]) => {
      assert.equal(compare({ bytes: stream(frames), role, limit: LIMIT }, cuts), undefined);
    },
  );

  itHolds(
    "make the same of any stream, but for the differences listed",
    1000,
    fc.tuple(
      arbitraryRole.chain((role) => fc.tuple(fc.constant(role), arbitraryMutatedStream(role))),
      arbitraryCuts,
      arbitraryLimit,
    ),
    ([[role, bytes], cuts, limit]) => {
      compare({ bytes, role, limit }, cuts);
    },
  );

  itHolds(
    "make the same of any bytes",
    1000,
    fc.tuple(arbitraryRole, fc.uint8Array({ maxLength: 60 })),
    ([role, bytes]) => {
      compare({ bytes: new Uint8Array(bytes), role, limit: LIMIT }, []);
    },
  );

  itHolds("accept the same text", 500, fc.uint8Array({ minLength: 1, maxLength: 100 }), (payload) => {
    const bytes: Bytes = frame({ opcode: TEXT, payload, key: KEY });
    const difference = compare({ bytes, role: "server", limit: LIMIT }, []);
    assert.equal(difference, undefined, "a frame that is complete is judged by both");
    assert.equal(hawser([bytes], "server", LIMIT).events.length, isText(payload) ? 1 : 0);
  });

  for (const { name, why, example } of DIFFERENCES) {
    it(`differ on ${name}: ${why}`, () => {
      for (const before of [
        new Uint8Array(0),
        frame({ opcode: TEXT, payload: utf8("x"), key: example.role === "server" ? KEY : undefined }),
      ]) {
        const bytes = concat([before, example.bytes]);
        for (let cut = 0; cut <= bytes.length; cut++) {
          assert.equal(compare({ ...example, bytes }, [cut]), name);
        }
      }
    });
  }
});

describe("the differences", () => {
  it("each explain no other's example", () => {
    for (const { name, example } of DIFFERENCES) {
      const ours = hawser([example.bytes], example.role, example.limit);
      const theirs = receive([example.bytes], example.role, example.limit);
      const explaining = DIFFERENCES.filter(({ explains }) => explains(ours, theirs, example));
      assert.deepEqual(
        explaining.map((difference) => difference.name),
        [name],
      );
    }
  });
});
