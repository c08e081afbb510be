/** validateUtf8, utf8ToUtf16 and utf16ToUtf8: every boundary of RFC 3629 §4 at every place of a vector, cut anywhere. */

import assert from "node:assert/strict";
import { isUtf8 } from "node:buffer";
import { describe, it } from "node:test";
import * as layout from "../../../src/kernel/generated/layout.js";
import type { Kernel } from "../../../src/kernel/index.js";
import { eachBackend } from "../../support/backends.js";
import { concat } from "../../support/frames.js";
import { toHex, utf8 } from "../../support/hex.js";
import { randomBytes, randomNumbers } from "../../support/property.js";
import { isText, judgeUtf8 } from "../../support/utf8-oracle.js";

const fatal = new TextDecoder("utf-8", { fatal: true });

/** The bytes on either side of every range of RFC 3629 §4. */
const SECOND = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
const FURTHER = [0x7f, 0x80, 0xbf, 0xc0];
const WRONG_ANYWAY = [0x80, 0xc2];
const LEADS = [
  0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4,
  0xf5, 0xf7, 0xf8, 0xff,
];

/** Every lead followed by boundary values; once a prefix is wrong, two ways for it to go on are enough. */
function sequences(leads: readonly number[]): number[][] {
  const all: number[][] = [];
  for (const lead of leads) extend([lead], all);
  return all;
}

function extend(prefix: readonly number[], all: number[][]): void {
  all.push([...prefix]);
  if (prefix.length === 4) return;
  const values = judgeUtf8(prefix).offset >= 0 ? WRONG_ANYWAY : prefix.length === 1 ? SECOND : FURTHER;
  for (const value of values) extend([...prefix, value], all);
}

const EVERY_LEAD = Array.from({ length: 256 }, (_, lead) => lead);

interface Verdict {
  /** As the oracle's: index of the first invalid byte, or -1. */
  readonly offset: number;
  readonly complete: boolean;
  readonly ascii: boolean;
}

/** Just before, at and behind the edges of vectors of 16 and of blocks of 64. */
const OFFSETS = [0, 1, 12, 13, 14, 15, 16, 17, 31, 47, 48, 60, 61, 62, 63, 64, 65];

/** Where in SCRATCH texts are put: not at its beginning, and at no round address. */
const BASE = layout.SCRATCH + 3;

/** Validates bytes that lie in memory already, `cuts` being where one call ends and the next begins. */
function validateAt(kernel: Kernel, start: number, length: number, cuts: readonly number[] = []): Verdict {
  let state = 0;
  let from = 0;
  let ascii = true;
  for (const to of [...cuts, length]) {
    state = kernel.validateUtf8(start + from, start + to, state);
    if (kernel.words[(layout.RESULT + layout.RESULT_ASCII) >> 2] === 0) ascii = false;
    if (state === layout.UTF8_INVALID) {
      const offset = kernel.words[(layout.RESULT + layout.RESULT_POSITION) >> 2] - start;
      return { offset, complete: false, ascii };
    }
    from = to;
  }
  return { offset: -1, complete: state === 0, ascii };
}

function validate(kernel: Kernel, bytes: Uint8Array, cuts?: readonly number[]): Verdict {
  kernel.bytes.set(bytes, BASE);
  // The byte after a range must not matter: here, a byte that would go on with a character.
  kernel.bytes.fill(0x80, BASE + bytes.length, BASE + bytes.length + 64);
  return validateAt(kernel, BASE, bytes.length, cuts);
}

function check(kernel: Kernel, bytes: Uint8Array, cuts?: readonly number[]): void {
  const seen = validate(kernel, bytes, cuts);
  const wanted = judgeUtf8(bytes);
  if (seen.offset !== wanted.offset || (wanted.offset < 0 && seen.complete !== wanted.complete)) {
    assert.deepEqual(seen, wanted, `${toHex(bytes)} cut at ${cuts}`);
  }
}

