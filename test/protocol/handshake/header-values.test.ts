/** Tokens, lists, quoted strings, extensions and subprotocols: RFC 9110 §5.6, RFC 6455 §4.1, §9.1. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import * as ws from "ws";
import {
  asciiLowerCase,
  invalidValueIndex,
  trimWhitespace,
} from "../../../src/protocol/handshake/header-values.js";
import {
  assertHeaderValue,
  assertToken,
  type ExtensionInit,
  isToken,
  listIncludes,
  listProtocols,
  parseExtensions,
  parseProtocols,
  serializeExtensions,
} from "../../../src/protocol/index.js";
import { itHolds } from "../../support/property.js";
import { assertLinear, CountedText, hostileTexts, INJECTIONS, plain } from "../support.js";

/** Exported by ws, though not by its types. */
const { extension, subprotocol } = ws as unknown as {
  extension: { parse(text: string): Record<string, Record<string, (string | true)[]>[]> };
  subprotocol: { parse(text: string): Set<string> };
};

const TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const token = fc
  .array(fc.constantFrom(...TOKEN_CHARACTERS), { minLength: 1, maxLength: 8 })
  .map((characters) => characters.join(""));

describe("tokens", () => {
  it("are of RFC 9110's characters and not empty", () => {
    assert.equal(isToken(""), false);
    for (let code = 0; code < 0x200; code++) {
      const character = String.fromCharCode(code);
      const isOne = TOKEN_CHARACTERS.includes(character);
      assert.equal(isToken(character), isOne, `U+${code.toString(16)}`);
      assert.equal(isToken(`a${character}b`), isOne, `U+${code.toString(16)}`);
    }
  });

  it("are asserted with a message that says what and what not", () => {
    assertToken("permessage-deflate", "it");
    assert.throws(() => assertToken("a b", "the name"), {
      name: "TypeError",
      message: /^the name must be a token .* not "a b"$/,
    });
    for (const bad of ["", " ", "a,b", "é", ...INJECTIONS])
      assert.throws(() => assertToken(bad, "it"), TypeError);
    for (const bad of [undefined, 1, null, ["a"]]) {
      assert.throws(() => assertToken(bad as unknown as string, "it"), TypeError);
    }
  });
});

describe("header values", () => {
  it("have no control characters but the tab, and nothing above U+00FF", () => {
    for (let code = 0; code < 0x200; code++) {
      const isOne = code === 9 || (code >= 0x20 && code !== 0x7f && code <= 0xff);
      const text = `ab${String.fromCharCode(code)}c`;
      assert.equal(invalidValueIndex(text), isOne ? -1 : 2);
      if (isOne) assertHeaderValue(text, "it");
      else assert.throws(() => assertHeaderValue(text, "it"), { name: "TypeError", message: / at 2$/ });
    }
    assert.throws(
      () => assertHeaderValue("a\nb", "the X header"),
      /^TypeError: the X header must .* not U\+000A at 1$/,
    );
    assert.throws(() => assertHeaderValue(1 as unknown as string, "it"), /must be a string, not number/);
  });

  it("are trimmed of spaces and tabs, and of nothing else", () => {
    assert.equal(trimWhitespace(" \t a b\t "), "a b");
    assert.equal(trimWhitespace(" \t "), "");
    assert.equal(trimWhitespace("\u00a0a\n"), "\u00a0a\n");
  });

  it("are compared as ASCII: the Kelvin sign is not a k", () => {
    assert.equal(asciiLowerCase("WebSocKet"), "websocket");
    assert.equal(asciiLowerCase("WEBSOC\u212aET"), "websoc\u212aet");
    assert.equal(asciiLowerCase("ÀÉ"), "ÀÉ");
  });
});

describe("listIncludes", () => {
  it("finds an element of any case among others", () => {
    for (const value of [
      "Upgrade",
      "keep-alive, Upgrade",
      "UPGRADE,close",
      " upgrade ",
      ",,\tupgrade\t,",
      "a,upgrade",
    ]) {
      assert.ok(listIncludes(value, "upgrade"), value);
    }
  });

  it("takes whole elements only", () => {
    for (const value of [
      "",
      ",",
      "upgraded",
      "not upgrade",
      "upgrade;q=1",
      '"upgrade"',
      "up grade",
      "upgrade/1",
    ]) {
      assert.equal(listIncludes(value, "upgrade"), false, value);
    }
  });
});

