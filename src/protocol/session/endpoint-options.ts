/** Options of an endpoint, with their defaults. */

import type { BytesClass, Role } from "../../codec/index.js";
import type { DeflateParameters } from "../handshake/deflate-offer.js";

/** Bytes that a message may have by default: 16 MiB. */
export const DEFAULT_MAX_MESSAGE_SIZE = 1 << 24;

export interface EndpointOptions {
  /** Our side. */
  readonly role: Role;
  /**
   * Greatest payload of one frame, in bytes, both ways; judged on the header. If it is not set, longer messages are
   * sent in frames of 1 MiB, and frames of any length are received, up to `maxMessageSize`.
   */
  readonly maxFrameSize?: number | undefined;
  /**
   * Greatest message, in bytes, that is received; judged on the header of the frame that exceeds it, and by
   * bytes, however many fragments they come in. Text that is delivered as strings has at most 2^29 - 24 bytes, the
   * longest string that every engine can make. Default 16 MiB.
   */
  readonly maxMessageSize?: number | undefined;
  /** Deliver parts of messages as they arrive, instead of messages once they are whole. Default false. */
  readonly partial?: boolean | undefined;
  /**
   * Bytes from which a message is delivered in parts as it arrives, if `partial` is not set. It is judged on what the
   * headers announce and on the bytes that have come, and then `maxStreamSize` is its limit. At most `maxMessageSize`,
   * or Infinity. Default Infinity: every message is delivered whole.
   */
  readonly streamFrom?: number | undefined;
  /** Greatest message, in bytes, that is delivered in parts because of `streamFrom`. Default Infinity. */
  readonly maxStreamSize?: number | undefined;
  /** What text is delivered as: strings, or their bytes, which are valid UTF-8. Default "string". */
  readonly text?: "string" | "bytes" | undefined;
  /** Answer a Ping with a Pong (§5.5.2). If false, the caller sends it. Default true. */
  readonly autoPong?: boolean | undefined;
  /** Answer a Close with a Close (§5.5.1). If false, the caller sends it. Default true. */
  readonly autoClose?: boolean | undefined;
  /**
   * Say in the Close frame what the peer did wrong, as its reason (§5.5.1). If false, it has the code alone. Default
   * true.
   */
  readonly explainFailures?: boolean | undefined;
  /**
   * Deliver messages that are valid only until the next event is asked for or bytes are received. It spares a copy
   * of each binary message. Default false: the bytes are yours to keep.
   */
  readonly borrow?: boolean | undefined;
  /**
   * The class of views of bytes, where a view is made for one message. Default Uint8Array. A caller that wants another
   * class everywhere looks whether it has it.
   */
  readonly bytesClass?: BytesClass | undefined;
  /** What the handshake agreed on for compression (RFC 7692). Default: nothing. */
  readonly perMessageDeflate?: DeflateParameters | undefined;
}
