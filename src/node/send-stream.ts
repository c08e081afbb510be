/**
 * Sends one message in fragments (§5.4) while a source gives its parts, and waits for the peer in between. The writer
 * keeps other messages behind it.
 */

import { CloseCode, InvalidStateError } from "../codec/index.js";
import { type AbortLike, assertSignal, type Bytes, whenAborted } from "../protocol/index.js";
import { type BlobLike, isBlob } from "./blob.js";
import { defer } from "./deferred.js";
import type { Writer } from "./writer.js";

/** Parts of a message: iterables (arrays and generators, too), web and Node streams, and Blobs. */
export type StreamSource =
  | AsyncIterable<string | Bytes>
  | Iterable<string | Bytes>
  | (BlobLike & { stream(): AsyncIterable<Uint8Array> | ReadableStream<Uint8Array> });

export interface StreamOptions {
  /** Default: text if the first part is a string, binary if it is bytes. */
  readonly type?: "text" | "binary" | undefined;
  /** Whether to compress the message, where that was agreed on. Default: as `threshold` has it for parts. */
  readonly compress?: boolean | undefined;
  /** Breaks the message off, and closes the connection if it was begun: a message cannot be taken back. */
  readonly signal?: AbortLike | undefined;
}

/** The session that the message is sent by. */
export interface StreamSender {
  readonly writer: Writer;
  close(code: number, reason: string): void;
}

type Part = string | Bytes;
const NOTHING = new Uint8Array(0);

/**
 * @returns resolves when all parts were handed to the transport's queue. Rejects if the source fails, the signal is
 *   aborted, or the connection closes before.
 * @throws {TypeError} for a source that gives no parts, and for options that make no sense.
 */
export function sendStream(
  sender: StreamSender,
  source: StreamSource,
  options: StreamOptions = {},
): Promise<void> {
  const { type, signal } = options;
  if (type !== undefined && type !== "text" && type !== "binary") {
    throw new TypeError(`the type of a message must be "text" or "binary", not ${String(type)}`);
  }
  assertSignal(signal);
  const iterator = iteratorOf(source);
  const { writer } = sender;
  if (writer.isSendingParts && writer.streams === undefined) {
    throw new InvalidStateError("a message in parts is being sent: end it before you send another");
  }
  const sending = new StreamSending(sender, iterator, options);
  const sent = sending.run(writer.streams);
  const settled = sent.then(done, done);
  function done(): void {
    if (writer.streams === settled) writer.streams = undefined;
  }
  writer.streams = settled;
  return sent;
}

function iteratorOf(source: StreamSource): AsyncIterator<Part> | Iterator<Part> {
  const parts: unknown = isBlob(source) && "stream" in source ? source.stream() : source;
  // A string and bytes can be iterated over, too, but they are whole messages.
  if (typeof parts === "object" && parts !== null && !ArrayBuffer.isView(parts)) {
    const iterable = parts as Partial<AsyncIterable<Part> & Iterable<Part>>;
    const iterator = iterable[Symbol.asyncIterator]?.() ?? iterable[Symbol.iterator]?.();
    if (iterator !== undefined) return iterator;
  }
  throw new TypeError("sendStream takes an iterable, a stream or a Blob; send takes a string or bytes");
}

class StreamSending {
  readonly #sender: StreamSender;
  readonly #iterator: AsyncIterator<Part> | Iterator<Part>;
  readonly #options: StreamOptions;
  #type: "text" | "binary" | undefined;
  #isBegun = false;
  /** The first half of a character that the last string cut. */
  #cut = "";
  /** The reason to stop, and the callback that reports it during a wait. */
  #stopped: { readonly reason: unknown } | undefined = undefined;
  #onStop: ((reason: unknown) => void) | undefined = undefined;

  constructor(sender: StreamSender, iterator: AsyncIterator<Part> | Iterator<Part>, options: StreamOptions) {
    this.#sender = sender;
    this.#iterator = iterator;
    this.#options = options;
    this.#type = options.type;
  }

  /** @param before - settles when the stream before this one was sent. */
  async run(before: Promise<void> | undefined): Promise<void> {
    const { signal } = this.#options;
    const { writer } = this.#sender;
    const forget = [writer.whenClosed(() => this.#stop(closedBefore()))];
    if (signal !== undefined) forget.push(whenAborted(signal, () => this.#stop(signal.reason)));
    let isDone = false;
    try {
      if (signal?.aborted === true) throw signal.reason;
      for (;;) {
        const next = await this.#until(this.#iterator.next());
        isDone = next.done === true;
        if (isDone) break;
        await this.#room(before);
        this.#send(next.value as Part, false);
      }
      await this.#room(before);
      if (this.#cut !== "") this.#sendPart(this.#cut, false);
      this.#sendPart(this.#type === "text" ? "" : NOTHING, true);
    } catch (thrown) {
      // §5.4: there is no way to end a message but to complete it. So the connection ends.
      if (this.#isBegun) this.#sender.close(CloseCode.InternalError, "a message was broken off");
      if (!isDone) this.#leave();
      throw thrown;
    } finally {
      this.#isBegun = false;
      for (const each of forget) each();
    }
  }

  /** Waits for room, and before the first part for the messages before: other streams, and Blobs that are read. */
  async #room(before: Promise<void> | undefined): Promise<void> {
    const { writer } = this.#sender;
    if (!this.#isBegun) await this.#until(before);
    do {
      if (!this.#isBegun) while (writer.blobs !== undefined) await this.#until(writer.blobs);
      await this.#until(writer.roomForPart());
      // A Blob may have been sent meanwhile.
    } while (!this.#isBegun && writer.blobs !== undefined);
  }

  /** Sends a part. Strings may be cut between two surrogates: the first waits for the second. */
  #send(part: Part, final: boolean): void {
    if (typeof part !== "string") {
      if (this.#cut !== "") this.#sendPart(this.#cut, false);
      this.#cut = "";
      this.#sendPart(part, final);
      return;
    }
    const text = this.#cut + part;
    const isCut = (text.charCodeAt(text.length - 1) & 0xfc00) === 0xd800;
    this.#cut = isCut ? text.slice(-1) : "";
    this.#sendPart(isCut ? text.slice(0, -1) : text, final);
  }

  #sendPart(part: Part, final: boolean): void {
    this.#type ??= typeof part === "string" ? "text" : "binary";
    if (typeof part === "string" && this.#type === "binary") {
      throw new TypeError("a part of a binary message must be bytes, not a string");
    }
    const { compress } = this.#options;
    const { writer } = this.#sender;
    if (writer.sendStreamPart(part, { type: this.#type, compress, final }) === undefined)
      throw closedBefore();
    this.#isBegun = !final;
  }

  #stop(reason: unknown): void {
    this.#stopped ??= { reason };
    this.#onStop?.(reason);
  }

  /** Waits for a value, or until the sending is stopped. */
  #until<T>(value: T | PromiseLike<T>): Promise<T> {
    const { promise, resolve, reject } = defer<T>();
    if (this.#stopped !== undefined) reject(this.#stopped.reason);
    this.#onStop = reject;
    Promise.resolve(value).then(resolve, reject);
    return promise;
  }

  /** Lets the source know that it is not read any more. What it does then is its own affair. */
  #leave(): void {
    try {
      const left: unknown = this.#iterator.return?.();
      Promise.resolve(left).catch(() => {});
    } catch {
      // It has failed before, or fails now: the first error is reported.
    }
  }
}

function closedBefore(): InvalidStateError {
  return new InvalidStateError("the connection closed before the message was sent");
}
