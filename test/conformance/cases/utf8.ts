/** Section 6: text is UTF-8, judged as it arrives. RFC 6455 §8.1; the grammar is that of RFC 3629 §4. */

import { CONTINUATION, frame, headerOf, KEY, TEXT } from "../../support/frames.js";
import { hex } from "../../support/hex.js";
import { type Case, text } from "../case.js";
import type { Sender } from "../sender.js";

const FAILS = "close 1007";
const KOSME = hex("ceba e1bdb9 cf83 cebc ceb5");

/** Texts that are valid, by their bytes. */
const VALID: readonly [title: string, bytes: string][] = [
  ["κόσμε", "ceba e1bdb9 cf83 cebc ceb5"],
  ["the first of 1 byte", "00"],
  ["the first of 2 bytes", "c280"],
  ["the first of 3 bytes", "e0a080"],
  ["the first of 4 bytes", "f0908080"],
  ["the last of 1 byte", "7f"],
  ["the last of 2 bytes", "dfbf"],
  ["the last of 3 bytes", "efbfbf"],
  ["the last of 4 bytes, U+10FFFF", "f48fbfbf"],
  ["U+D7FF, before the surrogates", "ed9fbf"],
  ["U+E000, behind the surrogates", "ee8080"],
  ["U+FFFD", "efbfbd"],
  ["U+FFFE, no character and valid", "efbfbe"],
  ["U+FFFF, no character and valid", "efbfbf"],
  ["U+FDD0, no character and valid", "efb790"],
  ["U+1FFFE", "f09fbfbe"],
  ["U+1FFFF", "f09fbfbf"],
  ["U+2FFFE", "f0afbfbe"],
  ["U+2FFFF", "f0afbfbf"],
  ["U+8FFFF", "f28fbfbf"],
  ["U+EFFFF", "f3afbfbf"],
  ["U+10FFFE", "f48fbfbe"],
  ["a mark of byte order", "efbbbf 41"],
  ["all lengths in one", "41 c3a9 e6b0b4 f09f9880 42"],
  ["text behind a NUL", "61 00 62"],
];

/** Texts that are not, and how many of their bytes are a beginning of valid text. */
const INVALID: readonly [title: string, bytes: string][] = [
  ["a continuation byte alone", "80"],
  ["the last continuation byte alone", "bf"],
  ["two continuation bytes", "80bf"],
  ["three continuation bytes", "80bf80"],
  ["four continuation bytes", "80bf80bf"],
  ["all 64 continuation bytes", Array.from({ length: 64 }, (_, i) => (0x80 + i).toString(16)).join("")],
  [
    "leads of 2 bytes, each with a space",
    Array.from({ length: 32 }, (_, i) => `${(0xc0 + i).toString(16)}20`).join(""),
  ],
  [
    "leads of 3 bytes, each with a space",
    Array.from({ length: 16 }, (_, i) => `${(0xe0 + i).toString(16)}20`).join(""),
  ],
  [
    "leads of 4 bytes, each with a space",
    Array.from({ length: 8 }, (_, i) => `${(0xf0 + i).toString(16)}20`).join(""),
  ],
  ["2 bytes without the last, at the end", "c3"],
  ["3 bytes without the last, at the end", "e080".replace("e0", "e1")],
  ["3 bytes with the lead alone, at the end", "e1"],
  ["4 bytes without the last, at the end", "f0908d"],
  ["4 bytes with two of them, at the end", "f090"],
  ["4 bytes with the lead alone, at the end", "f4"],
  ["2 bytes without the last, in the middle", "c3 41"],
  ["3 bytes without the last, in the middle", "e188 41"],
  ["4 bytes without the last, in the middle", "f0908d 41"],
  ["a lead behind a lead", "c3c3a9"],
  ["0xFE", "fe"],
  ["0xFF", "ff"],
  ["0xFE FE FF FF", "fefeffff"],
  ["the first of 5 bytes", "f888808080"],
  ["the first of 6 bytes", "fc8480808080"],
  ["the last of 5 bytes", "fbbfbfbfbf"],
  ["the last of 6 bytes", "fdbfbfbfbfbf"],
  ["U+110000, above the last", "f4908080"],
  ["0xF5, a lead of nothing", "f5808080"],
  ["0xF7 BF BF BF", "f7bfbfbf"],
  ["a slash in 2 bytes", "c0af"],
  ["a slash in 3 bytes", "e080af"],
  ["a slash in 4 bytes", "f08080af"],
  ["a slash in 5 bytes", "f8808080af"],
  ["a slash in 6 bytes", "fc80808080af"],
  ["U+007F in 2 bytes", "c1bf"],
  ["U+07FF in 3 bytes", "e09fbf"],
  ["U+FFFF in 4 bytes", "f08fbfbf"],
  ["U+1FFFFF in 5 bytes", "f887bfbfbf"],
  ["U+3FFFFFF in 6 bytes", "fc83bfbfbfbf"],
  ["NUL in 2 bytes", "c080"],
  ["NUL in 3 bytes", "e08080"],
  ["NUL in 4 bytes", "f0808080"],
  ["NUL in 5 bytes", "f880808080"],
  ["NUL in 6 bytes", "fc8080808080"],
  ["U+D800, the first surrogate", "eda080"],
  ["U+DB7F", "edadbf"],
  ["U+DB80", "edae80"],
  ["U+DBFF", "edafbf"],
  ["U+DC00", "edb080"],
  ["U+DF80", "edbe80"],
  ["U+DFFF, the last surrogate", "edbfbf"],
  ["U+D800 and U+DC00, a pair", "eda080 edb080"],
  ["U+D800 and U+DFFF", "eda080 edbfbf"],
  ["U+DB7F and U+DC00", "edadbf edb080"],
  ["U+DBFF and U+DFFF", "edafbf edbfbf"],
  ["a valid beginning and a surrogate", "ceba e1bdb9 cf83 cebc ceb5 eda080 656469746564"],
  ["a valid beginning and U+110000", "ceba e1bdb9 cf83 cebc ceb5 f4908080 656469746564"],
];

