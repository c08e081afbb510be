/** Sections 12 and 13: permessage-deflate. RFC 7692 §7.2, with the examples of its §7.2.3, and §7.1 for the parameters. */

import { deflateRawSync, constants as zlib } from "node:zlib";
import { type Kind, messages } from "../../support/corpus.js";
import { DeflateWriter } from "../../support/deflate-writer.js";
import { BINARY, CLOSE, CONTINUATION, PING, TEXT } from "../../support/frames.js";
import { hex } from "../../support/hex.js";
import { binary, type Case, inWords, type Negotiation, pong, text } from "../case.js";
import { RSV1, type Sender } from "../sender.js";

const PLAIN: Negotiation = {
  offer: "permessage-deflate; client_max_window_bits",
  response: "permessage-deflate",
};
const FAILS = "close 1002";
const BROKEN = "close 1007";
const WRITINGS = ["random cuts"] as const;

/** How many messages of a length, and in fragments of which length. */
const SHAPES: readonly (readonly [length: number, count: number, fragment: number])[] = [
  [16, 1000, Infinity],
  [64, 1000, Infinity],
  [256, 600, Infinity],
  [1024, 100, Infinity],
  [4096, 30, Infinity],
  [8192, 15, Infinity],
  [16_384, 8, Infinity],
  [32_768, 4, Infinity],
  [65_536, 2, Infinity],
  [131_072, 1, Infinity],
  [8192, 15, 256],
  [131_072, 1, 1024],
];
const KINDS: readonly Kind[] = ["json", "html", "multilingual", "binary", "random"];

/** Messages of a kind of data and a shape, compressed by the tester. */
function exchange(
  id: string,
  title: string,
  negotiation: Negotiation,
  kind: Kind,
  [length, count, fragment]: (typeof SHAPES)[number],
): Case {
  const isText = kind !== "binary" && kind !== "random";
  const all = () => messages(kind, length, count);
  return {
    id,
    title: `${title}: ${count} of ${length} bytes${fragment === Infinity ? "" : ` in fragments of ${fragment}`}`,
    negotiation,
    writings: WRITINGS,
    sends: (out) => {
      for (const message of all()) out.compressed(isText ? TEXT : BINARY, message, fragment);
    },
    get expects() {
      return all().map((message) => inWords(isText ? "text" : "binary", message));
    },
  };
}

function ofData(): Case[] {
  return KINDS.flatMap((kind, k) =>
    SHAPES.map((shape, i) => exchange(`12.${k + 1}.${i + 1}`, kind, PLAIN, kind, shape)),
  );
}

const bits = (n: number) => `server_max_window_bits=${n}; client_max_window_bits`;
const NO_TAKEOVER = "server_no_context_takeover; client_no_context_takeover";
const NEGOTIATIONS: readonly Negotiation[] = [
  { offer: "permessage-deflate", response: "permessage-deflate; server_no_context_takeover" },
  { offer: `permessage-deflate; ${NO_TAKEOVER}`, response: `permessage-deflate; ${NO_TAKEOVER}` },
  {
    offer: `permessage-deflate; ${bits(9)}`,
    response: "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9",
  },
  {
    offer: `permessage-deflate; ${bits(15)}`,
    response: "permessage-deflate; server_max_window_bits=15; client_max_window_bits=15",
  },
  {
    offer: `permessage-deflate; ${NO_TAKEOVER}; ${bits(9)}`,
    response: `permessage-deflate; ${NO_TAKEOVER}; server_max_window_bits=9; client_max_window_bits=9`,
  },
  {
    offer: "permessage-deflate; server_no_context_takeover; client_max_window_bits=12",
    response: "permessage-deflate; client_no_context_takeover; client_max_window_bits=12",
  },
  {
    offer: `permessage-deflate; ${bits(12)}, permessage-deflate; client_no_context_takeover, permessage-deflate`,
    response: "permessage-deflate; server_max_window_bits=12",
  },
];

function ofParameters(): Case[] {
  return NEGOTIATIONS.flatMap((negotiation, n) =>
    SHAPES.map((shape, i) =>
      exchange(
        `13.${n + 1}.${i + 1}`,
        `${negotiation.offer} / ${negotiation.response}`,
        negotiation,
        "json",
        shape,
      ),
    ),
  );
}

type Row = readonly [title: string, sends: (out: Sender) => unknown, expects: readonly string[]];

const HELLO = hex("f248cdc9c90700");
/** §7.2.3.3: the same as a block without compression. */
const STORED = hex("00 0500 faff 48656c6c6f 00");
/** §7.2.3.4: a block with BFINAL, and the empty one behind it. */
const FINAL = hex("f348cdc9c90700 00");
/** §7.2.3.5: two blocks. */
const TWO_BLOCKS = hex("f248050000 00ffff cac9c907 00");
const hello = text("Hello");
const compressed = (out: Sender, payload: Uint8Array, opcode = TEXT) =>
  out.frame({ opcode, rsv: RSV1, payload });
