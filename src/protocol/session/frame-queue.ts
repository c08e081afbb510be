/**
 * Encoded frames of one endpoint that wait to be written. All endpoints of a thread encode into one slab for each
 * role. The slab stays warm in the cache, and an idle endpoint holds no memory for output.
 */

import { FrameEncoder, type Role } from "../../codec/index.js";

interface Slab {
  readonly encoder: FrameEncoder;
  /** The queue whose frames the encoder holds. */
  owner: FrameQueue | undefined;
}

const slabs: { [role in Role]?: Slab } = {};

const NOTHING: readonly Uint8Array[] = [];

export class FrameQueue {
  readonly role: Role;
  /** Bytes that `take` has returned. */
  bytesTaken = 0;
  readonly #slab: Slab;
  /** Finished stretches of bytes, in order. The bytes in the encoder follow them. */
  #segments: Uint8Array[] | undefined = undefined;
  #length = 0;

  constructor(role: Role) {
    this.role = role;
    this.#slab = slabs[role] ??= { encoder: new FrameEncoder({ role }), owner: undefined };
  }

  /** Bytes that wait to be taken. */
  get length(): number {
    const { encoder, owner } = this.#slab;
    return owner === this ? this.#length + encoder.length : this.#length;
  }

  /** The encoder to append frames with. Use it at once: another queue may take it over. */
  get encoder(): FrameEncoder {
    const slab = this.#slab;
    if (slab.owner !== this) {
      slab.owner?.seal();
      slab.owner = this;
    }
    return slab.encoder;
  }

  /** Appends bytes of whole frames that are encoded already. They must not change until they are written. */
  append(frames: Uint8Array): void {
    if (this.#slab.owner === this) this.seal();
    (this.#segments ??= []).push(frames);
    this.#length += frames.length;
  }

  /** Everything appended since the last call, in order. */
  take(): readonly Uint8Array[] {
    if (this.#slab.owner === this) this.seal();
    const segments = this.#segments;
    if (segments === undefined) return NOTHING;
    this.#segments = undefined;
    this.bytesTaken += this.#length;
    this.#length = 0;
    return segments;
  }

  /** Drops everything appended since the last `take`. */
  clear(): void {
    const { bytesTaken } = this;
    this.recycle(this.take());
    this.bytesTaken = bytesTaken;
  }

  /** The bytes that `take` would return; they stay. */
  peek(): readonly Uint8Array[] {
    if (this.#slab.owner === this) this.seal();
    return this.#segments ?? NOTHING;
  }

  /** Declares that the segments, which `take` returned, were written: the slab may use their memory again. */
  recycle(segments: readonly Uint8Array[]): void {
    for (const segment of segments) this.#slab.encoder.recycle(segment);
  }

  /** Makes a segment of the bytes in the encoder. */
  seal(): void {
    const { encoder } = this.#slab;
    this.#slab.owner = undefined;
    const { length } = encoder;
    if (length === 0) return;
    this.#length += length;
    (this.#segments ??= []).push(encoder.take());
  }
}
