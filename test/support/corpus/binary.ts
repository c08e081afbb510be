/** Binary messages: structs of a game's state, protobuf-like records, floats of a sensor. */

import { fullName } from "./prose.js";
import type { Random } from "./random.js";

/** A growing message. */
class Writer {
  #bytes = Buffer.alloc(1024);
  length = 0;

  #reserve(length: number): number {
    const start = this.length;
    this.length += length;
    if (this.length > this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes], Math.max(this.length, 2 * this.#bytes.length));
    }
    return start;
  }

  u8(value: number): void {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.#reserve(2);
    this.#bytes.writeUInt16LE(value & 0xffff, at);
  }

  u32(value: number): void {
    const at = this.#reserve(4);
    this.#bytes.writeUInt32LE(value >>> 0, at);
  }

  f32(value: number): void {
    const at = this.#reserve(4);
    this.#bytes.writeFloatLE(value, at);
  }

  varint(value: number): void {
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.u8((rest & 0x7f) | 0x80);
    this.u8(rest);
  }

  text(value: string): void {
    const bytes = Buffer.from(value);
    this.varint(bytes.length);
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  take(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes.subarray(0, this.length));
  }
}

/** What moves between two messages. */
export class Scene {
  readonly random: Random;
  #tick = 4_000_000;
  #sequence = 700_000;
  readonly #bodies: { id: number; x: number; y: number; angle: number; health: number }[];

  constructor(random: Random) {
    this.random = random;
    this.#bodies = Array.from({ length: 48 }, () => ({
      id: random.below(60_000),
      x: random.bell() * 500,
      y: random.bell() * 500,
      angle: random.fraction() * 6.28,
      health: 100,
    }));
  }

  /** About `length` bytes, at least one record. */
  message(length: number): Uint8Array<ArrayBuffer> {
    const writer = new Writer();
    const kind = this.random.below(3);
    while (writer.length < length || writer.length === 0) {
      if (kind === 0) this.#structs(writer, length);
      else if (kind === 1) this.#records(writer, length);
      else this.#floats(writer, length);
    }
    return writer.take();
  }

  /** A state: a header, and 24 bytes for each body. */
  #structs(writer: Writer, length: number): void {
    const { random } = this;
    writer.u32(0x48575352);
    writer.u32(this.#tick++);
    for (let i = 0; i < this.#bodies.length && writer.length < length; i++) {
      const body = this.#bodies[i];
      if (random.chance(0.6)) {
        body.x += random.bell();
        body.y += random.bell();
        body.angle += random.bell() / 10;
      }
      if (random.chance(0.1)) body.health = Math.max(0, body.health - random.below(20));
      writer.u16(body.id);
      writer.u8(random.pick([0, 0, 0, 1, 3]));
      writer.u8(body.health);
      writer.f32(body.x);
      writer.f32(body.y);
      writer.f32(body.angle);
      writer.f32(0);
      writer.u32(this.#tick - random.below(4));
    }
  }

  /** Tags, variable-length integers and short texts. */
  #records(writer: Writer, length: number): void {
    const { random } = this;
    for (let i = 0; i < 16 && writer.length < length; i++) {
      writer.u8(0x0a);
      writer.varint((this.#sequence += random.between(1, 30)));
      writer.u8(0x12);
      writer.text(fullName(random));
      writer.u8(0x18);
      writer.varint(1_709_280_000_000 + 37 * this.#sequence);
      writer.u8(0x25);
      writer.f32(random.below(100_000) / 100);
      writer.u8(0x28);
      writer.varint(random.below(5));
      if (random.chance(0.5)) {
        writer.u8(0x32);
        writer.text(`item/${random.below(10_000)}`);
      }
    }
  }

  /** Readings that change slowly, with the noise that sensors have. */
  #floats(writer: Writer, length: number): void {
    const { random } = this;
    writer.u32(this.#tick++);
    writer.u16(random.below(16));
    let value = 20 + random.below(10);
    for (let i = 0; i < 256 && writer.length < length; i++) {
      value += random.bell() / 2;
      writer.f32(Math.round(value * 1000) / 1000);
    }
  }
}
