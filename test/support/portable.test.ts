/** The replacements of Node's modules outside Node do as they do, and a suite that fails shows it. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import zlib from "node:zlib";
import portable from "./portable/assert.js";
import { isUtf8, Buffer as PortableBuffer } from "./portable/buffer.js";
import { assertPassed } from "./portable/bundle.js";
import * as runner from "./portable/runner.js";
import portableZlib from "./portable/zlib.js";
import { randomBytes, randomNumbers } from "./property.js";

function holds(body: () => void): boolean {
  try {
    body();
    return true;
  } catch {
    return false;
  }
}

class Point {
  readonly x: number;
  constructor(x: number) {
    this.x = x;
  }
}

const withSymbol = (value: number) => ({ [Symbol.for("key")]: value });
const withHidden = (value: number) => Object.defineProperty({}, "hidden", { value });
const withCause = (cause: unknown) => new Error("same", { cause });

/** Each is compared with each. */
const VALUES: readonly unknown[] = [
  ...[undefined, null, true, false, 0, -0, 1, Number.NaN, 1n, "", "1", "a", Symbol.iterator, Math.max],
  ...[[], [1], ["1"], [1, 2], [undefined], [[1]], [-0], [0], [Number.NaN], new Array(1), new Array(2)],
  ...[
    {},
    { a: 1 },
    { a: 1 },
    { a: undefined },
    { b: undefined },
    { a: "1" },
    { a: { b: [1] } },
    { a: 1, b: 2 },
  ],
  ...[{ b: 2, a: 1 }, { 0: 1, length: 1 }, Object.create(null), Object.assign([1], { a: 1 }), new Point(1)],
  ...[new Point(1), new Point(2), { x: 1 }, withSymbol(1), withSymbol(2), withHidden(1), withHidden(2)],
  ...[new Uint8Array(0), Uint8Array.of(1), Uint8Array.of(1), Uint8Array.of(2), Buffer.of(1), Int8Array.of(1)],
  ...[new Uint8Array([1, 1]).subarray(1), Uint16Array.of(1), Float64Array.of(-0), Float64Array.of(0)],
  ...[
    Float64Array.of(Number.NaN),
    new Error("same"),
    new Error("same"),
    new Error("other"),
    new TypeError("same"),
  ],
  ...[
    withCause(1),
    withCause(2),
    Object.assign(new Error("same"), { code: "X" }),
    Object.assign([1], { a: 2 }),
  ],
  ...[{ a: Uint8Array.of(1) }, { a: Buffer.of(1) }, { a: new Error("same") }, { a: -0 }, { a: 0 }],
];

describe("the portable assert", () => {
  for (const name of ["equal", "notEqual", "deepEqual", "notDeepEqual"] as const) {
    it(`has the verdicts of Node's: ${name}`, () => {
      const verdicts = new Set<boolean>();
      for (const [i, a] of VALUES.entries()) {
        for (const [j, b] of VALUES.entries()) {
          // With a message Node makes none of its own, which takes long.
          const wanted = holds(() => assert[name](a, b, "message"));
          assert.equal(
            holds(() => portable[name](a, b)),
            wanted,
            `values ${i} and ${j}`,
          );
          verdicts.add(wanted);
        }
      }
      assert.equal(verdicts.size, 2);
    });
  }

  it("has the verdicts of Node's: ok", () => {
    for (const value of VALUES) {
      assert.equal(
        holds(() => portable.ok(value, "message")),
        holds(() => assert.ok(value, "message")),
      );
    }
  });

  it("has the verdicts of Node's: throws", () => {
    const thrown = [
      () => undefined,
      () => {
        throw new RangeError("too far");
      },
      () => {
        throw Object.assign(new TypeError("wrong"), { code: "X", part: [1] });
      },
      () => {
        throw "text";
      },
    ];
    const wanted: readonly unknown[] = [
      ...[undefined, Error, RangeError, TypeError, Point, /far/, /^TypeError: wrong$/, "a message"],
      ...[
        { code: "X" },
        { code: "Y" },
        { part: [1] },
        { part: [2] },
        { message: /wro/ },
        { other: undefined },
      ],
      ...[() => true, () => false, () => 1, (error: unknown) => error instanceof RangeError],
    ];
    for (const [i, body] of thrown.entries()) {
      for (const [j, error] of wanted.entries()) {
        assert.equal(
          holds(() => portable.throws(body, error)),
          holds(() => assert.throws(body, error as RegExp)),
          `${i} and ${j}`,
        );
      }
    }
  });

  it("refuses to compare what it does not know", () => {
    assert.throws(() => portable.deepEqual(new Map(), new Map()), /cannot compare a Map/);
    assert.throws(() => portable.notDeepEqual([new Date(0)], [new Date(1)]), /cannot compare a Date/);
  });

  it("says the error, and what for", () => {
    assert.throws(() => portable.equal(-0, 0, "zero"), {
      name: "AssertionError",
      message: "zero: -0 is not 0",
    });
    assert.throws(
      () => portable.deepEqual([1, undefined], { a: 1n }),
      /\[1,"undefined"\] is not deeply \{"a":"1"\}/,
    );
    assert.throws(() => portable.ok(false, new RangeError("own")), { name: "RangeError", message: "own" });
    assert.throws(() => portable.fail("why"), /why/);
  });
});