describe("parseProtocols", () => {
  it("reads the lists of RFC 6455", () => {
    assert.deepEqual(parseProtocols("chat, superchat"), ["chat", "superchat"]);
    assert.deepEqual(parseProtocols("v10.stomp,v11.stomp ,\tmqtt"), ["v10.stomp", "v11.stomp", "mqtt"]);
    assert.deepEqual(parseProtocols(" a , , b ,"), ["a", "b"], "null elements do not count");
    assert.deepEqual(parseProtocols("a, A"), ["a", "A"], "two that differ in case are two");
    assert.deepEqual(parseProtocols("__proto__, constructor"), ["__proto__", "constructor"]);
  });

  it("refuses anything that is not a list of different tokens", () => {
    const bad = [
      "",
      " ",
      ",",
      " , ",
      "a b",
      "a;b",
      "a=b",
      '"a"',
      "a, a",
      "a, b, a",
      "é",
      "a,b\0",
      "a/b",
      "(a)",
      "a:b",
    ];
    for (const value of bad) assert.equal(parseProtocols(value), undefined, JSON.stringify(value));
  });
});

describe("listProtocols", () => {
  it("takes a list, or a text with commas", () => {
    assert.deepEqual(listProtocols(), []);
    assert.deepEqual(listProtocols(""), []);
    assert.deepEqual(listProtocols(" "), []);
    assert.deepEqual(listProtocols([]), []);
    assert.deepEqual(listProtocols("chat"), ["chat"]);
    assert.deepEqual(listProtocols("chat, superchat"), ["chat", "superchat"]);
    assert.deepEqual(listProtocols(["chat", "superchat"]), ["chat", "superchat"]);
  });

  it("throws the error that browsers and ws throw", () => {
    const bad = [
      "a,a",
      "a b",
      ",",
      ["a", "a"],
      [""],
      ["a,b"],
      ["a b"],
      ["é"],
      [undefined],
      ...INJECTIONS.map((text) => [text]),
    ];
    for (const protocols of bad) {
      assert.throws(() => listProtocols(protocols as string[]), SyntaxError, JSON.stringify(protocols));
    }
  });
});

