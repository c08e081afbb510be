/** Sections 1, 3 and 4: lengths and masks, reserved bits, opcodes. RFC 6455 §5.2, §5.3. */

import {
  BINARY,
  CLOSE,
  CONTINUATION,
  type FrameSpec,
  frame,
  headerOf,
  KEY,
  PING,
  PONG,
  TEXT,
} from "../../support/frames.js";
import { binary, type Case, pong, text } from "../case.js";
import type { Sender } from "../sender.js";

/** Where the form of a length changes, and beside it. */
const LENGTHS = [0, 1, 2, 124, 125, 126, 127, 128, 255, 256, 65535, 65536, 65537];
const FAILS = "close 1002";

function framing(): Case[] {
  const cases: Case[] = [];
  LENGTHS.forEach((length, i) => {
    const content = "*".repeat(length);
    const bytes = new Uint8Array(length).fill(0xfe);
    cases.push(
      {
        id: `1.1.${i + 1}`,
        title: `text of ${length} bytes`,
        sends: (out) => out.text(content),
        expects: [text(content)],
      },
      {
        id: `1.2.${i + 1}`,
        title: `binary of ${length} bytes`,
        sends: (out) => out.binary(bytes),
        expects: [binary(bytes)],
      },
    );
  });
  const longer: [string, FrameSpec][] = [
    ["0 bytes in 16 bits", { opcode: TEXT, lengthBytes: 2 }],
    ["5 bytes in 16 bits", { opcode: TEXT, payload: Buffer.from("Hello"), lengthBytes: 2 }],
    ["125 bytes in 16 bits", { opcode: BINARY, payload: new Uint8Array(125), lengthBytes: 2 }],
    ["5 bytes in 64 bits", { opcode: TEXT, payload: Buffer.from("Hello"), lengthBytes: 8 }],
    ["126 bytes in 64 bits", { opcode: BINARY, payload: new Uint8Array(126), lengthBytes: 8 }],
    ["65535 bytes in 64 bits", { opcode: BINARY, payload: new Uint8Array(65535), lengthBytes: 8 }],
    ["a Ping of 5 bytes in 16 bits", { opcode: PING, payload: Buffer.from("Hello"), lengthBytes: 2 }],
  ];
  // §5.2: "the minimal number of bytes MUST be used to encode the length". Many accept it, so accepting is not a failure.
  longer.forEach(([title, spec], i) => {
    const payload = spec.payload ?? new Uint8Array(0);
    const echoed =
      spec.opcode === PING ? pong(payload) : spec.opcode === TEXT ? text(payload) : binary(payload);
    cases.push({
      id: `1.3.${i + 1}`,
      title: `a length that is not minimal: ${title}`,
      sends: (out) => out.frame(spec),
      expects: [FAILS],
      lenient: [[echoed, "close 1000"]],
    });
  });
  // §5.2: "the most significant bit MUST be 0".
  for (const [i, announced] of [1n << 63n, (1n << 63n) + 5n, (1n << 64n) - 1n].entries()) {
    cases.push({
      id: `1.4.${i + 1}`,
      title: `a length of 0x${announced.toString(16)}`,
      sends: (out) =>
        out.raw(headerOf({ opcode: BINARY, announced, key: out.masks ? KEY : undefined })).stops(),
      expects: [FAILS],
    });
  }
  // Lengths that are legal and too much: judged on the header, before the payload comes.
  for (const [i, announced] of [1n << 32n, (1n << 53n) + 1n, (1n << 63n) - 1n].entries()) {
    cases.push({
      id: `1.5.${i + 1}`,
      title: `a length of 0x${announced.toString(16)}, above every limit`,
      sends: (out) =>
        out.raw(headerOf({ opcode: BINARY, announced, key: out.masks ? KEY : undefined })).stops(),
      expects: ["close 1009"],
      lenient: [["cut"]],
    });
  }
  // §5.1: "a server MUST close the connection upon receiving a frame that is not masked", a client one that is.
  const wrongMasks: [string, FrameSpec][] = [
    ["text", { opcode: TEXT, payload: Buffer.from("Hello") }],
    ["empty text", { opcode: TEXT }],
    ["a Ping", { opcode: PING }],
    ["a Pong", { opcode: PONG }],
    ["a Close", { opcode: CLOSE, payload: Uint8Array.of(3, 0xe8) }],
  ];
  wrongMasks.forEach(([title, spec], i) => {
    const wrong = (out: Sender) => out.raw(frame({ ...spec, key: out.masks ? undefined : KEY }));
    cases.push({
      id: `1.6.${i + 1}`,
      title: `${title}, masked by a server or not by a client`,
      sends: (out) => wrong(out),
      expects: [FAILS],
    });
  });
  cases.push({
    id: "1.6.6",
    title: "a second fragment, masked by a server or not by a client",
    sends: (out) => {
      out.text("a", false).raw(frame({ opcode: CONTINUATION, key: out.masks ? undefined : KEY }));
    },
    expects: [FAILS],
  });
  // §5.3: any key, a new one for each frame.
  const keys = [
    [0, 0, 0, 0],
    [0xff, 0xff, 0xff, 0xff],
    [0, 0, 0, 1],
    [0x80, 0, 0, 0],
  ] as const;
  keys.forEach((key, i) => {
    cases.push({
      id: `1.7.${i + 1}`,
      title: `the masking key ${Buffer.from(key).toString("hex")}`,
      sends: (out) => out.frame({ opcode: TEXT, payload: Buffer.from("Hello-µ@ßöä"), key }),
      expects: [text("Hello-µ@ßöä")],
      roles: ["server"],
    });
  });
  return cases;
}

