/**
 * Decodes a captured exchange and prints its frames.
 *
 *     node --import tsx examples/decode-capture.ts
 *
 * The capture is in this file, in hex, chunk by chunk as a socket might deliver it: headers and
 * characters are cut between chunks, a character is cut between two fragments of a message, and a Ping
 * stands between those fragments. The last connection breaks the protocol.
 */

import {
  decodeCloseBody,
  FrameDecoder,
  isControl,
  kernelBackend,
  Opcode,
  PayloadBuffer,
  type Role,
} from "hawser/codec";

interface Capture {
  readonly title: string;
  /** Who reads these bytes: a server reads what a client sent. */
  readonly reader: Role;
  readonly chunks: readonly string[];
}

const captures: readonly Capture[] = [
  {
    title: "client → server",
    reader: "server",
    chunks: [
      // RFC 6455 §5.7: a masked text frame, "Hello"; then the first fragment of another message, "Gr"
      // and the first byte of "ü".
      "81 85 37fa213d 7f9f4d5158   01 83 c0ffee42 878d2d",
      // A Ping between the fragments, and the header of the second one, but for its last two bytes.
      "89 8c 5eaf00d1 2ddb69bd328f74b93bdd65ee   00 97 0bad",
      // The chunk ends inside "Ł", the fragment ends inside "東".
      "cafe b76e559b2bccbf8d2b68",
      "4b3db8c90f442bd8a49a2b4b57   80 89 a1b2c3d4 1056797881425c4e03",
    ],
  },
  {
    title: "server → client",
    reader: "client",
    chunks: [
      "81 05 48656c6c6f   8a 0c 7374696c6c2074686572653f",
      // 35 bytes of text; then a binary frame whose length takes two more bytes.
      `81 23 4772c3bcc39f652061757320c581c3b364c5ba20756e6420e69db1e4baac20f09f9aa2
       82 7e 0082 00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9e0e7eef5fc030a1118
       1f262d343b424950575e656c737a81888f969da4abb2b9c0c7ced5dce3eaf1f8ff060d141b222930373e454c535a
       61686f767d848b9299a0a7aeb5bcc3cad1d8dfe6edf4fb020910171e252c333a41484f565d646b72798087`,
    ],
  },
  {
    title: "client → server, closing",
    reader: "server",
    chunks: ["88 8c 9d3c1e77 9ed47c1eee1c7318ef5b7b19"],
  },
  {
    title: "server → client, closing",
    reader: "client",
    chunks: ["88 0c 03e8 626973206d6f7267656e"],
  },
  {
    title: "client → server, another connection",
    reader: "server",
    chunks: [
      "81 8b 10203040 76495e2530535f60764142",
      // "../etc/" with its last slash in an overlong form: c0 af, which is not UTF-8.
      "81 8f 6b1f9a05 4531b5601f7cb5c5c46ffb761868fe   81 8d 22446688 4c2110ed506402ed412b02ed46",
    ],
  },
];

const NAMES = new Map<number, string>(Object.entries(Opcode).map(([name, opcode]) => [opcode, name]));
/** Payload bytes shown in hex before the rest is left out. */
const SHOWN_BYTES = 16;
const COLUMNS = "offset  fin rsv1 opcode         mask      header  payload";

const styled = process.stdout.isTTY && process.env.NO_COLOR === undefined;
const style = (code: number) => (text: string) => (styled ? `\x1b[${code}m${text}\x1b[0m` : text);
const [bold, dim, red, green] = [1, 2, 31, 32].map(style);

function bytesOf(hex: string): Uint8Array {
  const digits = hex.replaceAll(/\s+/g, "");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function hexOf(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, SHOWN_BYTES), (byte) => byte.toString(16).padStart(2, "0"));
  return shown.join("") + (bytes.length > SHOWN_BYTES ? "…" : "");
}

/** A masking key as its bytes stand on the wire: lowest byte first. */
function wireOrder(maskingKey: number): string {
  return hexOf(new Uint8Array([maskingKey, maskingKey >> 8, maskingKey >> 16, maskingKey >> 24]));
}

/** What the current frame carries, for a reader. */
function describePayload(decoder: FrameDecoder): string {
  const { opcode, fin, payload } = decoder;
  if (opcode === Opcode.Close) {
    const { code, reason } = decodeCloseBody(payload);
    return code === undefined ? "no code" : `${code} ${JSON.stringify(reason)}`;
  }
  // A fragment may begin or end inside a character, so only whole messages are shown as text.
  if (opcode === Opcode.Text && fin) return JSON.stringify(decoder.text());
  return hexOf(payload);
}

function printFrame(decoder: FrameDecoder): void {
  const { opcode, fin, rsv1, masked, maskingKey, headerLength, payloadLength, frameOffset } = decoder;
  const cells = [
    String(frameOffset).padStart(6),
    (fin ? "1" : "0").padStart(4),
    (rsv1 ? "1" : "0").padStart(4),
    `${opcode.toString(16)} ${NAMES.get(opcode)?.toLowerCase() ?? "?"}`.padEnd(14),
    (masked ? wireOrder(maskingKey) : "-").padEnd(9),
    `${headerLength} B`.padStart(6),
    `${payloadLength} B`.padStart(6),
  ];
  console.log(`  ${cells.join(" ")}  ${describePayload(decoder)}`);
}

function printCapture({ title, reader, chunks }: Capture): void {
  const pieces = chunks.map(bytesOf);
  const total = pieces.reduce((sum, { length }) => sum + length, 0);
  const count = pieces.length === 1 ? "1 chunk" : `${pieces.length} chunks`;
  console.log(`${bold(title)}  ${dim(`${count}, ${total} bytes`)}`);
  console.log(`  ${dim(COLUMNS)}`);

  const decoder = new FrameDecoder({ role: reader });
  const fragments = new PayloadBuffer();
  let isText = false;
  for (const piece of pieces) {
    decoder.push(piece);
    while (decoder.next()) {
      printFrame(decoder);
      if (isControl(decoder.opcode)) continue;
      if (decoder.opcode !== Opcode.Continuation) isText = decoder.opcode === Opcode.Text;
      if (decoder.fin && decoder.opcode !== Opcode.Continuation) continue;
      fragments.append(decoder.payload);
      if (!decoder.fin) continue;
      const message = fragments.take();
      const shown = isText ? JSON.stringify(new TextDecoder().decode(message)) : hexOf(message);
      console.log(`         ${green("└ message of fragments:")} ${message.length} B  ${shown}`);
    }
  }
  if (decoder.error !== undefined) {
    const { code, closeCode, offset, message } = decoder.error;
    console.log(red(`  ${String(offset).padStart(6)}  ${code}, close code ${closeCode}`));
    console.log(`          ${message}`);
    console.log(`          ${dim("Nothing after that byte is decoded.")}`);
  }
  console.log();
}

console.log(`hawser, kernel: ${kernelBackend()}\n`);
for (const capture of captures) printCapture(capture);
