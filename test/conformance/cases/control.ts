/** Sections 2 and 7: Pings and Pongs, and closing. RFC 6455 §5.5, §7. */

import { BINARY, CLOSE, CONTINUATION, closeBody, PING, PONG, TEXT } from "../../support/frames.js";
import { hex } from "../../support/hex.js";
import { binary, type Case, pong, text } from "../case.js";
import type { Sender } from "../sender.js";

const FAILS = "close 1002";
const BYTES = Uint8Array.of(0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff);
type Row = readonly [title: string, sends: (out: Sender) => unknown, expects: readonly string[]];

function numbered(section: string, rows: readonly Row[]): Case[] {
  return rows.map(([title, sends, expects], i) => ({ id: `${section}.${i + 1}`, title, sends, expects }));
}

const ten = Array.from({ length: 10 }, (_, i) => `payload-${i}`);
const longest = "x".repeat(125);

const PINGS: readonly Row[] = [
  ["a Ping without a payload", (out) => out.ping(), [pong()]],
  ["a Ping with text", (out) => out.ping("Hello, world!"), [pong("Hello, world!")]],
  ["a Ping with bytes that are no text", (out) => out.ping(BYTES), [pong(BYTES)]],
  ["a Ping of 125 bytes", (out) => out.ping(longest), [pong(longest)]],
  ["a Ping of 126 bytes", (out) => out.ping(`${longest}x`), [FAILS]],
  ["a Ping of 65536 bytes", (out) => out.ping("x".repeat(65536)), [FAILS]],
  ["a Pong that was not asked for", (out) => out.pong(), []],
  ["such a Pong with a payload", (out) => out.pong("unsolicited"), []],
  ["such a Pong, and a Ping", (out) => out.pong("unsolicited").ping("asked"), [pong("asked")]],
  ["a Pong of 126 bytes", (out) => out.pong(`${longest}x`), [FAILS]],
  ["ten Pings", (out) => ten.reduce((each, one) => each.ping(one), out), ten.map((each) => pong(each))],
  [
    "ten Pings and ten Pongs",
    (out) => ten.reduce((each, one) => each.ping(one).pong(one), out),
    ten.map((each) => pong(each)),
  ],
  [
    "Pings around messages",
    (out) => out.ping("1").text("one").ping("2").binary(BYTES).ping("3"),
    [pong("1"), text("one"), pong("2"), binary(BYTES), pong("3")],
  ],
  [
    "1000 Pings",
    (out) => {
      for (let i = 0; i < 1000; i++) out.ping(String(i));
    },
    Array.from({ length: 1000 }, (_, i) => pong(String(i))),
  ],
  ["a Ping that has no end", (out) => out.frame({ opcode: PING, fin: false, payload: BYTES }), [FAILS]],
  ["a Pong that has no end", (out) => out.frame({ opcode: PONG, fin: false }), [FAILS]],
  ["a Ping behind a Close", (out) => out.close(1000).ping("late"), ["close 1000"]],
];

/** What a Close frame may look like. */
const CLOSES: readonly Row[] = [
  ["a Close behind a message", (out) => out.text("Hello").close(1000), [text("Hello"), "close 1000"]],
  ["two Closes", (out) => out.close(1000).close(1000), ["close 1000"]],
  ["a Close, and a Ping", (out) => out.close(1000).ping(), ["close 1000"]],
  ["a Close, and text", (out) => out.close(1000).text("late"), ["close 1000"]],
  ["a Close among fragments", (out) => out.text("a", false).close(1000).last("b"), ["close 1000"]],
  [
    "a Close, and a frame that is wrong",
    (out) => out.close(1000).frame({ opcode: 3, rsv: 7 }),
    ["close 1000"],
  ],
  [
    "256 KiB of text, then a Close",
    (out) => out.text("*".repeat(1 << 18)).close(1000),
    [text("*".repeat(1 << 18)), "close 1000"],
  ],
  ["a Close without a body", (out) => out.close(), ["close"]],
  ["a Close with a body of one byte", (out) => out.frame({ opcode: CLOSE, payload: hex("03") }), [FAILS]],
  ["a Close with a code", (out) => out.close(1000), ["close 1000"]],
  ["a Close with a reason", (out) => out.close(1000, "bye: Ünïcödé"), ["close 1000"]],
  ["a Close with the longest reason", (out) => out.close(1000, "x".repeat(123)), ["close 1000"]],
  ["a Close with a reason of 124 bytes", (out) => out.close(1000, "x".repeat(124)), [FAILS]],
  [
    "a reason that is no UTF-8",
    (out) => out.close(1000, hex("ceba e1bd b9cf 83ce bcce b5ed a080 6564 6974 6564")),
    ["close 1007"],
  ],
  ["a reason that ends within a character", (out) => out.close(1000, hex("e282")), ["close 1007"]],
  ["a reason with a NUL", (out) => out.close(1000, "a\0b"), ["close 1000"]],
  ["a reason of three and four bytes a character", (out) => out.close(1000, "水😀"), ["close 1000"]],
  [
    "a Close in fragments",
    (out) => out.frame({ opcode: CLOSE, fin: false, payload: closeBody(1000) }).last(""),
    [FAILS],
  ],
  [
    "a Close whose payload is in 16 bits",
    (out) => out.frame({ opcode: CLOSE, payload: new Uint8Array(200).fill(3) }),
    [FAILS],
  ],
];

/** §7.4: codes that may be sent, and codes that must not. */
const VALID_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
/** Registered with IANA after RFC 6455: a peer may know them. */
const NEWER_CODES = [1012, 1013, 1014];
const INVALID_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535];

function codes(): Case[] {
  const valid = [...VALID_CODES, ...NEWER_CODES].map((code, i) => ({
    id: `7.2.${i + 1}`,
    title: `a Close with ${code}`,
    sends: (out: Sender) => out.close(code),
    expects: [`close ${code}`],
    lenient: [["close 1000"], ["close"]],
  }));
  const invalid = INVALID_CODES.map((code, i) => ({
    id: `7.3.${i + 1}`,
    title: `a Close with ${code}, which must not be sent`,
    sends: (out: Sender) => out.close(code),
    expects: [FAILS],
  }));
  const withReasons = [1000, 3000, 4999, 1005, 65535].map((code, i) => ({
    id: `7.4.${i + 1}`,
    title: `a Close with ${code} and a reason`,
    sends: (out: Sender) => out.close(code, "reason"),
    expects: [i < 3 ? `close ${code}` : FAILS],
  }));
  return [...valid, ...invalid, ...withReasons];
}

/** Data frames that no message may have, in the middle of a closing handshake or without one. */
const ENDINGS: readonly Row[] = [
  ["nothing at all, then a Close", () => undefined, []],
  ["an empty message, then a Close", (out) => out.frame({ opcode: TEXT }), [text("")]],
  [
    "a message that is not ended, then a Close",
    (out) => out.text("never ended", false).close(1000),
    ["close 1000"],
  ],
  [
    "fragments of nothing, then a Close",
    (out) =>
      out.frame({ opcode: BINARY, fin: false }).frame({ opcode: CONTINUATION, fin: false }).close(1001),
    ["close 1001"],
  ],
];

export const controlCases = (): Case[] => [
  ...numbered("2", PINGS),
  ...numbered("7.1", CLOSES),
  ...codes(),
  ...numbered("7.5", ENDINGS),
];