const zeros = (length: number) =>
  deflateRawSync(new Uint8Array(length), { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, -4);

const ROWS: readonly Row[] = [
  ["§7.2.3.1: one block", (out) => compressed(out, HELLO), [hello]],
  ["§7.2.3.1: in two fragments", (out) => out.fragments(TEXT, HELLO, 3, RSV1), [hello]],
  ["in fragments of 1 byte", (out) => out.fragments(TEXT, HELLO, 1, RSV1), [hello]],
  [
    "in fragments with Pings between",
    (out) =>
      out
        .frame({ opcode: TEXT, rsv: RSV1, fin: false, payload: HELLO.subarray(0, 4) })
        .ping("p")
        .last(HELLO.subarray(4)),
    [pong("p"), hello],
  ],
  [
    "§7.2.3.2: the second refers to the first",
    (out) => compressed(compressed(out, HELLO), hex("f200110000")),
    [hello, hello],
  ],
  ["§7.2.3.3: a block without compression", (out) => compressed(out, STORED), [hello]],
  ["§7.2.3.4: a block with BFINAL", (out) => compressed(out, FINAL), [hello]],
  ["a message behind one with BFINAL", (out) => compressed(compressed(out, FINAL), HELLO), [hello, hello]],
  ["§7.2.3.5: two blocks", (out) => compressed(out, TWO_BLOCKS), [hello]],
  ["§7.2.3.6: an empty message", (out) => compressed(out, hex("00")), [text("")]],
  [
    "an empty message in fragments",
    (out) => out.frame({ opcode: TEXT, rsv: RSV1, fin: false }).more(hex("00")).last(""),
    [text("")],
  ],
  ["a message that is not compressed", (out) => out.text("Hello"), [hello]],
  [
    "compressed and not compressed in turn",
    (out) => compressed(compressed(out, HELLO).text("plain"), HELLO).binary(hex("00")),
    [hello, text("plain"), hello, binary(hex("00"))],
  ],
  ["binary", (out) => compressed(out, HELLO, BINARY), [binary(Buffer.from("Hello"))]],
  [
    "the end in a fragment of its own",
    (out) => out.frame({ opcode: TEXT, rsv: RSV1, fin: false, payload: HELLO }).last(""),
    [hello],
  ],
  [
    "RSV1 in a second fragment",
    (out) =>
      out
        .frame({ opcode: TEXT, rsv: RSV1, fin: false, payload: HELLO.subarray(0, 3) })
        .frame({ opcode: CONTINUATION, rsv: RSV1, payload: HELLO.subarray(3) }),
    [FAILS],
  ],
  [
    "RSV1 in the second fragment alone",
    (out) => out.text("a", false).frame({ opcode: CONTINUATION, rsv: RSV1, payload: HELLO }),
    [FAILS],
  ],
  ["RSV1 in a Ping", (out) => out.frame({ opcode: PING, rsv: RSV1, payload: HELLO }), [FAILS]],
  ["RSV1 in a Close", (out) => out.frame({ opcode: CLOSE, rsv: RSV1, payload: HELLO }), [FAILS]],
  [
    "RSV2 in a compressed message",
    (out) => out.frame({ opcode: TEXT, rsv: RSV1 | 2, payload: HELLO }),
    [FAILS],
  ],
  [
    "RSV3 in a compressed message",
    (out) => out.frame({ opcode: TEXT, rsv: RSV1 | 1, payload: HELLO }),
    [FAILS],
  ],
  ["a block of the reserved type", (out) => compressed(out, hex("07")), [BROKEN]],
  [
    "a stored block whose length is wrong",
    (out) => compressed(out, hex("00 0500 faf0 48656c6c6f 00")),
    [BROKEN],
  ],
  [
    "a stored block that is longer than the message",
    (out) => compressed(out, hex("00 ff00 00ff 4865")),
    [BROKEN],
  ],
  [
    "a distance that reaches behind the beginning",
    (out) =>
      compressed(
        out,
        new DeflateWriter().fixed().literals(Buffer.from("abc")).match(3, 4).end().bits(0, 3).stream,
      ),
    [BROKEN],
  ],
  ["random bytes", (out) => compressed(out, hex("ff fe fd fc fb fa")), [BROKEN]],
  ["invalid UTF-8 in a compressed text", (out) => compressed(out, out.deflated(hex("c328"))), [BROKEN]],
  ["UTF-8 that ends within a character", (out) => compressed(out, out.deflated(hex("41e282"))), [BROKEN]],
  [
    "invalid UTF-8 in a compressed binary message",
    (out) => compressed(out, out.deflated(hex("c328")), BINARY),
    [binary(hex("c328"))],
  ],
  [
    "a mebibyte of zeros in a kilobyte",
    (out) => compressed(out, zeros(1 << 20), BINARY),
    [binary(new Uint8Array(1 << 20))],
  ],
  [
    "the longest distance",
    (out) => {
      const far = messages("random", 32_768, 1)[0];
      compressed(out, out.deflated(far), BINARY);
      compressed(out, new DeflateWriter().fixed().match(258, 32_768).end().bits(0, 3).stream, BINARY);
    },
    [binary(messages("random", 32_768, 1)[0]), binary(messages("random", 32_768, 1)[0].subarray(0, 258))],
  ],
];

/** Rows that are about the limit of a message, hawser's own. */
function ofBombs(): Case[] {
  const size = 17 << 20;
  return [Infinity, 1000].map((fragment, i) => ({
    id: `12.7.${i + 1}`,
    title: `17 MiB of zeros in 17 KiB${fragment === Infinity ? "" : ` in fragments of ${fragment}`}`,
    negotiation: PLAIN,
    writings: ["whole"],
    sends: (out) => out.fragments(BINARY, zeros(size), fragment, RSV1),
    expects: ["close 1009"],
    lenient: [[binary(new Uint8Array(size)), "close 1000"]],
  }));
}

export const compressionCases = (): Case[] => [
  ...ROWS.map(([title, sends, expects], i) => ({
    id: `12.6.${i + 1}`,
    title,
    sends,
    expects,
    negotiation: PLAIN,
  })),
  ...ofBombs(),
  ...ofData(),
  ...ofParameters(),
];
