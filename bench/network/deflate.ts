/**
 * permessage-deflate (RFC 7692) for a load that has no time for it while the clock runs: messages are compressed
 * before, once, and inflated where a server is verified. By zlib, with its defaults.
 */

import {
  constants,
  createDeflateRaw,
  createInflateRaw,
  type DeflateRaw,
  deflateRawSync,
  type InflateRaw,
  inflateRawSync,
} from "node:zlib";

/** Of both directions; "alone" is without context takeover. */
export type Compression = "none" | "takeover" | "alone";

const OFFERS: Readonly<Record<Compression, string | undefined>> = {
  none: undefined,
  // As browsers offer it.
  takeover: "permessage-deflate; client_max_window_bits",
  alone: "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
};

/** What a client offers in its opening handshake. */
export function offerOf(compression: Compression): string | undefined {
  return OFFERS[compression];
}

/** Throws unless the server accepted just what the load does. */
export function checkAnswer(compression: Compression, answer: string | undefined): void {
  const expected = compression === "takeover" ? "permessage-deflate" : OFFERS[compression];
  const sorted = (text: string | undefined) =>
    text
      ?.split(/\s*;\s*/)
      .sort()
      .join("; ");
  if (sorted(answer) !== sorted(expected)) {
    throw new Error(`the server answered ${answer ?? "nothing"} to an offer of compression, not ${expected}`);
  }
}

/** What servers get: the settings of ws, which hawser has too. All messages are compressed. */
export function serverSettings(compression: Compression) {
  if (compression === "none") return false;
  const isAlone = compression === "alone";
  return { threshold: 0, serverNoContextTakeover: isAlone, clientNoContextTakeover: isAlone };
}

/** What a flush ends with, and a message does not (§7.2.1). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
const FLUSH = constants.Z_SYNC_FLUSH;

/** Farther back nothing can refer to. */
const WINDOW_LENGTH = 32_768;

/** Payloads of messages that are sent over and over. */
export interface Cycle {
  /** For the first time around. */
  readonly first: readonly Buffer[];
  /** For every other. */
  readonly others: readonly Buffer[];
}

/**
 * Compresses messages that are sent over and over. The second time around they refer to what the first left in the
 * window; as the messages are more than the window holds, that is all that they can refer to, and every time around
 * leaves the same. So the frames made for the second fit all later ones.
 */
export async function compressCycle(messages: readonly Buffer[], compression: Compression): Promise<Cycle> {
  if (compression === "none") return { first: messages, others: messages };
  if (compression === "alone") {
    const payloads = messages.map((message) => stripTail(deflateRawSync(message, { finishFlush: FLUSH })));
    return { first: payloads, others: payloads };
  }
  const length = messages.reduce((sum, message) => sum + message.length, 0);
  if (length <= WINDOW_LENGTH) throw new Error("a cycle of messages that the window holds");
  const stream = new Stream(createDeflateRaw());
  const payloads: Buffer[] = [];
  for (const message of [...messages, ...messages]) payloads.push(stripTail(await stream.through(message)));
  stream.close();
  return { first: payloads.slice(0, messages.length), others: payloads.slice(messages.length) };
}

function stripTail(flushed: Buffer): Buffer {
  if (!flushed.subarray(-TAIL.length).equals(TAIL)) throw new Error("zlib did not flush");
  return flushed.subarray(0, -TAIL.length);
}

/** Restores the messages of one direction of a connection. */
export class Inflater {
  readonly #stream: Stream | undefined;

  constructor(compression: Compression) {
    this.#stream = compression === "takeover" ? new Stream(createInflateRaw()) : undefined;
  }

  async inflate(payload: Buffer): Promise<Buffer> {
    const flushed = Buffer.concat([payload, TAIL]);
    return this.#stream?.through(flushed) ?? inflateRawSync(flushed, { finishFlush: FLUSH });
  }

  close(): void {
    this.#stream?.close();
  }
}

/** A stream of zlib that is asked for one message after the other. */
class Stream {
  readonly #zlib: DeflateRaw | InflateRaw;
  #output: Buffer[] = [];

  constructor(zlib: DeflateRaw | InflateRaw) {
    this.#zlib = zlib;
    zlib.on("data", (chunk: Buffer) => this.#output.push(chunk));
  }

  through(bytes: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#output = [];
      this.#zlib.once("error", reject);
      this.#zlib.write(bytes);
      this.#zlib.flush(FLUSH, () => {
        this.#zlib.off("error", reject);
        resolve(Buffer.concat(this.#output));
      });
    });
  }

  close(): void {
    this.#zlib.close();
  }
}