describe("the UTF-8 oracle", () => {
  it("agrees with the host's decoder and isUtf8 on every lead byte and boundary", () => {
    for (const sequence of sequences(EVERY_LEAD)) {
      const bytes = new Uint8Array(sequence);
      let decodes = true;
      try {
        fatal.decode(bytes);
      } catch {
        decodes = false;
      }
      if (isText(bytes) !== decodes || isUtf8(bytes) !== decodes) assert.fail(toHex(bytes));
    }
  });
});

eachBackend("validateUtf8", (kernel, backend) => {
  // The reference goes byte by byte: it has no vector edges for every offset to meet.
  const stride = backend === "reference" ? 14 : 1;

  it("judges every lead byte with every boundary value behind it", () => {
    const all = sequences(EVERY_LEAD);
    const filler = utf8("ASCII and 水 and é".repeat(8));
    for (let i = 0; i < all.length; i++) {
      // A prefix that ends between two characters.
      let prefix = i % 71;
      while ((filler[prefix] & 0xc0) === 0x80) prefix++;
      check(kernel(), concat([filler.subarray(0, prefix), new Uint8Array(all[i])]));
    }
  });

  const fillers: readonly (readonly [name: string, text: string])[] = [
    ["ASCII", "x"],
    ["two-byte", "é"],
    ["three-byte", "水"],
    ["four-byte", "😀"],
  ];
  for (const [name, character] of fillers) {
    it(`finds the first invalid byte at every offset 0-70 within ${name} text`, () => {
      const { bytes, validateUtf8, words } = kernel();
      const start = BASE;
      const unit = utf8(character);
      const filler = utf8(character.repeat(140));
      // A whole block of 64 behind it: a block of nothing but ASCII takes a short cut.
      const tail = filler.subarray(0, Math.ceil(132 / unit.length) * unit.length);
      for (const sequence of sequences(LEADS)) {
        const alone = judgeUtf8([...sequence, ...unit]);
        for (let offset = 0; offset <= 70; offset += stride) {
          // Filler, sequence, filler; moved on one byte at a time by spaces.
          const whole = Math.floor(offset / unit.length) * unit.length;
          bytes.set(filler.subarray(0, whole), start);
          bytes.fill(0x20, start + whole, start + offset);
          bytes.set(sequence, start + offset);
          bytes.set(tail, start + offset + sequence.length);
          const end = start + offset + sequence.length + tail.length;
          bytes[end] = 0x80; // which is not part of the text
          const state = validateUtf8(start, end, 0);
          const position = words[(layout.RESULT + layout.RESULT_POSITION) >> 2];
          const seen = state === layout.UTF8_INVALID ? position - start - offset : -1;
          if (seen !== alone.offset || (seen < 0 && state !== 0)) {
            assert.fail(`${sequence.map((b) => b.toString(16))} at ${offset}: ${seen}, not ${alone.offset}`);
          }
        }
      }
    });
  }

  it("finds it at the end of a text too, where only a cut character may stand", () => {
    for (const sequence of sequences(LEADS)) {
      for (let offset = 0; offset <= 70; offset += stride) {
        check(
          kernel(),
          concat([
            utf8("水".repeat(24)).subarray(0, 3 * Math.floor(offset / 3)),
            utf8(" ".repeat(offset % 3)),
            new Uint8Array(sequence),
          ]),
        );
      }
    }
  });

  it("gives the same verdict and offset wherever a sequence is cut", () => {
    for (const sequence of sequences(LEADS)) {
      for (const offset of backend === "reference" ? [0, 15] : OFFSETS) {
        const bytes = concat([utf8("x".repeat(offset)), new Uint8Array(sequence), utf8("é")]);
        for (let cut = offset; cut <= offset + sequence.length; cut++) check(kernel(), bytes, [cut]);
      }
      // In every way at once: byte by byte, with empty pieces between.
      const bytes = concat([utf8("a"), new Uint8Array(sequence), utf8("水")]);
      const everywhere = Array.from({ length: 2 * bytes.length }, (_, i) => i >> 1);
      check(kernel(), bytes, everywhere);
    }
  });

  it("gives the same verdict for every cut of a long text, valid or wrong in one byte", () => {
    const text = utf8("Grüße: 水 and 😀, ASCII between. Привет, мир — 汉字汉字 \u{10ffff}\u{800}.");
    for (let cut = 0; cut <= text.length; cut++) {
      check(kernel(), text, [cut]);
      check(kernel(), text, [cut, Math.min(cut + 1, text.length)]);
    }
    for (let wrong = 0; wrong < text.length; wrong++) {
      const bytes = new Uint8Array(text);
      bytes[wrong] = 0xff;
      for (let cut = 0; cut <= text.length; cut += 3) check(kernel(), bytes, [cut]);
      bytes[wrong] = 0x80;
      for (let cut = 1; cut <= text.length; cut += 3) check(kernel(), bytes, [cut]);
      bytes[wrong] = 0x41;
      for (let cut = 2; cut <= text.length; cut += 3) check(kernel(), bytes, [cut]);
    }
  });

  it("agrees with the oracle on random bytes and on random text with random damage", () => {
    const random = randomNumbers(2);
    const characters = ["a", "z", "é", "߿", "ࠀ", "水", "\u{ffff}", "😀"].map(utf8);
    for (let round = 0; round < 6000; round++) {
      const parts: Uint8Array[] = [];
      for (let count = random() % 50; count > 0; count--)
        parts.push(characters[random() % characters.length]);
      const bytes = round % 4 === 0 ? randomBytes(random, random() % 80) : concat(parts);
      if (round % 4 > 1 && bytes.length > 0) bytes[random() % bytes.length] = random();
      const cuts = [random(), random()].map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
      check(kernel(), bytes);
      check(kernel(), bytes, cuts);
    }
  });

  it("tells ASCII from other text at every length, for every position of the byte that decides", () => {
    for (let length = 0; length <= 130; length++) {
      const bytes = new Uint8Array(length).fill(0x7f);
      assert.equal(validate(kernel(), bytes).ascii, true, `length ${length}`);
      for (let at = 0; at + 1 < length; at += at > 4 && at + 7 < length ? 3 : 1) {
        bytes.set([0xc2, 0x80], at);
        const seen = validate(kernel(), bytes);
        assert.deepEqual(seen, { offset: -1, complete: true, ascii: false }, `length ${length}, at ${at}`);
        bytes.fill(0x7f);
      }
    }
  });

  it("tells what the range holds, not the text: ASCII inside a character is ASCII, and invalid", () => {
    const { bytes, validateUtf8, words } = kernel();
    bytes.set([0xe6, 0x41], BASE);
    const state = validateUtf8(BASE, BASE + 1, 0);
    assert.notEqual(state, 0);
    assert.equal(validateUtf8(BASE + 1, BASE + 1, state), state, "an empty range changes nothing");
    assert.equal(validateUtf8(BASE + 1, BASE + 2, state), layout.UTF8_INVALID);
    assert.equal(words[(layout.RESULT + layout.RESULT_ASCII) >> 2], 1);
    assert.equal(words[(layout.RESULT + layout.RESULT_POSITION) >> 2], BASE + 1);
  });

  it("validates a full region of text", () => {
    const bytes = concat([utf8("é水😀a".repeat(6553)), utf8("xxxxxx")]);
    assert.equal(bytes.length, layout.WINDOW_LENGTH);
    const { bytes: memory } = kernel();
    memory.set(bytes, layout.SCRATCH);
    const whole = validateAt(kernel(), layout.SCRATCH, bytes.length);
    assert.deepEqual(whole, { offset: -1, complete: true, ascii: false });
    memory[layout.SCRATCH + bytes.length - 1] = 0xc2;
    assert.equal(validateAt(kernel(), layout.SCRATCH, bytes.length).complete, false);
    memory[layout.SCRATCH + bytes.length - 1] = 0x80;
    assert.equal(validateAt(kernel(), layout.SCRATCH, bytes.length).offset, bytes.length - 1);
  });
});

