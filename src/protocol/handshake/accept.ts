/**
 * Sec-WebSocket-Key and Sec-WebSocket-Accept (RFC 6455 §1.3, §4.1, §4.2.2): a nonce, and the digest that
 * proves that the server read it. SHA-1 is written out here because the digest must be synchronous, and the
 * SHA-1 of hosts without `node:crypto` is asynchronous. Nothing secret depends on it.
 */

import { hostSha1 } from "../../codec/index.js";

/** §1.3: appended to the key, "which is unlikely to be used by network endpoints that do not understand…". */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** §4.1: "a nonce consisting of a randomly selected 16-byte value". */
const KEY_LENGTH = 16;

/**
 * Base64 of 16 bytes: 22 digits and the padding. The last digit carries four bits that decoders drop (RFC
 * 4648 §3.5); they need not be zero, and in the example of RFC 6455 §4.1 they are not.
 */
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** The length of that text. */
const KEY_TEXT_LENGTH = 24;

/**
 * Makes a key for one connection.
 *
 * @returns 16 unpredictable bytes in base64, 24 characters.
 * @see RFC 6455 §4.1
 */
export function generateKey(): string {
  return toBase64(crypto.getRandomValues(new Uint8Array(KEY_LENGTH)));
}

/**
 * Whether a Sec-WebSocket-Key is valid: "a base64-encoded value that, when decoded, is 16 bytes in
 * length" (§4.2.1).
 */
export function isValidKey(key: string): boolean {
  return typeof key === "string" && key.length === KEY_TEXT_LENGTH && KEY.test(key);
}

/**
 * Computes the Sec-WebSocket-Accept for a key.
 *
 * @param key - not decoded (§4.2.2); `isValidKey` judges it.
 * @returns 20 bytes in base64, 28 characters.
 * @see RFC 6455 §4.2.2
 */
export function computeAccept(key: string): string {
  // The text is ASCII if the key is; a host's digest would read other characters in its own way.
  const digest = isValidKey(key) ? hostSha1(key + GUID) : undefined;
  return digest ?? toBase64(sha1(new TextEncoder().encode(key + GUID)));
}

/** Base64 with padding (RFC 4648 §4). For short texts: it makes a string of every byte first. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Bytes of a block, and of the message's length at its end (FIPS 180-4 §5.1.1). */
const BLOCK_LENGTH = 64;
const LENGTH_LENGTH = 8;

/** §6.1.2: the message schedule; one for all digests, which are made one after the other. */
const schedule = /* @__PURE__ */ new Int32Array(80);

/** SHA-1 (FIPS 180-4 §6.1). @returns 20 new bytes. */
export function sha1(message: Uint8Array): Uint8Array {
  // §5.1.1: a one bit, zeros, and the length in bits, so that whole blocks come out.
  const blockCount = Math.ceil((message.length + 1 + LENGTH_LENGTH) / BLOCK_LENGTH);
  const padded = new Uint8Array(blockCount * BLOCK_LENGTH);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(message.length / 0x20000000));
  view.setUint32(padded.length - 4, message.length << 3);

  // §5.3.1: the initial hash value.
  let h0 = 0x67452301;
  let h1 = 0xefcdab89 | 0;
  let h2 = 0x98badcfe | 0;
  let h3 = 0x10325476;
  let h4 = 0xc3d2e1f0 | 0;
  for (let block = 0; block < padded.length; block += BLOCK_LENGTH) {
    // §6.1.2 step 1.
    for (let t = 0; t < 16; t++) schedule[t] = view.getInt32(block + t * 4);
    for (let t = 16; t < 80; t++) {
      schedule[t] = rotate(schedule[t - 3] ^ schedule[t - 8] ^ schedule[t - 14] ^ schedule[t - 16], 1);
    }
    // Steps 2 and 3: eighty rounds over five working variables; functions of §4.1.1, constants of §4.2.1.
    let a = h0;
    let b = h1;
    let c = h2;
    let d = h3;
    let e = h4;
    for (let t = 0; t < 80; t++) {
      let mixed: number;
      if (t < 20) mixed = ((b & c) ^ (~b & d)) + 0x5a827999;
      else if (t < 40) mixed = (b ^ c ^ d) + 0x6ed9eba1;
      else if (t < 60) mixed = ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc;
      else mixed = (b ^ c ^ d) + 0xca62c1d6;
      const next = (rotate(a, 5) + mixed + e + schedule[t]) | 0;
      e = d;
      d = c;
      c = rotate(b, 30);
      b = a;
      a = next;
    }
    // Step 4: the intermediate hash value.
    h0 = (h0 + a) | 0;
    h1 = (h1 + b) | 0;
    h2 = (h2 + c) | 0;
    h3 = (h3 + d) | 0;
    h4 = (h4 + e) | 0;
  }

  const digest = new DataView(new ArrayBuffer(20));
  digest.setInt32(0, h0);
  digest.setInt32(4, h1);
  digest.setInt32(8, h2);
  digest.setInt32(12, h3);
  digest.setInt32(16, h4);
  return new Uint8Array(digest.buffer);
}

/** FIPS 180-4 §2.2.2: ROTL of a 32-bit word. */
function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
