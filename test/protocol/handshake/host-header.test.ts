/** Which values a Host header may have: RFC 9110 §7.2, RFC 3986 §3.2.2. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { isValidHost } from "../../../src/protocol/handshake/host-header.js";
import { assertLinear } from "../support.js";

it("isValidHost: names and addresses, with and without a port", () => {
  const valid = [
    "a",
    "Example.COM",
    "localhost:8080",
    "a:",
    "a:0080",
    "1.2.3.4:1",
    "[::1]",
    "[2001:DB8::1]:65535",
  ];
  valid.push("xn--caf-dma.example", "a_b", "a%20b", "a-b.c~d!$&'()*+,;=");
  for (const host of valid) {
    // Twice: the one before is remembered.
    assert.ok(isValidHost(host), host);
    assert.ok(isValidHost(host), host);
  }
  const bad = [
    "",
    " ",
    "a b",
    "u@h",
    "u:p@h",
    "a:65536",
    "a:99999",
    "a:1:2",
    "a:x",
    "a:-1",
    "a/b",
    "a?b",
    "a#b",
  ];
  bad.push(
    "a\\b",
    "[::1",
    "::1",
    "[::1]x",
    "[g]",
    "é",
    "a\0",
    "a\n",
    "http://a",
    "a, b",
    "<a>",
    '"a"',
    "a\t",
  );
  for (const host of bad) assert.equal(isValidHost(host), false, host);
});

it("isValidHost: takes linear time", () => {
  for (const unit of ["a", ":", "[", "%", "1", "a:"]) {
    assertLinear(unit, (size) => {
      const host = unit.repeat(size);
      return () => isValidHost(host);
    });
  }
});