const LONG = 16_500;

function whole(): Case[] {
  const valid = VALID.map(([title, bytes], i) => ({
    id: `6.1.${i + 1}`,
    title: `valid: ${title}`,
    sends: (out: Sender) => out.text(hex(bytes)),
    expects: [text(hex(bytes))],
  }));
  const invalid = INVALID.map(([title, bytes], i) => ({
    id: `6.2.${i + 1}`,
    title: `invalid: ${title}`,
    sends: (out: Sender) => out.text(hex(bytes)).ping(),
    expects: [FAILS],
  }));
  return [...valid, ...invalid];
}

/** Cut at every byte, and fragment by fragment. */
function cut(): Case[] {
  const cases: Case[] = [];
  const content = Buffer.from("Aé水😀Z");
  for (let at = 0; at <= content.length; at++) {
    cases.push({
      id: `6.3.${at + 1}`,
      title: `valid, in fragments cut at byte ${at}`,
      sends: (out) => out.text(content.subarray(0, at), false).last(content.subarray(at)),
      expects: [text(content)],
    });
  }
  const broken = hex("41 c3a9 e6b0b4 edbfbf 42");
  for (let at = 0; at <= broken.length; at++) {
    cases.push({
      id: `6.4.${at + 1}`,
      title: `a surrogate, in fragments cut at byte ${at}`,
      sends: (out) => out.text(broken.subarray(0, at), false).last(broken.subarray(at)).ping(),
      expects: [FAILS],
    });
  }
  const all = VALID.map(([, bytes]) => bytes).join("");
  cases.push({
    id: "6.5.1",
    title: "all that is valid, in fragments of 1 byte",
    sends: (out) => out.fragments(TEXT, hex(all), 1),
    expects: [text(hex(all))],
  });
  cases.push({
    id: "6.5.2",
    title: `${LONG} characters of 4 bytes in fragments of 1021`,
    sends: (out) => out.fragments(TEXT, "😀".repeat(LONG), 1021),
    expects: [text("😀".repeat(LONG))],
  });
  cases.push({
    id: "6.5.3",
    title: "an invalid byte behind 64 KiB of text",
    sends: (out) => out.text(Buffer.concat([Buffer.alloc(65_536, "é"), hex("c3")])).ping(),
    expects: [FAILS],
  });
  cases.push({
    id: "6.5.4",
    title: "invalid UTF-8 in a binary message, which is none of its business",
    sends: (out) => out.binary(hex("c3 28 ff")),
    expects: ["binary c328ff"],
  });
  return cases;
}

/** §8.1 as soon as it is known: nothing is sent behind the bytes that are wrong. */
function failFast(): Case[] {
  const beginnings: [string, string][] = [
    ["a surrogate", "eda0"],
    ["U+110000", "f490"],
    ["a continuation byte", "80"],
    ["a slash in 2 bytes", "c0"],
    ["a slash in 3 bytes", "e080"],
    ["NUL in 4 bytes", "f080"],
    ["0xF5", "f5"],
    ["0xFF", "ff"],
    ["a lead behind a lead", "c3c3"],
    ["4 bytes broken by ASCII", "f0908d41"],
  ];
  const cases: Case[] = [];
  beginnings.forEach(([title, bytes], i) => {
    const wrong = Buffer.concat([KOSME, hex(bytes)]);
    cases.push({
      id: `6.6.${i + 1}`,
      title: `${title} in a fragment that others would follow`,
      sends: (out) => out.text(KOSME, false).more(hex(bytes)).stops(),
      expects: [FAILS],
    });
    cases.push({
      id: `6.7.${i + 1}`,
      title: `${title} in a frame whose end never comes`,
      sends: (out) => {
        const key = out.masks ? KEY : undefined;
        const header = headerOf({ opcode: TEXT, announced: 1000n, key });
        const whole = frame({ opcode: CONTINUATION, payload: wrong, key });
        return out
          .raw(header)
          .raw(whole.subarray(whole.length - wrong.length))
          .stops();
      },
      expects: [FAILS],
    });
  });
  return cases;
}

export const utf8Cases = (): Case[] => [...whole(), ...cut(), ...failFast()];
