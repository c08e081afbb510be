/** What a connection must write: the frames of all that it accepted, in order. Compares with what it wrote. */

import assert from "node:assert/strict";
import { constants, inflateRawSync } from "node:zlib";
import { BINARY, CLOSE, CONTINUATION, concat, PING, PONG, TEXT } from "../../support/frames.js";
import { type WireFrame, WireReader } from "../../support/wire.js";

/** A frame that was accepted. */
export interface Sent {
  readonly opcode: number;
  readonly fin: boolean;
  readonly payload: Uint8Array;
  /** Whether it may be missing: the call does not tell whether it was accepted. */
  readonly mayMiss?: boolean;
}

/** A whole message that waits behind a message in parts, or for its own data. */
export interface Waiting {
  readonly sent: Sent;
  isReady: boolean;
}

const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);

export class WireModel {
  /** Codes that a Close may have. */
  readonly closeCodes = new Set<number>();
  /** Payloads of the Pings and the Pongs that were written; of Pongs, those without a call of `pong`. */
  readonly pings: string[] = [];
  readonly pongs: string[] = [];
  isClosed = false;
  readonly #isMasked: boolean;
  readonly #reader = new WireReader();
  /** In order; those before `#next` were found on the wire. */
  readonly #sent: Sent[] = [];
  #next = 0;
  #waiting: Waiting[] = [];
  #begun: "text" | "binary" | undefined = undefined;
  /** The compressed frames of a message so far, and what its parts were. */
  #compressed: { frames: Uint8Array[]; data: Uint8Array[] } | undefined = undefined;
  #history: Uint8Array = new Uint8Array(0);

  constructor(role: "server" | "client") {
    this.#isMasked = role === "client";
  }

  get isSendingParts(): boolean {
    return this.#begun !== undefined;
  }

  /** The type of the message in parts. */
  get begun(): "text" | "binary" | undefined {
    return this.#begun;
  }

  /** Whether whole messages wait for the data of one before them. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whole messages whose frames were made. */
  get messageCount(): number {
    return this.#sent.filter(({ opcode, fin }) => fin && opcode < CLOSE).length;
  }

  /** A whole message was accepted. Returns it, if it waits. */
  message(type: "text" | "binary", payload: Uint8Array, isReady = true): Waiting {
    const waiting = { sent: { opcode: type === "text" ? TEXT : BINARY, fin: true, payload }, isReady };
    this.#waiting.push(waiting);
    this.#go();
    return waiting;
  }

  /** The data of a message that waited has come, or will not. */
  settle(waiting: Waiting, hasData: boolean): void {
    waiting.isReady = hasData;
    if (!hasData) this.#waiting = this.#waiting.filter((other) => other !== waiting);
    this.#go();
  }

  part(type: "text" | "binary", payload: Uint8Array, fin: boolean): void {
    const opcode = this.#begun !== undefined ? CONTINUATION : type === "text" ? TEXT : BINARY;
    this.#sent.push({ opcode, fin, payload });
    this.#begun = fin ? undefined : type;
    this.#go();
  }

  control(opcode: number, payload: Uint8Array, mayMiss = false): void {
    this.#sent.push({ opcode, fin: true, payload, mayMiss });
  }

  #go(): void {
    while (this.#begun === undefined && this.#waiting[0]?.isReady === true) {
      this.#sent.push((this.#waiting.shift() as Waiting).sent);
    }
  }

  /** The connection closes: waiting frames are dropped. */
  close(): void {
    this.#waiting = [];
  }

  /** Compares the bytes written since the last call. */
  read(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.#reader.push(chunk);
    for (let frame: WireFrame | undefined; (frame = this.#reader.next()) !== undefined; )
      this.#compare(frame);
  }

  #compare(frame: WireFrame): void {
    assert.equal(this.isClosed, false, "a frame behind the Close");
    assert.equal(frame.masked, this.#isMasked, "masked");
    const { opcode, payload } = frame;
    if (opcode === CLOSE) {
      this.isClosed = true;
      const code = payload.length === 0 ? 1005 : Buffer.from(payload).readUInt16BE();
      assert.ok(this.closeCodes.has(code), `a Close with ${code}, expected ${[...this.closeCodes]}`);
      return;
    }
    const text = Buffer.from(payload).toString();
    if (opcode === PONG && /^[pf]/.test(text)) {
      this.pongs.push(text);
      return;
    }
    if (opcode === PING) this.pings.push(text);
    let expected = this.#sent[this.#next++];
    while (expected?.mayMiss && !isSame(expected, frame)) expected = this.#sent[this.#next++];
    assert.ok(expected, `a frame that was not accepted: opcode ${opcode}, ${payload.length} bytes`);
    assert.deepEqual([opcode, frame.fin], [expected.opcode, expected.fin], "opcode and FIN");
    if (frame.rsv !== 0) this.#compressed = { frames: [], data: [] };
    if (opcode < CLOSE && this.#compressed !== undefined) this.#inflate(frame, expected.payload);
    else assert.equal(text, Buffer.from(expected.payload).toString(), "payload");
  }

  #inflate({ fin, payload }: WireFrame, expected: Uint8Array): void {
    const { frames, data } = this.#compressed as { frames: Uint8Array[]; data: Uint8Array[] };
    frames.push(payload);
    data.push(expected);
    if (!fin) return;
    this.#compressed = undefined;
    const inflated = inflateRawSync(concat([...frames, TAIL]), {
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(this.#history.length > 0 ? { dictionary: this.#history } : {}),
    });
    assert.equal(inflated.toString(), Buffer.from(concat(data)).toString(), "inflated payload");
    this.#history = concat([this.#history, inflated]).slice(-0x8000);
  }

  /** All that was accepted has been written. */
  assertComplete(): void {
    const missing = this.#sent.slice(this.#next).filter(({ mayMiss }) => mayMiss !== true);
    assert.equal(missing.length, 0, `${missing.length} frames that were accepted are not written`);
    assert.equal(this.#reader.rest, 0, "bytes of half a frame");
  }
}

function isSame(sent: Sent, { opcode, payload }: WireFrame): boolean {
  return sent.opcode === opcode && Buffer.from(sent.payload).equals(payload);
}

/** Whole messages and frames in bytes that were given to a transport. */
export function countFrames(chunks: readonly Uint8Array[]): { frames: number; messages: number } {
  const reader = new WireReader();
  for (const chunk of chunks) reader.push(chunk);
  let frames = 0;
  let messages = 0;
  for (let frame: WireFrame | undefined; (frame = reader.next()) !== undefined; frames++) {
    if (frame.fin && frame.opcode < CLOSE) messages++;
  }
  return { frames, messages };
}
