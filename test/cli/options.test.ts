/** Parsing and validation of arguments, in this process: what a UsageError becomes is in program.test.ts. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CONNECT_OPTIONS, integer, parse, seconds, targetOf, UsageError } from "../../src/cli/options.js";

/** Asserts that arguments are refused, with a message of our own. */
function refused(task: () => unknown, message: string | RegExp): void {
  assert.throws(task, (error) => {
    assert.ok(error instanceof UsageError, String(error));
    if (typeof message === "string") assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });
}

describe("parse", () => {
  it("gives values and positionals", () => {
    const { values, positionals } = parse(["-H", "a: 1", "x", "--header=b: 2"], CONNECT_OPTIONS, ["URL"]);
    assert.deepEqual(values.header, ["a: 1", "b: 2"]);
    assert.deepEqual(positionals, ["x"]);
  });

  it("refuses what it does not know", () => {
    refused(() => parse(["--nothing"], {}, []), "there is no option --nothing");
    refused(() => parse(["-Z"], {}, []), "there is no option -Z");
    refused(
      () => parse(["--orign=x"], CONNECT_OPTIONS, []),
      "there is no option --orign: did you mean --origin?",
    );
    refused(
      () => parse(["--head"], CONNECT_OPTIONS, []),
      "there is no option --head: did you mean --header?",
    );
    refused(() => parse(["--origin"], CONNECT_OPTIONS, []), /--origin <value>/);
    refused(() => parse(["--insecure=1"], CONNECT_OPTIONS, []), /--insecure/);
    refused(() => parse(["a"], {}, []), 'expected no argument beside options, not also "a"');
    refused(() => parse(["a", "b"], {}, ["URL"]), 'expected only URL beside options, not also "b"');
  });
});

describe("integer", () => {
  it("takes decimal digits in a range", () => {
    assert.deepEqual(
      ["0", "7", "65535", "007"].map((text) => integer(text, "PORT", 0, 65535)),
      [0, 7, 65535, 7],
    );
  });

  for (const text of ["", " 1", "-1", "+1", "1.0", "1e3", "0x10", "65536", "ten", "9".repeat(400)]) {
    it(`refuses "${text.slice(0, 10)}"`, () => {
      refused(
        () => integer(text, "PORT", 0, 65535),
        `PORT must be a whole number from 0 to 65535, not "${text}"`,
      );
    });
  }
});

describe("seconds", () => {
  it("gives milliseconds", () => {
    assert.deepEqual(
      ["0", "2", "0.5", ".25", "3."].map((text) => seconds(text, "--wait")),
      [0, 2000, 500, 250, 3000],
    );
  });

  for (const text of ["", ".", "-1", "1s", "1e3", "Infinity", "2147484"]) {
    it(`refuses "${text}"`, () => {
      refused(
        () => seconds(text, "--wait"),
        `--wait must be a number of seconds, such as 2 or 0.5, not "${text}"`,
      );
    });
  }
});

describe("targetOf", () => {
  const URLS: [given: string, url: string][] = [
    ["ws://example.com/a?b", "ws://example.com/a?b"],
    ["WSS://example.com", "WSS://example.com"],
    ["http://example.com", "http://example.com"],
    ["example.com/chat?to=ws://other", "ws://example.com/chat?to=ws://other"],
    ["localhost:8080", "ws://localhost:8080"],
    [":8080", "ws://localhost:8080"],
    ["[::1]:8080", "ws://[::1]:8080"],
  ];
  for (const [given, url] of URLS) {
    it(`takes ${given}`, () => assert.equal(targetOf(given, {}).url, url));
  }

  it("takes every option", () => {
    assert.deepEqual(targetOf("ws://h", {}).options, {
      headers: [],
      protocol: [],
      redirect: false,
      perMessageDeflate: false,
      proxy: true,
    });
    const values = {
      header: ["X-One:  1 ", "x-one:2", "X-Colons: a:b:c"],
      subprotocol: ["chat", "superchat"],
      origin: "https://example.com",
      auth: "user:pass:word",
      insecure: true,
      redirect: true,
      compress: true,
      proxy: "http://user:pass@127.0.0.1:3128",
    };
    assert.deepEqual(targetOf("ws://h", values).options, {
      headers: [
        ["X-One", "1"],
        ["x-one", "2"],
        ["X-Colons", "a:b:c"],
      ],
      protocol: ["chat", "superchat"],
      origin: "https://example.com",
      auth: { username: "user", password: "pass:word" },
      redirect: true,
      perMessageDeflate: true,
      proxy: "http://user:pass@127.0.0.1:3128",
      tls: { rejectUnauthorized: false },
    });
  });

  it("takes no proxy by none", () => {
    assert.equal(targetOf("ws://h", { proxy: "none" }).options.proxy, false);
  });

  const BAD: [name: string, task: () => unknown, message: RegExp][] = [
    ["no URL", () => targetOf(undefined, {}), /^expected a URL, such as ws:/],
    [
      "a proxy of another kind",
      () => targetOf("ws://h", { proxy: "socks5://h:1" }),
      /^--proxy must be a URL/,
    ],
    ["a proxy without a scheme", () => targetOf("ws://h", { proxy: "h:3128" }), /^--proxy must be a URL/],
    ["a certificate without its key", () => targetOf("wss://h", { cert: "a" }), /^--cert and --key belong/],
    [
      "a file that is not there",
      () => targetOf("wss://h", { ca: "/nowhere/a" }),
      /^--ca must be a file: ENO/,
    ],
    [
      "a file that is not a certificate",
      () => targetOf("wss://h", { ca: "package.json" }),
      /^--ca .* no BEGIN/,
    ],
    ["a URL of something else", () => targetOf("ftp://h", {}), /^the scheme of a WebSocket URL must be ws,/],
    ["a URL that is none", () => targetOf("ws://", {}), /^a WebSocket URL must be absolute/],
    ["a fragment", () => targetOf("ws://h/#a", {}), /no fragment/],
    [
      "a header without colon",
      () => targetOf("h", { header: ["a"] }),
      /^a header must be 'Name: value', not "a"$/,
    ],
    [
      "a header without name",
      () => targetOf("h", { header: [": 1"] }),
      /^the name of a header must be a token/,
    ],
    ["a header with a line end", () => targetOf("h", { header: ["a: 1\r\nb: 2"] }), /no control characters/],
    ["a header of the handshake", () => targetOf("h", { header: ["Upgrade: x"] }), /the handshake's own/],
    ["a header that is an option too", () => targetOf("h", { header: ["Origin: x"], origin: "y" }), /twice/],
    ["a subprotocol that is not a token", () => targetOf("h", { subprotocol: ["a b"] }), /subprotocol/i],
    ["a subprotocol twice", () => targetOf("h", { subprotocol: ["a", "a"] }), /subprotocol/i],
    ["auth without colon", () => targetOf("h", { auth: "secret" }), /^--auth must be USER:PASSWORD/],
  ];
  for (const [name, task, message] of BAD) it(`refuses ${name}`, () => refused(task, message));

  it("does not repeat half a secret", () => {
    assert.throws(
      () => targetOf("h", { auth: "hunter2" }),
      (error: Error) => !error.message.includes("hunter2"),
    );
  });
});
