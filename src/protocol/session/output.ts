/**
 * Encoded frames on their way out. All endpoints of a thread write into one slab per role, which stays warm,
 * so that an idle endpoint holds none; each knows which stretches of it are its own.
 */

import { FrameEncoder, type Role } from "../../codec/index.js";

interface Slab {
  readonly encoder: FrameEncoder;
  /** Whose frames the encoder holds. */
  owner: Output | undefined;
}

const slabs: { [role in Role]?: Slab } = {};

const NOTHING: readonly Uint8Array[] = [];

/** The frames of one endpoint that wait to be written. */
export class Output {
  readonly role: Role;
  readonly #slab: Slab;
  /** Finished stretches, in order; what the encoder holds follows them. */
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

  /** The encoder to append frames with, now. */
  get encoder(): FrameEncoder {
    const slab = this.#slab;
    if (slab.owner !== this) {
      slab.owner?.seal();
      slab.owner = this;
    }
    return slab.encoder;
  }

  /** Appends whole frames that are encoded already; they must not change until they are written. */
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
    this.#length = 0;
    return segments;
  }

  /** What `take` would return, which stays. */
  peek(): readonly Uint8Array[] {
    if (this.#slab.owner === this) this.seal();
    return this.#segments ?? NOTHING;
  }

  /** Says that what `take` returned was written: the slab may use its memory again. */
  recycle(segments: readonly Uint8Array[]): void {
    for (const segment of segments) this.#slab.encoder.recycle(segment);
  }

  /** Makes a segment of what the encoder holds. */
  seal(): void {
    const { encoder } = this.#slab;
    this.#slab.owner = undefined;
    if (encoder.length === 0) return;
    this.#length += encoder.length;
    (this.#segments ??= []).push(encoder.take());
  }
}