/** Bytes past the last unit that the kernel may write: one vector, when a block ends a character and no more. */
const SLACK = 16;

/** Transcodes with `alignment` bytes in front, and checks that nothing beyond the slack was written. */
function transcode(kernel: Kernel, bytes: Uint8Array, alignment: number): string {
  const start = layout.SCRATCH + alignment;
  kernel.bytes.set(bytes, start);
  // A neighbour that would go on with a run of any kind must not matter.
  kernel.bytes.fill(alignment % 2 ? 0x80 : 0x41, start + bytes.length, start + bytes.length + 32);
  const filled = layout.UTF16 + 2 * bytes.length + 64;
  kernel.bytes.fill(0xee, layout.UTF16, filled);
  const units = kernel.utf8ToUtf16(start, start + bytes.length, layout.UTF16);
  assert.ok(units <= bytes.length, "never more units than bytes");
  const beyond = kernel.bytes.subarray(layout.UTF16 + 2 * units + SLACK, filled);
  assert.ok(
    beyond.every((byte) => byte === 0xee),
    `writes at most ${SLACK} bytes past the last unit: ${toHex(bytes)}`,
  );
  return Buffer.from(kernel.bytes.buffer, layout.UTF16, 2 * units).toString("utf16le");
}

function checkTranscoding(kernel: Kernel, text: string, alignment: number): void {
  const bytes = utf8(text);
  const seen = transcode(kernel, bytes, alignment);
  if (seen !== text) assert.equal(seen, text, `${toHex(bytes)} at alignment ${alignment}`);
}