describe("parseExtensions", () => {
  it("reads the examples of RFC 6455 §9.1 and RFC 7692 §7.1", () => {
    const cases: [string, unknown][] = [
      ["foo", [["foo", []]]],
      ["bar; baz=2", [["bar", [["baz", "2"]]]]],
      [
        "foo, bar; baz=2",
        [
          ["foo", []],
          ["bar", [["baz", "2"]]],
        ],
      ],
      ["deflate-stream", [["deflate-stream", []]]],
      [
        "mux; max-channels=4; flow-control, deflate-stream",
        [
          [
            "mux",
            [
              ["max-channels", "4"],
              ["flow-control", true],
            ],
          ],
          ["deflate-stream", []],
        ],
      ],
      ["private-extension", [["private-extension", []]]],
      [
        "permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate; client_max_window_bits",
        [
          [
            "permessage-deflate",
            [
              ["client_max_window_bits", true],
              ["server_max_window_bits", "10"],
            ],
          ],
          ["permessage-deflate", [["client_max_window_bits", true]]],
        ],
      ],
    ];
    for (const [value, expected] of cases) assert.deepEqual(plain(parseExtensions(value)), expected, value);
  });

  it("unquotes quoted values, which must then be tokens", () => {
    const values: [string, string][] = [
      ['a; b="c"', "c"],
      ['a; b="\\c"', "c"],
      ['a; b="c\\d\\e"', "cde"],
      ['a; b = "c" ', "c"],
    ];
    for (const [value, expected] of values) {
      assert.deepEqual(plain(parseExtensions(value)), [["a", [["b", expected]]]], value);
    }
    const bad = [
      'a; b=""',
      'a; b="',
      'a; b="c',
      'a; b="c\\"',
      'a; b="c d"',
      'a; b="c,d"',
      'a; b="\\\\"',
      'a; b="\\""',
    ];
    bad.push(
      'a; b="c"d',
      'a; b=c"d"',
      'a; "b"',
      '"a"',
      'a; b="c" d',
      'a; b="c""d"',
      'a; b="\\',
      'a; b="\\é"',
    );
    for (const value of bad) assert.equal(parseExtensions(value), undefined, value);
  });

  it("keeps the order and repetitions", () => {
    const value = "b; y; x=1; y=2; x; 10=a; 9=b, a, b";
    const expected = [
      [
        "b",
        [
          ["y", true, "2"],
          ["x", "1", true],
          ["10", "a"],
          ["9", "b"],
        ],
      ],
      ["a", []],
      ["b", []],
    ];
    assert.deepEqual(plain(parseExtensions(value)), expected);
  });

  it("passes over whitespace and null elements, as RFC 2616 §2.1 has it", () => {
    const expected = [
      [
        "a",
        [
          ["b", "c"],
          ["d", true],
        ],
      ],
      ["e", []],
    ];
    for (const value of ["a;b=c;d,e", " a ; b = c ; d , e ", "\ta\t;\tb\t=\tc;d,,,e,", ", a;b=c;d, ,e , "]) {
      assert.deepEqual(plain(parseExtensions(value)), expected, value);
    }
  });

  it("refuses every malformed list", () => {
    const bad = [
      "",
      " ",
      ",",
      ", ,",
      ";",
      "=",
      "a;",
      "a; ",
      "a;;b",
      "a; ;b",
      "a;,b",
      "a; b=",
      "a; b=;c",
      "a; b=,c",
    ];
    bad.push(
      "a; =c",
      "a b",
      "a; b c",
      "a; b=c d",
      "a=b",
      "a/b",
      "a; b=c=d",
      "a; b==c",
      "é",
      "a; é",
      "a; b=é",
      "a\0",
    );
    bad.push("a\r\nb", "a\u00a0", "a; b={c}", "(a)", "a; b=[c]", "a:b", "a; b=c;");
    for (const value of bad) assert.equal(parseExtensions(value), undefined, JSON.stringify(value));
  });

  it("GHSA-5v72-xg48-5rpm: names of Object.prototype are names like others", () => {
    for (const name of [
      "constructor",
      "__proto__",
      "toString",
      "hasOwnProperty",
      "__defineGetter__",
      "valueOf",
    ]) {
      assert.deepEqual(plain(parseExtensions(name)), [[name, []]]);
      const value = `${name}; ${name}; ${name}=${name}`;
      const [read] = parseExtensions(value) ?? [];
      assert.deepEqual([...read.parameters], [[name, [true, name]]]);
      assert.equal(parseExtensions("a; b")?.[0].parameters.get(name), undefined);
      assert.equal(serializeExtensions([read]), value);
    }
    assert.equal(({} as Record<string, unknown>).b, undefined);
  });
});

describe("serializeExtensions", () => {
  it("writes what parseExtensions reads, and records too", () => {
    assert.equal(serializeExtensions([]), "");
    const list: ExtensionInit[] = [
      {
        name: "permessage-deflate",
        parameters: { client_max_window_bits: true, server_max_window_bits: 10, x: false, y: undefined },
      },
      { name: "a", parameters: new Map([["b", ["c", true] as const]]) },
      { name: "d" },
    ];
    const text = "permessage-deflate; client_max_window_bits; server_max_window_bits=10, a; b=c; b, d";
    assert.equal(serializeExtensions(list), text);
  });

  it("refuses anything that is not a token: CVE-2026-1527", () => {
    for (const bad of ["", "a b", "a;b", "é", ...INJECTIONS]) {
      assert.throws(() => serializeExtensions([{ name: bad }]), TypeError);
      assert.throws(() => serializeExtensions([{ name: "a", parameters: { [bad]: true } }]), TypeError);
      assert.throws(() => serializeExtensions([{ name: "a", parameters: { b: bad } }]), TypeError);
      assert.throws(() => serializeExtensions([{ name: "a", parameters: { b: ["c", bad] } }]), TypeError);
    }
  });

  const value = fc.oneof(token, fc.constant(true as const));
  const extensions = fc.array(
    fc.record({
      name: token,
      parameters: fc
        .uniqueArray(fc.tuple(token, fc.array(value, { minLength: 1, maxLength: 3 })), {
          selector: ([name]) => name,
        })
        .map((entries) => new Map(entries)),
    }),
    { minLength: 1, maxLength: 4 },
  );
  itHolds("is the inverse of parseExtensions", 500, extensions, (list) => {
    assert.deepEqual(plain(parseExtensions(serializeExtensions(list))), plain(list));
  });
  itHolds("round trips a list of subprotocols", 300, fc.uniqueArray(token, { minLength: 1 }), (list) => {
    assert.deepEqual(parseProtocols(list.join(", ")), list);
    assert.deepEqual(listProtocols(list.join(",")), list);
  });
});

