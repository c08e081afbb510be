/**
 * The tester's end of a connection: writes the bytes of a case, reads frames by RFC 6455 §5.2 without any code of ours, and
 * logs received frames in words. A frame that must not be sent is logged as a violation.
 */

import type { Socket } from "node:net";
import { StrictInflater } from "../support/strict-inflater.js";
import { inWords } from "./case.js";

/** How long the other side may send nothing while a case waits. It ends only cases that fail. */
export const PATIENCE_MS = Number(process.env.HAWSER_PATIENCE_MS ?? "") || 20_000;

const EMPTY_BLOCK = Uint8Array.of(0, 0, 0xff, 0xff);
const NAMES = ["continuation", "text", "binary"];

/** Agreed on by the handshake, for what the other side compresses. */
export interface Decompression {
  readonly windowBits: number;
  readonly takeover: boolean;
}

interface OpenMessage {
  readonly opcode: number;
  readonly isCompressed: boolean;
  readonly parts: Buffer[];
}

export class Tester {
  readonly events: string[] = [];
  readonly #socket: Socket;
  readonly #isServer: boolean;
  readonly #decompression: Decompression | undefined;
  readonly #inflater: StrictInflater;
  /** Chunks that hold no whole frame yet. */
  #chunks: Buffer[] = [];
  #length = 0;
  /** Bytes that the next frame needs, as far as that is known. */
  #needed = 2;
  #message: OpenMessage | undefined = undefined;
  #messages = 0;
  #hasClosed = false;
  #hasEnded = false;
  /** When bytes came last, or a wait began. */
  #heard = 0;
  #changed: () => void = () => undefined;

  /** @param isServer - whether the tester is the server, which ends the socket and does not mask. */
  constructor(socket: Socket, isServer: boolean, decompression: Decompression | undefined, rest: Buffer) {
    this.#socket = socket;
    this.#isServer = isServer;
    this.#decompression = decompression;
    this.#inflater = new StrictInflater(decompression?.windowBits ?? 15);
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("end", () => this.#end());
    socket.on("close", () => this.#end());
    if (rest.length > 0) this.#receive(rest);
  }

  /** Whether nothing that is sent is read any more. */
  get isOver(): boolean {
    return this.#hasClosed || this.#hasEnded;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#hasEnded || this.#socket.destroyed) return;
    const hasRoom = this.#socket.write(bytes);
    // The other side reads it by itself, before more is written.
    await new Promise(setImmediate);
    if (!hasRoom) await this.#until(() => !this.#socket.writableNeedDrain || this.isOver, "drain");
  }

  came(count: number): Promise<void> {
    return this.#until(() => this.#messages >= count || this.isOver);
  }

  /** Waits for the end of the socket, and writes down how it was. */
  async ended(): Promise<readonly string[]> {
    await this.#until(() => this.#hasEnded);
    if (!this.#hasEnded) this.events.push("hangs");
    else if (!this.#hasClosed) this.events.push("cut");
    this.#socket.destroy();
    return this.events;
  }

  async #until(holds: () => boolean, event?: string): Promise<void> {
    this.#heard = Date.now();
    for (let end: number; !holds() && Date.now() < (end = this.#heard + PATIENCE_MS); ) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, end - Date.now());
        const done = () => {
          clearTimeout(timer);
          resolve();
        };
        this.#changed = done;
        if (event !== undefined) this.#socket.once(event, done);
      });
    }
  }

  #end(): void {
    this.#hasEnded = true;
    this.#changed();
  }

  #violation(what: string): void {
    this.events.push(`violation: ${what}`);
  }