eachBackend("utf8ToUtf16", (kernel) => {
  const kinds = ["a", "é", "水", "😀"];

  it("transcodes runs of every length of every kind, at every alignment", () => {
    for (const kind of kinds) {
      for (let count = 0; count <= 40; count++) {
        for (let alignment = 0; alignment < 16; alignment++) {
          checkTranscoding(kernel(), kind.repeat(count), alignment);
        }
      }
    }
  });

  it("transcodes a run of every length between any two others", () => {
    for (const before of kinds) {
      for (const between of kinds) {
        for (const after of kinds) {
          for (let count = 1; count <= 20; count++) {
            checkTranscoding(kernel(), before + between.repeat(count) + after.repeat(3), count & 15);
            checkTranscoding(kernel(), before.repeat(count) + between + after, (count + 5) & 15);
          }
        }
      }
    }
  });

  it("transcodes every character at the boundaries of every length, surrogates included", () => {
    const points = [
      0, 1, 0x7e, 0x7f, 0x80, 0x81, 0xff, 0x100, 0x7fe, 0x7ff, 0x800, 0x801, 0xfff, 0x1000, 0xd7fe, 0xd7ff,
      0xe000, 0xe001, 0xfeff, 0xfffe, 0xffff, 0x10000, 0x10001, 0x103ff, 0x10400, 0x1ffff, 0x3ffff, 0x40000,
      0xfffff, 0x100000, 0x10fffe, 0x10ffff,
    ];
    for (const point of points) {
      const character = String.fromCodePoint(point);
      for (const count of [1, 2, 3, 4, 5, 6, 8, 9]) {
        checkTranscoding(kernel(), character.repeat(count), 0);
        checkTranscoding(kernel(), `x${character.repeat(count)}y`, 3);
      }
    }
    // And all of the first plane, in one text for each page of it.
    for (let page = 0; page < 0x110; page++) {
      if (page >= 0xd8 && page < 0xe0) continue;
      let text = "";
      for (let i = 0; i < 0x100; i++)
        text += String.fromCodePoint(page < 0x100 ? page * 0x100 + i : (page - 0xff) * 0x10000 + i * 0xff);
      checkTranscoding(kernel(), text, page & 15);
    }
  });

  it("agrees with the host's decoder on random text of every mix", () => {
    const random = randomNumbers(3);
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    for (let round = 0; round < 8000; round++) {
      let text = "";
      for (let runs = random() % 8; runs > 0; runs--) {
        const lengths = [1, 2, 3, random() % 21];
        text += kinds[random() % 4].repeat(lengths[random() % 4]);
      }
      const bytes = utf8(text);
      const seen = transcode(kernel(), bytes, random() & 15);
      if (seen !== decoder.decode(bytes)) assert.equal(seen, decoder.decode(bytes), toHex(bytes));
    }
  });

  it("transcodes a full region of each kind", () => {
    for (const kind of kinds) {
      const length = utf8(kind).length;
      const count = Math.floor(layout.WINDOW_LENGTH / length);
      const text = kind.repeat(count) + "x".repeat(layout.WINDOW_LENGTH - count * length);
      checkTranscoding(kernel(), text, 0);
    }
  });
});

