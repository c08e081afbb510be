/**
 * Streams of DEFLATE for tests, written bit by bit from RFC 1951; legal or not. Nothing here compresses: the author of
 * writes a stream says which symbols it has.
 */

type Bytes = Uint8Array<ArrayBuffer>;

/** §3.2.5: length codes 257 to 285 and distance codes 0 to 29: the least value and the number of extra bits. */
export const LENGTH_CODES: readonly (readonly [least: number, extra: number])[] = [
  ...[3, 4, 5, 6, 7, 8, 9, 10].map((least) => [least, 0] as const),
  ...[11, 13, 15, 17].map((least) => [least, 1] as const),
  ...[19, 23, 27, 31].map((least) => [least, 2] as const),
  ...[35, 43, 51, 59].map((least) => [least, 3] as const),
  ...[67, 83, 99, 115].map((least) => [least, 4] as const),
  ...[131, 163, 195, 227].map((least) => [least, 5] as const),
  [258, 0],
];
export const DISTANCE_CODES: readonly (readonly [least: number, extra: number])[] = [
  [1, 0],
  [2, 0],
  [3, 0],
  [4, 0],
  ...[5, 7].map((least) => [least, 1] as const),
  ...[9, 13].map((least) => [least, 2] as const),
  ...[17, 25].map((least) => [least, 3] as const),
  ...[33, 49].map((least) => [least, 4] as const),
  ...[65, 97].map((least) => [least, 5] as const),
  ...[129, 193].map((least) => [least, 6] as const),
  ...[257, 385].map((least) => [least, 7] as const),
  ...[513, 769].map((least) => [least, 8] as const),
  ...[1025, 1537].map((least) => [least, 9] as const),
  ...[2049, 3073].map((least) => [least, 10] as const),
  ...[4097, 6145].map((least) => [least, 11] as const),
  ...[8193, 12289].map((least) => [least, 12] as const),
  ...[16385, 24577].map((least) => [least, 13] as const),
];
export const END_OF_BLOCK = 256;

/** A code: for each symbol, how many bits and which, the first of them highest. */
export type Code = readonly (readonly [length: number, bits: number])[];

/** §3.2.2: the code that lengths make. Of lengths that make none, something. */
export function codeOf(lengths: readonly number[]): Code {
  const next: number[] = [];
  let code = 0;
  for (let length = 1; length <= 15; length++) {
    code = (code + (length === 1 ? 0 : lengths.filter((one) => one === length - 1).length)) << 1;
    next[length] = code;
  }
  return lengths.map((length) => [length, length === 0 ? 0 : next[length]++]);
}

/** §3.2.6 */
export const FIXED_LITERALS: readonly number[] = Array.from({ length: 288 }, (_, symbol) =>
  symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8,
);
export const FIXED_DISTANCES: readonly number[] = new Array<number>(32).fill(5);

/** §3.2.7: the order of the lengths of the codes for code lengths. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/** A complete code for all of them. */
export const CODE_LENGTHS: readonly number[] = ORDER.map((_, symbol) => (symbol < 13 ? 4 : 5));

/** Which code has a length or distance, and its extra bits. */
function codeFor(codes: typeof LENGTH_CODES, value: number): [code: number, extra: number, count: number] {
  let code = codes.length - 1;
  while (codes[code][0] > value) code--;
  return [code, value - codes[code][0], codes[code][1]];
}

export class DeflateWriter {
  readonly #bytes: number[] = [];
  #bitLength = 0;
  #literals: Code = [];
  #distances: Code = [];

  /** Bits of a number, the lowest first. */
  bits(value: number, count: number): this {
    for (let i = 0; i < count; i++) this.#bit((value >> i) & 1);
    return this;
  }

  /** A code, its first bit highest. */
  code([length, bits]: readonly [length: number, bits: number]): this {
    for (let i = length - 1; i >= 0; i--) this.#bit((bits >> i) & 1);
    return this;
  }

  align(): this {
    this.#bitLength = 8 * this.#bytes.length;
    return this;
  }

  bytes(bytes: ArrayLike<number>): this {
    for (let i = 0; i < bytes.length; i++) this.bits(bytes[i], 8);
    return this;
  }

  #bit(bit: number): void {
    if (this.#bitLength % 8 === 0) this.#bytes.push(0);
    this.#bytes[this.#bitLength >> 3] |= bit << (this.#bitLength & 7);
    this.#bitLength++;
  }

  /** The header of a stored block (§3.2.4). */
  storedHeader(length: number, isFinal = false, complement = ~length & 0xffff): this {
    return this.bits(isFinal ? 1 : 0, 3)
      .align()
      .bits(length, 16)
      .bits(complement, 16);
  }

  stored(bytes: ArrayLike<number>, isFinal = false): this {
    this.storedHeader(bytes.length, isFinal);
    for (let i = 0; i < bytes.length; i++) this.#bytes.push(bytes[i]);
    return this.align();
  }

  /** Begins a block with the fixed code (§3.2.6). */
  fixed(isFinal = false): this {
    this.#literals = codeOf(FIXED_LITERALS);
    this.#distances = codeOf(FIXED_DISTANCES);
    return this.bits(isFinal ? 3 : 2, 3);
  }

  /** The beginning of a dynamic block (§3.2.7), up to the code lengths. */
  dynamicHeader(
    literalCount: number,
    distanceCount: number,
    codeLengths: readonly number[],
    isFinal = false,
  ): this {
    this.bits(isFinal ? 5 : 4, 3);
    this.bits(literalCount - 257, 5)
      .bits(distanceCount - 1, 5)
      .bits(15, 4);
    for (const symbol of ORDER) this.bits(codeLengths[symbol], 3);
    return this;
  }

  /** Begins a dynamic block with codes of these lengths. */
  dynamic(literals: readonly number[], distances: readonly number[], isFinal = false): this {
    this.dynamicHeader(literals.length, distances.length, CODE_LENGTHS, isFinal);
    const code = codeOf(CODE_LENGTHS);
    for (const length of [...literals, ...distances]) this.code(code[length]);
    this.#literals = codeOf(literals);
    this.#distances = codeOf(distances);
    return this;
  }

  /** A literal, END_OF_BLOCK or the code of a length, by its number. */
  symbol(symbol: number): this {
    return this.code(this.#literals[symbol]);
  }

  literals(bytes: ArrayLike<number>): this {
    for (let i = 0; i < bytes.length; i++) this.symbol(bytes[i]);
    return this;
  }

  distanceSymbol(symbol: number): this {
    return this.code(this.#distances[symbol]);
  }

  match(length: number, distance: number): this {
    const [lengthCode, lengthExtra, lengthBits] = codeFor(LENGTH_CODES, length);
    const [distanceCode, distanceExtra, distanceBits] = codeFor(DISTANCE_CODES, distance);
    this.symbol(257 + lengthCode).bits(lengthExtra, lengthBits);
    return this.distanceSymbol(distanceCode).bits(distanceExtra, distanceBits);
  }

  end(): this {
    return this.symbol(END_OF_BLOCK);
  }

  /** The written bits, padded with zeros to a whole byte. */
  get stream(): Bytes {
    return Uint8Array.from(this.#bytes);
  }
}

/** What matches make of the bytes before them, one byte at a time. */
export function extendBy(bytes: number[], length: number, distance: number): number[] {
  for (let i = 0; i < length; i++) bytes.push(bytes[bytes.length - distance]);
  return bytes;
}
