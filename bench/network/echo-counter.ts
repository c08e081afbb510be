/** When an echo has come back, by as little of it as says so: all that a load does while the clock runs. */

export interface EchoCounter {
  /**
   * A chunk of frames is about to be sent.
   *
   * @param echo - the bytes that answer it, if they are known.
   */
  begin(echo: Buffer): void;
  /**
   * Takes bytes that came back. Returns how much of the echo is missing; less than zero where it is too long, or found
   * to differ.
   */
  take(bytes: Buffer, length: number): number;
}

/** One of so many echoes is compared byte by byte under load too, the first of a connection among them. */
const SAMPLED = 64;

/** By its length, for an echo whose bytes are known. */
export class ByteCounter implements EchoCounter {
  #echo: Buffer = Buffer.alloc(0);
  #missing = 0;
  #begun = 0;
  #isCompared = false;

  begin(echo: Buffer): void {
    this.#echo = echo;
    this.#missing = echo.length;
    this.#isCompared = this.#begun++ % SAMPLED === 0;
  }

  take(bytes: Buffer, length: number): number {
    const at = this.#echo.length - this.#missing;
    this.#missing -= length;
    if (this.#missing < 0 || !this.#isCompared) return this.#missing;
    return this.#echo.compare(bytes, 0, length, at, at + length) === 0 ? this.#missing : -1;
  }
}

/** Where in a frame (RFC 6455 §5.2) the next byte is. */
const FLAGS = 0;
const SHORT_LENGTH = 1;
const EXTENDED_LENGTH = 2;
const PAYLOAD = 3;

/** By its messages, whose frames may have any length: reads the headers, which are not masked. */
export class FrameCounter implements EchoCounter {
  readonly #count: number;
  #missing = 0;
  #place = FLAGS;
  #isFinal = false;
  /** Bytes of the length that are still to come. */
  #lengthBytes = 0;
  #payloadLeft = 0;

  /** @param count - messages in every chunk. */
  constructor(count: number) {
    this.#count = count;
  }

  begin(): void {
    this.#missing = this.#count;
  }

  take(bytes: Buffer, length: number): number {
    for (let at = 0; at < length; ) {
      if (this.#place === PAYLOAD) {
        const taken = Math.min(this.#payloadLeft, length - at);
        at += taken;
        this.#payloadLeft -= taken;
        if (this.#payloadLeft === 0) this.#endFrame();
      } else {
        this.#takeHeader(bytes[at++]);
      }
    }
    // A frame that is not whole, behind the last that was to come, is too much already.
    return this.#missing === 0 && this.#place !== FLAGS ? -1 : this.#missing;
  }

  #takeHeader(byte: number): void {
    if (this.#place === FLAGS) {
      this.#isFinal = (byte & 0x80) !== 0;
      this.#place = SHORT_LENGTH;
    } else if (this.#place === SHORT_LENGTH && byte >= 126) {
      this.#lengthBytes = byte === 126 ? 2 : 8;
      this.#payloadLeft = 0;
      this.#place = EXTENDED_LENGTH;
    } else {
      this.#payloadLeft = this.#place === SHORT_LENGTH ? byte : this.#payloadLeft * 256 + byte;
      if (this.#place === EXTENDED_LENGTH && --this.#lengthBytes > 0) return;
      this.#place = PAYLOAD;
      if (this.#payloadLeft === 0) this.#endFrame();
    }
  }

  #endFrame(): void {
    this.#place = FLAGS;
    if (this.#isFinal) this.#missing--;
  }
}