/** Encodes with `alignment` bytes in front, and checks that nothing beyond the slack was written. */
function checkEncoding(kernel: Kernel, text: string, alignment: number): void {
  const start = layout.UTF16 + alignment;
  const end = start + 2 * text.length;
  Buffer.from(kernel.bytes.buffer, start, 2 * text.length).write(text, "utf16le");
  // A neighbour that would end a pair of surrogates, or go on with a run of any kind, must not matter.
  for (let at = end; at < end + 32; at += 2) kernel.bytes.set(alignment % 2 ? [0x00, 0xdc] : [0x41, 0], at);
  const filled = layout.SCRATCH + 3 * text.length + 64;
  kernel.bytes.fill(0xee, layout.SCRATCH, filled);
  const length = kernel.utf16ToUtf8(start, end, layout.SCRATCH);
  const seen = kernel.bytes.slice(layout.SCRATCH, layout.SCRATCH + length);
  const wanted = utf8(text);
  if (Buffer.compare(seen, wanted) !== 0) assert.equal(toHex(seen), toHex(wanted), `alignment ${alignment}`);
  const beyond = kernel.bytes.subarray(layout.SCRATCH + length + SLACK, filled);
  assert.ok(
    beyond.every((byte) => byte === 0xee),
    `writes at most ${SLACK} bytes past the last: ${toHex(wanted)}`,
  );
}

eachBackend("utf16ToUtf8", (kernel) => {
  const kinds = ["a", "é", "水", "😀", "\ud83d", "\ude00"];

  it("encodes runs of every length of every kind, at every alignment", () => {
    for (const kind of kinds) {
      for (let count = 0; count <= 20; count++) {
        for (let alignment = 0; alignment < 16; alignment++) {
          checkEncoding(kernel(), kind.repeat(count), alignment);
        }
      }
    }
  });

  it("encodes a run of every length between any two others", () => {
    for (const before of kinds) {
      for (const between of kinds) {
        for (const after of kinds) {
          for (let count = 1; count <= 18; count++) {
            checkEncoding(kernel(), before + between.repeat(count) + after.repeat(3), count & 15);
            checkEncoding(kernel(), before.repeat(count) + between + after, (count + 5) & 15);
          }
        }
      }
    }
  });

  it("encodes every unit, in every place of a vector, surrogates that are alone included", () => {
    for (let page = 0; page < 0x100; page++) {
      let text = "";
      for (let i = 0; i < 0x100; i++)
        text += String.fromCharCode(page * 0x100 + i, i % 3 === 0 ? 0x61 : 0xe9);
      checkEncoding(kernel(), text, page & 15);
      checkEncoding(kernel(), text.slice(1), page & 15);
    }
    for (const point of [0x10000, 0x103ff, 0x10400, 0xfffff, 0x100000, 0x10ffff]) {
      for (let before = 0; before < 16; before++) {
        checkEncoding(kernel(), "x".repeat(before) + String.fromCodePoint(point).repeat(9), before);
      }
    }
  });

  it("agrees with the host's encoder on random text of every mix", () => {
    const random = randomNumbers(6);
    for (let round = 0; round < 8000; round++) {
      let text = "";
      for (let runs = random() % 8; runs > 0; runs--) {
        const lengths = [1, 2, 3, random() % 21];
        text += kinds[random() % kinds.length].repeat(lengths[random() % 4]);
      }
      checkEncoding(kernel(), text, random() & 15);
    }
  });

  it("encodes as much as its output takes of each kind", () => {
    for (const kind of kinds) {
      const count = Math.floor(layout.WINDOW_LENGTH / 3 / kind.length);
      checkEncoding(kernel(), kind.repeat(count), 0);
    }
  });
});