  #receive(chunk: Buffer): void {
    this.#heard = Date.now();
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    while (this.#length >= this.#needed) {
      const bytes = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
      const used = this.#readFrame(bytes);
      const rest = bytes.subarray(used);
      this.#chunks = rest.length > 0 ? [rest] : [];
      this.#length = rest.length;
      if (used > 0) this.#needed = 2;
    }
    this.#changed();
  }

  /** Reads one frame. Returns its length, or 0 if it is not whole: then `needed` says more. */
  #readFrame(bytes: Buffer): number {
    const isMasked = bytes[1] >= 0x80;
    const short = bytes[1] & 0x7f;
    const wide = short === 127 ? 8 : short === 126 ? 2 : 0;
    const header = 2 + wide + (isMasked ? 4 : 0);
    if (bytes.length < header) {
      this.#needed = header;
      return 0;
    }
    const length = wide === 8 ? Number(bytes.readBigUInt64BE(2)) : wide === 2 ? bytes.readUInt16BE(2) : short;
    if (bytes.length < header + length) {
      this.#needed = header + length;
      return 0;
    }
    if (wide === 2 && length < 126) this.#violation("a length that is not minimal (§5.2)");
    if (wide === 8 && length < 65536) this.#violation("a length that is not minimal (§5.2)");
    if (isMasked !== this.#isServer) this.#violation(isMasked ? "masked" : "not masked (§5.1)");
    const payload = Buffer.from(bytes.subarray(header, header + length));
    if (isMasked) for (let i = 0; i < length; i++) payload[i] ^= bytes[header - 4 + (i & 3)];
    this.#judge(bytes[0], payload);
    return header + length;
  }

  #judge(first: number, payload: Buffer): void {
    const opcode = first & 0x0f;
    const fin = first >= 0x80;
    const rsv = (first >> 4) & 7;
    if (this.#hasClosed) this.#violation("a frame behind a Close (§5.5.1)");
    const isFirst = opcode === 1 || opcode === 2;
    const mayCompress = isFirst && this.#decompression !== undefined;
    if (rsv !== 0 && !(rsv === 4 && mayCompress)) this.#violation(`RSV bits ${rsv} (§5.2)`);
    if (opcode >= 8) {
      this.#control(opcode, fin, payload);
      return;
    }
    if (opcode > 2) this.#violation(`opcode ${opcode} (§5.2)`);
    if (isFirst === (this.#message !== undefined)) this.#violation("a fragment out of place (§5.4)");
    if (isFirst) this.#message = { opcode, isCompressed: rsv === 4, parts: [] };
    this.#message?.parts.push(payload);
    if (fin) this.#finish();
  }

  #control(opcode: number, fin: boolean, payload: Buffer): void {
    if (!fin || payload.length > 125) this.#violation("a control frame in fragments, or too long (§5.5)");
    if (opcode === 9) {
      // Pings of the other side are its own affair.
      return;
    }
    if (opcode === 10) {
      this.events.push(inWords("pong", payload));
      return;
    }
    if (opcode !== 8) {
      this.#violation(`opcode ${opcode} (§5.2)`);
      return;
    }
    this.#hasClosed = true;
    if (payload.length === 1) this.#violation("a Close body of one byte (§5.5.1)");
    const reason = payload.subarray(2);
    if (!Buffer.from(reason.toString()).equals(reason)) this.#violation("a reason that is not UTF-8");
    this.events.push(payload.length >= 2 ? `close ${payload.readUInt16BE()}` : "close");
    // §7.1.1: the server ends the socket first.
    if (this.#isServer) this.#socket.end();
  }

  #finish(): void {
    const { opcode, isCompressed, parts } = this.#message as OpenMessage;
    this.#message = undefined;
    this.#messages++;
    const payload = Buffer.concat(parts);
    const data = this.#decompression === undefined ? payload : this.#inflate(payload, isCompressed);
    if (data === undefined) return;
    if (opcode === 1 && !Buffer.from(data.toString()).equals(data)) this.#violation("text that is not UTF-8");
    this.events.push(inWords(NAMES[opcode], data));
  }

  #inflate(payload: Buffer, isCompressed: boolean): Buffer | undefined {
    if (!isCompressed) return payload;
    if (!this.#decompression?.takeover) this.#inflater.reset();
    try {
      return Buffer.from(this.#inflater.inflate(Buffer.concat([payload, EMPTY_BLOCK])));
    } catch (error) {
      this.#violation(`compressed data: ${(error as Error).message.split("\n")[0]}`);
      return undefined;
    }
  }
}
