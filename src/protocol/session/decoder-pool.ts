/**
 * Decoders that are between two messages remember nothing, so endpoints share them: an idle endpoint holds none.
 * Each thread keeps a few.
 */

import { FrameDecoder, kernelBackend, type Role } from "../../codec/index.js";

/** A decoder that delivers payloads in parts, and the kind of stream it is for. */
export interface PooledDecoder {
  readonly decoder: FrameDecoder;
  readonly role: Role;
  readonly maxFrameSize: number;
  readonly allowRsv1: boolean;
  readonly backend: string;
}

const MAX_SPARES = 8;
/** The first `count` are spare. Counting costs less than setting an array's length for every chunk that arrives. */
const spares: PooledDecoder[] = [];
let count = 0;

/**
 * Takes a decoder from the pool, or makes one.
 *
 * @param streamOffset - bytes of the stream before the next chunk.
 */
export function takeDecoder(
  role: Role,
  maxFrameSize: number,
  allowRsv1: boolean,
  streamOffset: number,
): PooledDecoder {
  const last = count - 1;
  for (let i = last; i >= 0; i--) {
    const spare = spares[i];
    if (spare.role !== role || spare.maxFrameSize !== maxFrameSize) continue;
    if (spare.allowRsv1 !== allowRsv1) continue;
    spares[i] = spares[last];
    count = last;
    if (spare.backend !== kernelBackend()) break;
    spare.decoder.restart(streamOffset);
    return spare;
  }
  const decoder = new FrameDecoder({ role, maxFrameSize, allowRsv1, partial: true });
  decoder.restart(streamOffset);
  return { decoder, role, maxFrameSize, allowRsv1, backend: kernelBackend() };
}

/** Gives a decoder back that is between two messages. */
export function giveDecoder(pooled: PooledDecoder): void {
  // The one that has waited longest is for endpoints of a kind that may be gone.
  if (count === MAX_SPARES) spares.copyWithin(0, 1, count--);
  spares[count++] = pooled;
}