/** Section 3: §5.2: RSV bits "MUST be 0 unless an extension is negotiated". */
function reservedBits(): Case[] {
  const cases: Case[] = [];
  const kinds: [string, number, string, (out: Sender) => unknown, string[]][] = [
    ["text", TEXT, "Hello", () => undefined, []],
    ["binary", BINARY, "Hello", () => undefined, []],
    ["a Ping", PING, "Hello", () => undefined, []],
    ["a Pong", PONG, "", () => undefined, []],
    ["a Close", CLOSE, "", () => undefined, []],
    ["text behind a message", TEXT, "again", (out) => out.text("first"), [text("first")]],
    ["a second fragment", CONTINUATION, "b", (out) => out.text("a", false), []],
  ];
  kinds.forEach(([title, opcode, payload, before, expects], kind) => {
    for (let rsv = 1; rsv <= 7; rsv++) {
      // All combinations for text, single bits for the others.
      if (kind > 0 && (rsv & (rsv - 1)) !== 0) continue;
      cases.push({
        id: `3.${kind + 1}.${rsv}`,
        title: `RSV ${rsv.toString(2).padStart(3, "0")} in ${title}`,
        sends: (out) => {
          before(out);
          out.frame({ opcode, rsv, payload: Buffer.from(payload) }).ping();
        },
        expects: [...expects, FAILS],
      });
    }
  });
  return cases;
}

/** Section 4: §5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket Connection_." */
function opcodes(): Case[] {
  const cases: Case[] = [];
  [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].forEach((opcode, i) => {
    const section = opcode < 8 ? 1 : 2;
    const n = opcode < 8 ? i : i - 5;
    const variants: [string, (out: Sender) => unknown, string[]][] = [
      ["without a payload", (out) => out.frame({ opcode }), []],
      ["with a payload", (out) => out.frame({ opcode, payload: Buffer.from("reserved") }), []],
      ["behind a message", (out) => out.text("Hello").frame({ opcode }).ping(), [text("Hello")]],
      ["between two fragments", (out) => out.text("a", false).frame({ opcode }).last("b"), []],
    ];
    variants.forEach(([title, sends, expects], variant) => {
      cases.push({
        id: `4.${section}.${4 * n + variant + 1}`,
        title: `opcode ${opcode} ${title}`,
        sends: (out) => sends(out),
        expects: [...expects, FAILS],
      });
    });
  });
  return cases;
}

export const framingCases = (): Case[] => [...framing(), ...reservedBits(), ...opcodes()];
