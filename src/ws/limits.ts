/** How the face wants hawser's connections: as `ws` has them, not as hawser does by default. */

import { BufferClass } from "./bytes.js";

/** Limits that `ws` does not have, as it does not have them; and what it leaves to its users. */
export const LIMITS = {
  text: "bytes",
  bytesClass: BufferClass,
  autoClose: false,
  explainFailures: false,
  deliverWhileClosing: true,
  maxFrameSize: Infinity,
  maxBufferedAmount: Infinity,
  pauseReadingAt: Infinity,
  pingIntervalMs: 0,
  pingTimeoutMs: 0,
  closeTimeoutMs: 0,
} as const;
