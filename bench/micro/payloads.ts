/**
 * Payloads to encode, decode, mask and validate: payloads of an exact size, the same in every run, and a
 * plain frame writer and reader that share no code with anything measured. They are the reference that
 * every rival's output is compared with.
 */

/** Payload sizes, in bytes. 125 and 126 lie on both sides of the step to a longer header (RFC 6455 §5.2). */
export const SIZES = [16, 64, 125, 126, 256, 1024, 8192, 65_536, 1_048_576] as const;

/** What a transport hands over at a time, in bytes. */
export const CHUNK_LENGTH = 65_536;

const SAMPLES = {
  ascii:
    '{"id":184467,"type":"order.update","symbol":"ACME","side":"buy","price":"1042.50","quantity":17,' +
    '"tags":["limit","day"],"note":"filled in two parts, see order 184466"} The quick brown fox jumps. ',
  german:
    '{"id":93,"typ":"lieferung","straße":"Königsallee 7","ort":"Düsseldorf","größe":"übergroß","preis":129.9,' +
    '"hinweis":"Bitte an der Tür läuten","status":"unterwegs","zeit":"2024-03-01T08:00:00Z"} ',
  cyrillic:
    "Вчера вечером мы долго гуляли по набережной, смотрели на корабли и разговаривали обо всём на свете. " +
    "Канат держит судно у причала, пока не придёт время выйти в море. ",
  cjk:
    "昨日の夜、私たちは港を長い間歩いて、船を見ながらいろいろな話をしました。" +
    "缆绳把船系在码头上，直到出海的时候。밧줄은 배를 부두에 묶어 둔다。",
  emoji: "👋🌍🚢⚓️🪢😀😃😄🎉🔥💬👩‍💻🧵🐳🌊⛵️🙏🏽🤝🏼🥳🫡🚀📦🧭🗺️🛟🎣🏴‍☠️💙",
  mixed:
    "Grüße aus Zürich! 👋 Wir kommen um 8 an — passt das? да, до встречи на причале ⚓️ " +
    "了解です、港で待っています。 ok, see you there :) l'été à la mer, ça va être génial 🌊 no worries, ",
} as const;

export type TextKind = keyof typeof SAMPLES;
export const TEXT_KINDS = Object.keys(SAMPLES) as TextKind[];

/** How many different payloads of one kind and size take turns. */
const VARIANTS = 64;

/** mulberry32: the same numbers in every run. */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/**
 * Texts that take exactly `size` bytes in UTF-8. Each of a kind other than "ascii" begins with a character
 * that is not ASCII, so that none is ASCII by chance.
 */
export function texts(kind: TextKind, size: number, count = VARIANTS): string[] {
  const characters = [...SAMPLES[kind]];
  const starts = characters.flatMap((character, i) => (kind === "ascii" || character > "\x7f" ? [i] : []));
  const random = createRandom(size);
  return Array.from({ length: count }, () => {
    let text = "";
    let length = 0;
    for (let i = starts[random() % starts.length]; ; i++) {
      const character = characters[i % characters.length];
      const bytes = Buffer.byteLength(character);
      if (length + bytes > size) break;
      text += character;
      length += bytes;
    }
    // Through bytes and back: a flat string, not a rope.
    return Buffer.from(text + ".".repeat(size - length)).toString();
  });
}

/** Random bytes. */
export function binaries(size: number, count = VARIANTS): Buffer[] {
  const random = createRandom(size + 1);
  return Array.from({ length: count }, () => {
    const bytes = Buffer.allocUnsafeSlow(size);
    for (let i = 0; i < size; i++) bytes[i] = random();
    return bytes;
  });
}

export type PayloadKind = "ascii" | "multibyte" | "binary";
export const PAYLOAD_KINDS: readonly PayloadKind[] = ["ascii", "multibyte", "binary"];

/** Payloads as an application sees them: strings, or bytes. */
export function payloads(kind: PayloadKind, size: number, count = VARIANTS): (string | Buffer)[] {
  if (kind === "binary") return binaries(size, count);
  return texts(kind === "ascii" ? "ascii" : "mixed", size, count);
}

