/** Keys and their digests: §1.3, §4.1, §4.2.2; SHA-1 against the vectors of FIPS 180 and `node:crypto`. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { sha1, toBase64 } from "../../../src/protocol/handshake/accept.js";
import { computeAccept, generateKey, isValidKey } from "../../../src/protocol/index.js";
import { toHex, utf8 } from "../../support/hex.js";
import { itHolds, randomBytes, randomNumbers } from "../../support/property.js";
import { ACCEPT, KEY } from "../support.js";

describe("computeAccept", () => {
  it("answers the key of RFC 6455 §1.3", () => {
    assert.equal(computeAccept(KEY), ACCEPT);
    const digest = toHex(sha1(utf8(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)));
    assert.equal(digest, "b37a4f2cc0624f1690f64606cf385945b2bec4ea");
  });

  it("takes the key as it is, not decoded", () => {
    assert.notEqual(computeAccept("AQIDBAUGBwgJCgsMDQ4PEA=="), computeAccept("AQIDBAUGBwgJCgsMDQ4PEC=="));
  });

  itHolds("agrees with node:crypto", 200, fc.string(), (key) => {
    const digest = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    assert.equal(computeAccept(key), digest);
  });
});

describe("generateKey", () => {
  it("makes 16 bytes in base64, each time others", () => {
    const keys = new Set(Array.from({ length: 100 }, generateKey));
    assert.equal(keys.size, 100);
    for (const key of keys) {
      assert.ok(isValidKey(key), key);
      assert.equal(Buffer.from(key, "base64").length, 16);
      assert.equal(Buffer.from(key, "base64").toString("base64"), key);
    }
  });
});

describe("isValidKey", () => {
  it("takes the keys of RFC 6455", () => {
    assert.ok(isValidKey(KEY));
    // §4.1's example does not clear the bits that the last digit carries in vain.
    assert.ok(isValidKey("AQIDBAUGBwgJCgsMDQ4PEC=="));
  });

  it("refuses values that are not base64 of 16 bytes", () => {
    const bad = ["", "=", "==", KEY.slice(1), `A${KEY}`, KEY.slice(0, -1), `${KEY}=`, ` ${KEY}`, `${KEY} `];
    bad.push(
      `${KEY}\n`,
      KEY.replace("=", "A"),
      KEY.replace("d", "-"),
      KEY.replace("d", "_"),
      KEY.replace("d", "\0"),
    );
    for (const length of [0, 1, 15, 17, 18, 32]) bad.push(Buffer.alloc(length).toString("base64"));
    bad.push(`${KEY}, ${KEY}`, "A".repeat(1 << 20), KEY.replace("d", "ｄ"));
    for (const key of bad) assert.equal(isValidKey(key), false, JSON.stringify(key.slice(0, 60)));
    for (const key of [undefined, null, 24, [KEY], { toString: () => KEY }]) {
      assert.equal(isValidKey(key as unknown as string), false);
    }
  });

  itHolds("takes 16 bytes and no other number", 200, fc.uint8Array({ maxLength: 40 }), (bytes) => {
    assert.equal(isValidKey(Buffer.from(bytes).toString("base64")), bytes.length === 16);
  });
});

describe("sha1", () => {
  it("gives the digests of FIPS 180", () => {
    const million = "a".repeat(1_000_000);
    const cases = [
      ["", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
      ["abc", "a9993e364706816aba3e25717850c26c9cd0d89d"],
      [
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
      ],
      [million, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"],
    ] as const;
    for (const [text, digest] of cases) assert.equal(toHex(sha1(utf8(text))), digest);
  });

  it("agrees with node:crypto at every length around two blocks", () => {
    const next = randomNumbers(1);
    for (let length = 0; length <= 200; length++) {
      const bytes = randomBytes(next, length);
      assert.equal(toHex(sha1(bytes)), createHash("sha1").update(bytes).digest("hex"), String(length));
    }
  });
});

describe("toBase64", () => {
  it("agrees with Buffer", () => {
    const next = randomNumbers(2);
    for (let length = 0; length < 70; length++) {
      const bytes = randomBytes(next, length);
      assert.equal(toBase64(bytes), Buffer.from(bytes).toString("base64"));
    }
  });
});
