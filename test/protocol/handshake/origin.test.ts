/** Which pages may connect: RFC 6455 §4.2.2, §10.2. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { checkOriginPolicy, judgeOrigin, type OriginPolicy } from "../../../src/protocol/index.js";
import { itHolds } from "../../support/property.js";
import { assertLinear } from "../support.js";

describe("judgeOrigin: same-origin", () => {
  it("takes pages of the host itself", () => {
    const cases: [origin: string, host: string][] = [
      ["http://example.com", "example.com"],
      ["https://example.com", "example.com"],
      ["http://example.com", "example.com:80"],
      ["https://example.com", "example.com:443"],
      ["http://example.com:80", "example.com"],
      ["http://example.com:8080", "example.com:8080"],
      ["HTTP://EXAMPLE.com", "Example.COM"],
      ["http://[::1]:3000", "[::1]:3000"],
      ["http://[0:0::1]", "[::1]"],
      ["http://localhost:5173", "localhost:5173"],
    ];
    for (const [origin, host] of cases) {
      assert.ok(judgeOrigin(origin, host), `${origin} at ${host}`);
      assert.ok(judgeOrigin(origin, host, "same-origin"));
    }
  });

  it("refuses pages of all others: cross-site WebSocket hijacking", () => {
    const cases: [origin: string, host: string | undefined][] = [
      ["http://evil.example", "example.com"],
      ["http://example.com.evil.example", "example.com"],
      ["http://evilexample.com", "example.com"],
      ["http://sub.example.com", "example.com"],
      ["http://example.com", "sub.example.com"],
      ["http://example.com:8080", "example.com"],
      ["http://example.com", "example.com:443"],
      ["https://example.com", "example.com:80"],
      ["http://example.com.", "example.com"],
      ["http://example.com@evil.example", "example.com"],
      ["http://evil.example#@example.com", "example.com"],
      ["http://evil.example/example.com", "example.com"],
      ["http://evil.example\\@example.com", "example.com"],
      ["http://user@example.com", "example.com"],
      ["http://example.com/", "example.com"],
      ["http://example.com?x", "example.com"],
      ["http://example.com http://example.com", "example.com"],
      ["http://example.com, http://example.com", "example.com"],
      ["chrome-extension://example.com", "example.com"],
      ["file://example.com", "example.com"],
      ["file://", ""],
      ["null", "example.com"],
      ["null", "null"],
      ["", "example.com"],
      ["", ""],
      ["example.com", "example.com"],
      ["//example.com", "example.com"],
      ["http://", ""],
      ["http://[", "["],
      ["http://a:x", "a:x"],
      ["http://example.com", ""],
      ["http://example.com", undefined],
      ["http://example.com", "example.com/"],
      ["http://example.com", "user@example.com"],
      ["http://example.com", "example.com#"],
    ];
    for (const [origin, host] of cases)
      assert.equal(judgeOrigin(origin, host), false, `${origin} at ${host}`);
  });

  it("lets requests pass that are not from a browser", () => {
    for (const host of ["example.com", "", undefined]) {
      assert.ok(judgeOrigin(undefined, host));
      assert.ok(judgeOrigin(undefined, host, []));
      assert.ok(judgeOrigin(undefined, host, ["http://a"]));
    }
  });

  itHolds("never throws", 500, fc.tuple(fc.string(), fc.string()), ([origin, host]) => {
    for (const each of [origin, `http://${origin}`]) assert.equal(typeof judgeOrigin(each, host), "boolean");
  });

  it("takes linear time", () => {
    for (const unit of ["a", " ", "a.", "/", ":", "[", "%"]) {
      assertLinear(JSON.stringify(unit), (size) => {
        const origin = `http://${unit.repeat(size / unit.length)}`;
        return () => {
          judgeOrigin(origin, "example.com");
          judgeOrigin("http://example.com", origin);
        };
      });
    }
  });
});

describe("judgeOrigin: other policies", () => {
  it("any takes every page", () => {
    for (const origin of ["http://evil.example", "null", "", undefined])
      assert.ok(judgeOrigin(origin, "a", "any"));
  });

  it("a list takes its strings exactly and what its expressions match", () => {
    const policy: OriginPolicy = ["https://a.example", /^https:\/\/[a-z]+\.b\.example$/g, "null"];
    for (let round = 0; round < 3; round++) {
      // Three rounds: an expression with a g keeps a lastIndex, which must not matter.
      for (const origin of ["https://a.example", "https://x.b.example", "null"]) {
        assert.ok(judgeOrigin(origin, "host", policy), origin);
      }
      for (const origin of [
        "https://a.example:444",
        "http://a.example",
        "https://b.example",
        "https://x.b.example.evil",
        "",
      ]) {
        assert.equal(judgeOrigin(origin, "host", policy), false, origin);
      }
    }
    assert.equal(judgeOrigin("http://host", "host", []), false, "the list alone decides");
  });

  it("a function decides alone", () => {
    const seen: unknown[] = [];
    const policy = (origin: string | undefined, host: string | undefined) => {
      seen.push([origin, host]);
      return origin === "yes";
    };
    assert.ok(judgeOrigin("yes", "h", policy));
    assert.equal(judgeOrigin(undefined, undefined, policy), false);
    assert.deepEqual(seen, [
      ["yes", "h"],
      [undefined, undefined],
    ]);
  });

  it("a function must decide by a boolean, and is heard when it throws", () => {
    const answers: unknown[] = [
      undefined,
      null,
      1,
      "yes",
      {},
      Promise.resolve(true),
      Promise.reject(new Error("x")),
    ];
    for (const answer of answers) {
      // A promise is not yet a yes, and an unhandled rejection would fail this test.
      assert.throws(() => judgeOrigin("a", "h", () => answer as boolean), {
        name: "TypeError",
        message: /^origin must return a boolean, not /,
      });
    }
    const error = new Error("mine");
    const failing = () => {
      throw error;
    };
    assert.throws(() => judgeOrigin("a", "h", failing), error);
  });
});

describe("checkOriginPolicy", () => {
  it("takes the words, lists and functions, and fills in the default", () => {
    const decide = () => true;
    for (const policy of ["same-origin", "any", decide] as const)
      assert.equal(checkOriginPolicy(policy), policy);
    assert.equal(checkOriginPolicy(undefined), "same-origin");
    const list = ["https://a.example", /b/];
    const checked = checkOriginPolicy(list);
    assert.deepEqual(checked, list);
    list.push("https://evil.example");
    assert.equal(judgeOrigin("https://evil.example", "h", checked), false, "it is a copy");
  });

  it("refuses all else at once, and says what to write for one origin", () => {
    for (const policy of [null, true, 5, {}, /a/, [5], [null], "*", "", "same", Object.create(null)]) {
      assert.throws(() => checkOriginPolicy(policy as OriginPolicy), {
        name: "TypeError",
        message: /^origin must be "same-origin", "any", a list/,
      });
    }
    assert.throws(
      () => checkOriginPolicy("https://a.example" as OriginPolicy),
      /give \["https:\/\/a\.example"\]/,
    );
  });
});