/** A frame with FIN set, byte by byte as RFC 6455 §5.2 draws it. Text for a string, else binary. */
export function writeFrame(message: string | Buffer, key?: Buffer): Buffer {
  const payload = Buffer.from(message);
  const { length } = payload;
  const extended = Buffer.alloc(length < 126 ? 0 : length < 65_536 ? 2 : 8);
  if (extended.length === 2) extended.writeUInt16BE(length);
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(length));
  const short = extended.length === 0 ? length : extended.length === 2 ? 126 : 127;
  const opcode = typeof message === "string" ? 1 : 2;
  const header = Buffer.from([0x80 | opcode, key === undefined ? short : 0x80 | short]);
  if (key === undefined) return Buffer.concat([header, extended, payload]);
  return Buffer.concat([header, extended, key, maskedCopy(payload, key)]);
}

/** Payload combined with a key, as RFC 6455 §5.3 writes it. */
export function maskedCopy(payload: Uint8Array, key: Uint8Array): Buffer {
  const copy = Buffer.from(payload);
  for (let i = 0; i < copy.length; i++) copy[i] ^= key[i % 4];
  return copy;
}

/** A frame of text that is in bytes already, compressed (RFC 7692 §6: RSV1) or not. */
export function writeTextFrame(payload: Buffer, rsv1: boolean, key: Buffer): Buffer {
  const frame = writeFrame(payload, key);
  frame[0] = rsv1 ? 0xc1 : 0x81;
  return frame;
}

/** A frame as it came. */
export interface Frame {
  /** FIN, the reserved bits and the opcode. */
  readonly flags: number;
  readonly payload: Buffer;
}

/** The frames in bytes that hold whole ones. */
export function splitFrames(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const flags = bytes[at++];
    const masked = (bytes[at] & 0x80) !== 0;
    const short = bytes[at++] & 0x7f;
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(at) : Number(bytes.readBigUInt64BE(at));
    at += short < 126 ? 0 : short === 126 ? 2 : 8;
    const key = bytes.subarray(at, (at += masked ? 4 : 0));
    const wire = bytes.subarray(at, (at += length));
    frames.push({ flags, payload: masked ? maskedCopy(wire, key) : Buffer.from(wire) });
  }
  return frames;
}

/** The messages in a series of unfragmented data frames. */
export function readFrames(bytes: Buffer): (string | Buffer)[] {
  return splitFrames(bytes).map(({ flags, payload }) =>
    (flags & 0x0f) === 1 ? payload.toString() : payload,
  );
}

/** Frames on the wire, cut into chunks, and the messages that are in them. */
export interface Stream {
  readonly messages: readonly (string | Buffer)[];
  /** Never handed to a rival: they unmask in place. */
  readonly pristine: readonly Buffer[];
  /** What rivals get; see `restore`. */
  readonly chunks: readonly Buffer[];
}

/**
 * Frames of one kind and size, each with a key of its own if masked, cut every 64 KiB wherever that falls.
 * Small ones fill 4 chunks, others 16, and those of 1 MiB are four in 64 chunks.
 */
export function createStream(kind: PayloadKind, size: number, masked: boolean): Stream {
  const total = size <= 1024 ? 4 * CHUNK_LENGTH : Math.max(16 * CHUNK_LENGTH, 4 * size);
  const frameLength = writeFrame(Buffer.alloc(size), masked ? Buffer.alloc(4) : undefined).length;
  const { messages, frames } = frame(kind, size, Math.max(1, Math.floor(total / frameLength)), masked);
  const wire = Buffer.concat(frames);
  const pristine: Buffer[] = [];
  for (let at = 0; at < wire.length; at += CHUNK_LENGTH)
    pristine.push(ownCopy(wire.subarray(at, at + CHUNK_LENGTH)));
  return { messages, pristine, chunks: pristine.map(ownCopy) };
}

/** One frame in each chunk, as a server under light load sees them. */
export function createTrickle(kind: PayloadKind, size: number, count: number): Stream {
  const { messages, frames } = frame(kind, size, count, true);
  const pristine = frames.map(ownCopy);
  return { messages, pristine, chunks: pristine.map(ownCopy) };
}

/** Makes the chunks what they were before a rival unmasked them. */
export function restore({ pristine, chunks }: Stream): void {
  for (let i = 0; i < chunks.length; i++) chunks[i].set(pristine[i]);
}

function frame(kind: PayloadKind, size: number, count: number, masked: boolean) {
  const variants = payloads(kind, size, Math.min(count, VARIANTS));
  const random = createRandom(count);
  const messages = Array.from({ length: count }, (_, i) => variants[i % variants.length]);
  const key = () => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(random() | 1); // ws would skip a key of zero
    return bytes;
  };
  const frames = messages.map((message) => writeFrame(message, masked ? key() : undefined));
  return { messages, frames };
}

/** A copy in an ArrayBuffer of its own, as chunks from a socket are. */
function ownCopy(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}
