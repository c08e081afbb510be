/** Mutates inputs, with the mutations that other fuzzers use. */

import type { Target } from "./targets.js";

type Random = () => number;
const INTERESTING = [0, 1, 0x7d, 0x7e, 0x7f, 0x80, 0x81, 0x88, 0x89, 0xfe, 0xff];
const LONGEST = 4096;

/** A changed copy. @param other - another input, for pieces. */
export function mutate(
  input: Uint8Array,
  other: Uint8Array,
  { dictionary }: Target,
  random: Random,
): Uint8Array {
  let bytes = Array.from(input);
  for (let changes = 1 + (random() % 4); changes > 0; changes--) {
    const at = bytes.length === 0 ? 0 : random() % bytes.length;
    switch (random() % 10) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (random() & 7));
        break;
      case 1:
        bytes[at] = random() & 0xff;
        break;
      case 2:
        bytes[at] = INTERESTING[random() % INTERESTING.length];
        break;
      case 3:
        bytes[at] = ((bytes[at] ?? 0) + (random() % 33) - 16) & 0xff;
        break;
      case 4:
        bytes.splice(at, 1 + (random() % 8));
        break;
      case 5:
        bytes.splice(at, 0, ...dictionary[random() % dictionary.length]);
        break;
      case 6: {
        const word = dictionary[random() % dictionary.length];
        bytes.splice(at, word.length, ...word);
        break;
      }
      case 7:
        bytes.splice(at, 0, ...bytes.slice(at, at + 1 + (random() % 32)));
        break;
      case 8: {
        const from = other.length === 0 ? 0 : random() % other.length;
        bytes.splice(at, random() % 16, ...other.subarray(from, from + 1 + (random() % 64)));
        break;
      }
      case 9:
        bytes = [...bytes.slice(0, at), ...other.subarray(Math.min(at, other.length))];
        break;
    }
  }
  return Uint8Array.from(bytes.slice(0, LONGEST));
}