describe("the portable runner", () => {
  const run = (body: () => unknown, leftOut: readonly string[] = []) =>
    runner.runFiles({ file: async () => body() }, new Set(leftOut));

  it("runs suites, hooks and tests in Node's order", async () => {
    const seen: string[] = [];
    const note = (what: string) => () => void seen.push(what);
    const results = await run(() => {
      runner.beforeEach(note("outer each"));
      runner.it("one", note("one"));
      runner.describe("suite", () => {
        runner.before(note("before"));
        runner.beforeEach(note("inner each"));
        runner.it("two", async () => {
          await new Promise(setImmediate);
          seen.push("two");
        });
      });
      runner.it("three", note("three"));
    });
    const order = "outer each, one, before, outer each, inner each, two, outer each, three";
    assert.equal(seen.join(", "), order);
    assert.deepEqual(results, [
      { name: "file > one", error: undefined },
      { name: "file > suite > two", error: undefined },
      { name: "file > three", error: undefined },
    ]);
  });

  it("names the failed test, for every kind of failure, and goes on", async () => {
    const fail = (what: string) => () => {
      throw new Error(what);
    };
    const results = await run(() => {
      runner.it("throws", fail("at once"));
      runner.it("rejects", () => Promise.reject(new Error("later")));
      runner.describe("before", () => {
        runner.before(fail("hook"));
        runner.it("is not reached", () => undefined);
      });
      runner.describe("each", () => {
        runner.beforeEach(fail("each hook"));
        runner.it("is failed", () => undefined);
      });
      runner.it("is run", () => undefined);
    });
    const wanted = [
      /throws: Error: at once/,
      /rejects: Error: later/,
      /before: Error: hook/,
      /failed: Error: each hook/,
    ];
    assert.equal(results.length, 5);
    for (const [i, pattern] of wanted.entries()) assert.match(results[i].error ?? "", pattern);
    assert.equal(results[4].error, undefined);
    assert.throws(() => assertPassed(results, { names: results.map(({ name }) => name) }), /4 failed/);
  });

  it("fails a file that cannot be loaded, or asks for what the runner cannot do", async () => {
    for (const body of [
      () => Promise.reject(new Error("not there")),
      () => runner.it("has options", { timeout: 1 } as unknown as () => void),
      () => runner.it("has a context", ((t: unknown) => t) as () => void),
      () => runner.describe("is asynchronous", async () => undefined),
    ]) {
      const results = await run(body);
      assert.equal(results[0].name, "file");
      assert.match(results[0].error ?? "", /not there|no options|no context|described at once/);
    }
  });

  it("leaves out the listed tests, and nothing else", async () => {
    const body = () => {
      runner.it("one", () => undefined);
      runner.it("two", () => undefined);
    };
    const results = await run(body, ["file > one"]);
    assert.deepEqual(results, [{ name: "file > two", error: undefined }]);
    assertPassed(results, { names: ["file > two"] });
    assert.throws(() => assertPassed(results, { names: ["file > one", "file > two"] }));
    assert.throws(() => assertPassed([...results, ...results], { names: ["file > two"] }));
    assert.throws(() => assertPassed([], { names: ["file > two"] }));
  });
});

