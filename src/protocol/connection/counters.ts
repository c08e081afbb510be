/** How much went through a connection, or through all connections of a server. */

export interface Counters {
  /** Frames, control frames included. */
  readonly framesIn: number;
  readonly framesOut: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  /** Bytes of frames, headers included. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** The sum of two counts. */
export function addCounters(a: Counters, b: Counters): Counters {
  return {
    framesIn: a.framesIn + b.framesIn,
    framesOut: a.framesOut + b.framesOut,
    messagesIn: a.messagesIn + b.messagesIn,
    messagesOut: a.messagesOut + b.messagesOut,
    bytesIn: a.bytesIn + b.bytesIn,
    bytesOut: a.bytesOut + b.bytesOut,
  };
}

export const NO_COUNTERS: Counters = {
  framesIn: 0,
  framesOut: 0,
  messagesIn: 0,
  messagesOut: 0,
  bytesIn: 0,
  bytesOut: 0,
};
