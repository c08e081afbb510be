/** Section 9: large messages, many fragments, many messages. */

import { BINARY, TEXT } from "../../support/frames.js";
import { binary, type Case, text } from "../case.js";
import type { Sender } from "../sender.js";

const KIB = 1024;
const MIB = KIB * KIB;

/** Text in which characters of two bytes lie across many borders, or bytes. */
function contentOf(isText: boolean, size: number): Buffer {
  const content = Buffer.alloc(size, isText ? "*é" : Uint8Array.of(0, 0xfe, 0xff));
  // The pattern is cut where it ends within a character.
  if (isText && size % 3 === 2) content[size - 1] = 0x2a;
  return content;
}

/** Sends a message, and closes only once its echo is there: a closing handshake has a deadline. */
async function whole(out: Sender, pieceLength?: number): Promise<void> {
  await out.flush(pieceLength);
  await out.answered(1);
}

export function limitCases(): Case[] {
  const cases: Case[] = [];
  for (const isText of [true, false]) {
    const kind = isText ? "text" : "binary";
    const opcode = isText ? TEXT : BINARY;
    const echoed = isText ? text : binary;
    const once = { writings: ["whole"] as const };
    [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB].forEach((size, i) => {
      cases.push({
        id: `9.${isText ? 1 : 2}.${i + 1}`,
        title: `${kind} of ${size / KIB} KiB in one frame`,
        sends: (out) => whole(out.frame({ opcode, payload: contentOf(isText, size) })),
        expects: [echoed(contentOf(isText, size))],
        ...once,
      });
    });
    [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB].forEach((length, i) => {
      cases.push({
        id: `9.${isText ? 3 : 4}.${i + 1}`,
        title: `${kind} of 4 MiB in fragments of ${length} bytes`,
        sends: (out) => whole(out.fragments(opcode, contentOf(isText, 4 * MIB), length)),
        expects: [echoed(contentOf(isText, 4 * MIB))],
        ...once,
      });
    });
    [64, 128, 256, 512, KIB, 2 * KIB].forEach((length, i) => {
      cases.push({
        id: `9.${isText ? 5 : 6}.${i + 1}`,
        title: `${kind} of 1 MiB in writes of ${length} bytes`,
        sends: (out) => whole(out.frame({ opcode, payload: contentOf(isText, MIB) }), length),
        expects: [echoed(contentOf(isText, MIB))],
        ...once,
      });
    });
    [0, 16, 64, 256, KIB, 4 * KIB].forEach((size, i) => {
      cases.push({
        id: `9.${isText ? 7 : 8}.${i + 1}`,
        title: `1,000 round trips of ${kind} of ${size} bytes`,
        sends: async (out) => {
          for (let n = 1; n <= 1000; n++) {
            await out.frame({ opcode, payload: contentOf(isText, size) }).flush();
            await out.answered(n);
          }
        },
        expects: Array.from({ length: 1000 }, () => echoed(contentOf(isText, size))),
        ...once,
      });
    });
    cases.push({
      id: `9.9.${isText ? 1 : 2}`,
      title: `${kind} of one byte more than 16 MiB, hawser's limit`,
      sends: (out) => out.frame({ opcode, payload: contentOf(isText, 16 * MIB + 1) }),
      // A limit is the implementation's own: one that has a higher one echoes it.
      expects: ["close 1009"],
      lenient: [[echoed(contentOf(isText, 16 * MIB + 1)), "close 1000"]],
      ...once,
    });
  }
  return cases;
}
