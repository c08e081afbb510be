/** The peer of the connection under test: the bytes that it sends, and what a connection must make of them. */

import { constants, deflateRawSync } from "node:zlib";
import { compressedFrames, fromPeer } from "../../support/deflate.js";
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  closeBody,
  concat,
  type FrameSpec,
  PING,
  PONG,
  TEXT,
} from "../../support/frames.js";
import { utf8 } from "../../support/hex.js";
import type { SimulatedTransport } from "../../support/simulated-transport.js";

export type PeerSends =
  | "text"
  | "binary"
  | "fragments"
  | "compressed"
  | "burst"
  | "ping"
  | "pong"
  | "close"
  | "violation";

/** What a connection tells of the peer. */
export interface PeerEvent {
  readonly kind: "message" | "ping" | "pong";
  /** A message as `describe` has it, or the payload. */
  readonly what: string;
  /** Where it ends in the stream. */
  readonly end: number;
}

/** Messages in a burst: enough for two looks at the clock. */
const BURST = 70;

/** A message as a value that lasts. */
export function describe(type: string, data: string | Uint8Array): string {
  return `${type} ${typeof data === "string" ? data : Buffer.from(data).toString()}`;
}

export class Peer {
  /** In order; none behind its Close, or behind what breaks a rule. */
  readonly events: PeerEvent[] = [];
  /** Where its Close, or what breaks a rule, ends in the stream. */
  stop: { readonly by: "close" | "violation"; readonly end: number } | undefined = undefined;
  hasEnded = false;
  readonly #role: "server" | "client";
  readonly #transport: SimulatedTransport;
  #pending: Uint8Array = new Uint8Array(0);
  #length = 0;
  #count = 0;
  #history: Uint8Array = new Uint8Array(0);

  /** @param role - of the connection under test. */
  constructor(role: "server" | "client", transport: SimulatedTransport) {
    this.#role = role;
    this.#transport = transport;
  }

  /**
   * Makes frames, and gives the transport all bytes that it was not given yet but the last.
   *
   * @param leave - bytes that are not given.
   * @param piece - bytes of a chunk, at most.
   */
  send(what: PeerSends, size: number, leave: number, piece: number, compresses: boolean): void {
    const text = `${++this.#count}:${"é".repeat(size % 3)}${"x".repeat(size)}`;
    const bytes = utf8(text);
    switch (what) {
      case "text":
        this.#message({ opcode: TEXT, payload: bytes });
        break;
      case "binary":
        this.#message({ opcode: BINARY, payload: bytes });
        break;
      case "burst":
        for (let i = 0; i < BURST; i++) {
          this.#message({ opcode: i % 2 ? TEXT : BINARY, payload: utf8(`${this.#count}.${i}`) });
        }
        break;
      case "fragments":
        this.#fragments(bytes);
        break;
      case "compressed":
        if (compresses) this.#compressed(bytes);
        else this.#message({ opcode: TEXT, payload: bytes });
        break;
      case "ping":
        this.#add({ opcode: PING, payload: utf8(`p${this.#count}`) });
        this.#event("ping", `p${this.#count}`);
        break;
      case "pong":
        this.pong(`q${this.#count}`);
        break;
      case "close":
        this.#add({ opcode: CLOSE, payload: closeBody(3000, "bye") });
        this.#stopBy("close");
        break;
      case "violation":
        this.#violate(size);
        break;
    }
    this.give(leave, piece);
  }

  /** Answers a Ping. */
  pong(payload: string): void {
    this.#add({ opcode: PONG, payload: utf8(payload) });
    this.#event("pong", payload);
  }

  /** Gives the transport the bytes that it was not given yet, but the last. */
  give(leave = 0, piece = Infinity): void {
    const length = Math.max(0, this.#pending.length - leave);
    const given = this.#pending.subarray(0, length);
    this.#pending = this.#pending.subarray(length);
    // No more than a dozen chunks, so that a run takes no minute.
    const step = Math.max(Math.min(piece, length), Math.ceil(length / 12));
    for (let at = 0; at < length; at += step) {
      if (this.hasEnded || this.#transport.destroyed) return;
      // A copy, of memory of its own: the connection unmasks it in place, and a handler may transfer it away.
      this.#transport.push(Buffer.from(new Uint8Array(given.subarray(at, at + step)).buffer));
    }
  }

  end(): void {
    if (this.hasEnded || this.#transport.destroyed) return;
    this.hasEnded = true;
    this.#transport.push(null);
  }

  #add(...frames: FrameSpec[]): void {
    const bytes = fromPeer(this.#role, ...frames);
    this.#pending = concat([this.#pending, bytes]);
    this.#length += bytes.length;
  }

  #event(kind: PeerEvent["kind"], what: string): void {
    if (this.stop === undefined) this.events.push({ kind, what, end: this.#length });
  }

  #message(spec: FrameSpec): void {
    this.#add(spec);
    this.#event("message", describe(spec.opcode === TEXT ? "text" : "binary", spec.payload as Uint8Array));
  }

  /** A text in three fragments, with a Ping in between. */
  #fragments(bytes: Uint8Array): void {
    const third = Math.floor(bytes.length / 3);
    this.#add({ opcode: TEXT, fin: false, payload: bytes.subarray(0, third) });
    this.#add({ opcode: PING, payload: utf8(`f${this.#count}`) });
    this.#event("ping", `f${this.#count}`);
    this.#add({ opcode: CONTINUATION, fin: false, payload: bytes.subarray(third, third * 2) });
    this.#add({ opcode: CONTINUATION, payload: bytes.subarray(third * 2) });
    this.#event("message", describe("text", bytes));
  }

  /** A text in two compressed fragments, with reference to the messages before. */
  #compressed(bytes: Uint8Array): void {
    const deflated = deflateRawSync(bytes, {
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(this.#history.length > 0 ? { dictionary: this.#history } : {}),
    });
    this.#history = concat([this.#history, bytes]).slice(-0x8000);
    const payload = new Uint8Array(deflated.subarray(0, -4));
    const half = payload.length >> 1;
    this.#add(...compressedFrames(TEXT, [payload.subarray(0, half), payload.subarray(half)]));
    this.#event("message", describe("text", bytes));
  }

  #violate(kind: number): void {
    const frames: readonly FrameSpec[] = [
      { opcode: 3 },
      { opcode: TEXT, payload: Uint8Array.of(0xc3, 0x28) },
      { opcode: CONTINUATION, payload: utf8("x") },
      { opcode: PING, fin: false },
      { opcode: TEXT, rsv: 1 },
      { opcode: CLOSE, payload: Uint8Array.of(3) },
    ];
    this.#add(frames[kind % frames.length]);
    this.#stopBy("violation");
  }

  #stopBy(by: "close" | "violation"): void {
    this.stop ??= { by, end: this.#length };
  }
}