/**
 * What ws takes, hawser takes and reads alike. What hawser takes beyond that:
 * - whitespace at either end and around "=", which §9.1 allows by "the implied *LWS rule";
 * - null elements, as in "a,,b", which `1#` of RFC 2616 §2.1 allows.
 * So a text that only hawser takes has one of those, and ws takes it once it is serialized again.
 */
describe("compared with ws", () => {
  const piece = fc.constantFrom(
    "a",
    "b",
    "cd",
    "constructor",
    " ",
    "\t",
    ",",
    ";",
    "=",
    '"',
    "\\",
    "é",
    "; x=",
    ", ",
    '="y"',
  );
  const text = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(""));
  const LOOSER = /[ \t]|,,|^,|,$/;

  function attempt<T>(parse: () => T): T | undefined {
    try {
      return parse();
    } catch (error) {
      assert.ok(error instanceof SyntaxError);
      return undefined;
    }
  }

  /** Grouped by name, as ws gives them. */
  function grouped(value: string) {
    const groups: [string, unknown[]][] = [];
    for (const { name, parameters } of parseExtensions(value) ?? []) {
      let group = groups.find(([given]) => given === name);
      if (group === undefined) groups.push((group = [name, []]));
      group[1].push(Object.fromEntries(parameters));
    }
    return groups;
  }

  const plainOffers = (offers: ReturnType<typeof extension.parse>) =>
    Object.entries(offers).map(([name, list]) => [name, list.map((parameters) => ({ ...parameters }))]);

  itHolds("extensions", 5000, text, (value) => {
    const ours = parseExtensions(value);
    const theirs = attempt(() => extension.parse(value));
    if (theirs !== undefined) assert.deepEqual(grouped(value), plainOffers(theirs));
    else if (ours !== undefined) {
      assert.match(value, LOOSER);
      assert.deepEqual(grouped(value), plainOffers(extension.parse(serializeExtensions(ours))));
    }
  });

  itHolds("subprotocols", 5000, text, (value) => {
    const ours = parseProtocols(value);
    const theirs = attempt(() => subprotocol.parse(value));
    if (theirs !== undefined) assert.deepEqual(ours, [...theirs]);
    else if (ours !== undefined) {
      assert.match(value, LOOSER);
      assert.deepEqual([...subprotocol.parse(ours.join(","))], ours);
    }
  });
});

describe("every value is read once", () => {
  const SIZE = 1 << 20;
  for (const [name, text] of hostileTexts(SIZE)) {
    it(`CVE-2021-32640, CVE-2020-7662: a megabyte of ${name}`, () => {
      for (const parse of [parseExtensions, parseProtocols]) {
        const counted = new CountedText(text);
        parse(counted as unknown as string);
        assert.ok(counted.operations < 8 * SIZE, `${parse.name}: ${counted.operations} for ${text.length}`);
      }
    });
  }

  it("in linear time too", () => {
    const hostile = (size: number) => hostileTexts(size).map(([, text]) => text);
    const parsers = {
      parseExtensions,
      parseProtocols,
      trimWhitespace,
      isToken,
      asciiLowerCase,
      invalidValueIndex,
    };
    for (const [name, parse] of Object.entries(parsers)) {
      assertLinear(
        name,
        (size) => {
          const texts = hostile(size);
          return () => {
            for (const text of texts) parse(text);
          };
        },
        2048,
      );
    }
    assertLinear(
      "listIncludes",
      (size) => {
        const texts = hostile(size);
        return () => {
          for (const text of texts) listIncludes(text, "upgrade");
        };
      },
      2048,
    );
  });

  it("and the check of that can fail", () => {
    const quadratic = (size: number) => () => void /\s+$/.test(`${" ".repeat(size)}a`);
    assert.throws(() => assertLinear("a regular expression that CVE-2021-32640 was about", quadratic, 512));
  });
});
