/** Payloads that differ, so that each echo can be matched: each begins with the number of its message. */

/** Bytes of a payload that its number may take: enough for 2^48 messages, or for 2^36 as text. */
const NUMBER_LENGTH = 6;

/**
 * The payloads of one connection, in the order in which they are sent and have to come back. One buffer serves
 * for both: a payload is a pattern that never changes, behind a number that always does.
 */
export class EchoCheck {
  readonly #bytes: Buffer;
  readonly #isText: boolean;
  readonly #numberLength: number;

  /**
   * @param size - bytes of each payload. With fewer than six the numbers begin again after a while.
   * @param seed - makes the payloads of connections differ.
   */
  constructor(size: number, isText: boolean, seed: number) {
    this.#isText = isText;
    this.#numberLength = Math.min(size, NUMBER_LENGTH);
    this.#bytes = Buffer.alloc(size);
    let state = seed + 1;
    for (let i = this.#numberLength; i < size; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      this.#bytes[i] = this.#byte(state >>> 24);
    }
  }

  /** Payload of a message. Valid until the next call of a method. */
  payload(index: number): Uint8Array {
    let rest = index;
    const base = this.#isText ? 0x40 : 0x100;
    for (let i = 0; i < this.#numberLength; i++) {
      this.#bytes[i] = this.#byte(rest % base);
      rest = Math.floor(rest / base);
    }
    return this.#bytes;
  }

  /** The error in an echo; undefined if it matches the message. */
  judge(index: number, answer: Uint8Array, isText: boolean): string | undefined {
    const expected = this.payload(index);
    if (isText !== this.#isText) return `came as ${isText ? "text" : "binary"}`;
    if (answer.length !== expected.length) return `has ${answer.length} bytes, not ${expected.length}`;
    if (this.#bytes.equals(answer)) return undefined;
    const at = expected.findIndex((byte, i) => byte !== answer[i]);
    return `has ${hex(answer[at])} at byte ${at}, not ${hex(expected[at])}`;
  }

  /** A byte, or one of 64 printable ASCII characters. */
  #byte(value: number): number {
    return this.#isText ? 0x30 + (value & 0x3f) : value;
  }
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, "0")}`;
}
