/** Sections 5 and 10: fragments. RFC 6455 §5.4. */

import { BINARY, CONTINUATION, PING, PONG, TEXT } from "../../support/frames.js";
import { binary, type Case, pong, text } from "../case.js";
import type { Sender } from "../sender.js";

const FAILS = "close 1002";
type Row = readonly [title: string, sends: (out: Sender) => unknown, expects: readonly string[]];

const ROWS: readonly Row[] = [
  [
    "a Ping in two fragments",
    (out) => out.frame({ opcode: PING, fin: false, payload: Buffer.from("a") }).last("b"),
    [FAILS],
  ],
  [
    "a Pong in two fragments",
    (out) => out.frame({ opcode: PONG, fin: false, payload: Buffer.from("a") }).last("b"),
    [FAILS],
  ],
  ["text in two fragments", (out) => out.text("one, ", false).last("two"), [text("one, two")]],
  [
    "binary in two fragments",
    (out) => out.binary(Uint8Array.of(1), false).last(Uint8Array.of(2)),
    [binary(Uint8Array.of(1, 2))],
  ],
  ["text in three fragments", (out) => out.text("1", false).more("2").last("3"), [text("123")]],
  [
    "a Ping between two fragments",
    (out) => out.text("one, ", false).ping("p").last("two"),
    [pong("p"), text("one, two")],
  ],
  [
    "a Pong between two fragments",
    (out) => out.text("one, ", false).pong("p").last("two"),
    [text("one, two")],
  ],
  [
    "five fragments and two Pings",
    (out) => out.text("1", false).more("2").ping("a").more("3").more("4").ping("b").last("5"),
    [pong("a"), pong("b"), text("12345")],
  ],
  ["a continuation of nothing", (out) => out.last("x").text("y"), [FAILS]],
  ["a continuation of nothing, empty", (out) => out.last("").text("y"), [FAILS]],
  ["a continuation of nothing that goes on", (out) => out.more("x").text("y"), [FAILS]],
  ["a continuation behind a message", (out) => out.text("Hello").last("x"), [text("Hello"), FAILS]],
  [
    "a continuation behind a fragmented message",
    (out) => out.text("1", false).last("2").more("x").text("y"),
    [text("12"), FAILS],
  ],
  ["continuations around text", (out) => out.more("x").text("y").last("z"), [FAILS]],
  ["text within text", (out) => out.text("one", false).text("two"), [FAILS]],
  ["binary within text", (out) => out.text("one", false).binary(Uint8Array.of(2)), [FAILS]],
  ["text within binary", (out) => out.binary(Uint8Array.of(1), false).text("two"), [FAILS]],
  ["another beginning", (out) => out.text("one", false).text("two", false).last("three"), [FAILS]],
  ["a beginning behind a Ping", (out) => out.text("one", false).ping().text("two"), [pong(), FAILS]],
  ["fragments of nothing", (out) => out.text("", false).more("").last(""), [text("")]],
  [
    "fragments of nothing, binary",
    (out) => out.binary(new Uint8Array(0), false).last(new Uint8Array(0)),
    [binary(new Uint8Array(0))],
  ],
  ["content in the middle alone", (out) => out.text("", false).more("middle").last(""), [text("middle")]],
  ["content at the end alone", (out) => out.text("", false).last("end"), [text("end")]],
  ["content at the beginning alone", (out) => out.text("begin", false).last(""), [text("begin")]],
  [
    "two fragmented messages",
    (out) => out.text("1", false).last("2").binary(Uint8Array.of(3), false).last(Uint8Array.of(4)),
    [text("12"), binary(Uint8Array.of(3, 4))],
  ],
  [
    "a fragmented message behind a whole one",
    (out) => out.text("whole").text("1", false).last("2"),
    [text("whole"), text("12")],
  ],
];

/** Fragments of every length, with and without control frames between them. */
function lengths(): Case[] {
  const content = "Hello-µ@ßöäüàá-UTF-8!!";
  const cases: Case[] = [];
  let n = 0;
  for (const length of [1, 2, 3, 7, 16]) {
    const bytes = Buffer.from(content);
    cases.push({
      id: `5.2.${++n}`,
      title: `text in fragments of ${length} bytes, which cut characters`,
      sends: (out) => out.fragments(TEXT, bytes, length),
      expects: [text(content)],
    });
    cases.push({
      id: `5.2.${++n}`,
      title: `the same with Pings between them`,
      sends: (out) => {
        for (let at = 0; at < bytes.length; at += length) {
          const payload = bytes.subarray(at, at + length);
          out.frame({ opcode: at === 0 ? TEXT : CONTINUATION, payload, fin: at + length >= bytes.length });
          out.ping("between");
        }
      },
      expects: [
        ...Array.from({ length: Math.ceil(bytes.length / length) - 1 }, () => pong("between")),
        text(content),
        pong("between"),
      ],
    });
  }
  for (const [count, length] of [
    [1000, 1],
    [1000, 100],
    [100, 1300],
  ]) {
    const bytes = Buffer.alloc(count * length, "fragment ");
    cases.push({
      id: `5.2.${++n}`,
      title: `${count} fragments of ${length} bytes`,
      sends: (out) => out.fragments(BINARY, bytes, length),
      expects: [binary(bytes)],
    });
  }
  return cases;
}

/** Section 10: long messages in fragments that fit no power of two. */
function automatic(): Case[] {
  return [1300, 65535, 65536, 4097].map((length, i) => {
    const content = "*é".repeat(21_845);
    return {
      id: `10.1.${i + 1}`,
      title: `text of 65535 bytes in fragments of ${length}`,
      sends: (out: Sender) => out.fragments(TEXT, content, length),
      expects: [text(content)],
    };
  });
}

export const fragmentCases = (): Case[] => [
  ...ROWS.map(([title, sends, expects], i) => ({ id: `5.1.${i + 1}`, title, sends, expects })),
  ...lengths(),
  ...automatic(),
];