describe("the portable Buffer", () => {
  const random = randomNumbers(5);
  const bytes = randomBytes(random, 300);

  it("reads, compares and joins as Node's", () => {
    for (const encoding of ["latin1", "hex", "utf16le", "utf8"] as const) {
      assert.equal(PortableBuffer.from(bytes).toString(encoding), Buffer.from(bytes).toString(encoding));
    }
    for (const text of ["", "a", "grüße 東京 🚢", "\ufeffBOM", "lone \ud800"]) {
      assert.deepEqual([...PortableBuffer.from(text)], [...Buffer.from(text)]);
    }
    const values = [bytes, bytes.subarray(1), bytes.subarray(0, 9), Uint8Array.of(1, 2), Uint8Array.of(1, 3)];
    for (const a of values) {
      for (const b of values) {
        assert.equal(PortableBuffer.compare(a, b), Buffer.compare(a, b));
        assert.equal(PortableBuffer.from(a).equals(b), Buffer.from(a).equals(b));
        assert.equal(PortableBuffer.concat([a, b]).toString("hex"), Buffer.concat([a, b]).toString("hex"));
      }
    }
    assert.equal(PortableBuffer.concat([bytes], 400).length, 400);
    assert.ok(PortableBuffer.from("a secret").includes("secret"));
    assert.ok(!PortableBuffer.from("a secret").includes("secrets"));
    assert.equal(
      PortableBuffer.from(bytes.buffer, 7, 5).toString("hex"),
      Buffer.from(bytes.buffer, 7, 5).toString("hex"),
    );
    assert.ok(PortableBuffer.isBuffer(PortableBuffer.alloc(3).subarray(1)));
    assert.ok(!PortableBuffer.isBuffer(new Uint8Array(1)));
  });

  it("writes as Node's", () => {
    const [portable, own] = [PortableBuffer.alloc(20, 0x11), Buffer.alloc(20, 0x11)];
    for (const buffer of [portable, own]) {
      buffer.writeUInt16LE(0xabcd, 1);
      buffer.writeUInt32LE(0xfedcba98, 3);
      buffer.writeFloatLE(-1.5, 9);
    }
    assert.equal(portable.toString("hex"), own.toString("hex"));
    assert.equal(PortableBuffer.alloc(3, "x").toString(), "xxx");
  });

  it("recognizes text", () => {
    assert.ok(isUtf8(Buffer.from("grüße")));
    assert.ok(!isUtf8(Uint8Array.of(0x61, 0xc0, 0xaf)));
  });
});

describe("the portable zlib", () => {
  const texts = Array.from({ length: 40 }, (_, i) =>
    Buffer.from(`message ${i}, `.repeat(1 + ((i * 37) % 300))),
  );

  it("deflates what Node's inflates, and the other way round", () => {
    for (const level of [0, 1, 6, 9]) {
      for (const text of texts) {
        const windowBits = 9 + (text.length % 7);
        const ours = portableZlib.deflateRawSync(text, { level, windowBits });
        assert.deepEqual(zlib.inflateRawSync(ours, { windowBits }), text);
        const theirs = zlib.deflateRawSync(text, { level, windowBits });
        assert.deepEqual(
          Buffer.from(portableZlib.inflateRawSync(theirs, { windowBits }) as Uint8Array),
          text,
        );
      }
    }
  });

  it("rejects what Node's rejects", () => {
    const random = randomNumbers(6);
    const verdicts = [0, 0];
    for (let i = 0; i < 300; i++) {
      const stream = zlib.deflateRawSync(texts[i % texts.length]);
      if (i % 3 > 0) stream[random() % stream.length] ^= 1 << (random() & 7);
      const given = i % 7 === 0 ? stream.subarray(0, random() % stream.length) : stream;
      const accepts = holds(() => zlib.inflateRawSync(given));
      assert.equal(
        holds(() => portableZlib.inflateRawSync(given)),
        accepts,
        given.toString("hex"),
      );
      verdicts[Number(accepts)]++;
    }
    assert.ok(verdicts.every((count) => count > 20));
  });
});
