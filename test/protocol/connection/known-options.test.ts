/** Options by name: an unknown one is an error that suggests the right name. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { assertHandlers, assertKnownOptions, isPlainObject } from "../../../src/protocol/index.js";

const KNOWN = ["port", "maxMessageSize", "authorize"];
const HINTS = { verifyClient: "authorize decides who may connect" };

function messageOf(options: unknown): string {
  try {
    assertKnownOptions(options, KNOWN, HINTS, "serve");
  } catch (error) {
    assert.ok(error instanceof TypeError);
    return error.message;
  }
  return "";
}

it("accepts known names, undefined values, and properties of a class", () => {
  class Own {
    port = 1;
    rooms = new Map();
  }
  for (const options of [
    {},
    { port: 1 },
    { typo: undefined },
    Object.create(null),
    new Own(),
    { [Symbol()]: 1 },
  ]) {
    assert.equal(messageOf(options), "");
  }
});

it("names the option and the one that is meant", () => {
  assert.equal(messageOf({ prt: 1 }), 'serve has no option "prt": did you mean port?');
  assert.equal(
    messageOf({ maxMessagesize: 1 }),
    'serve has no option "maxMessagesize": did you mean maxMessageSize?',
  );
  assert.equal(messageOf({ authorise: 1 }), 'serve has no option "authorise": did you mean authorize?');
  const hinted = 'serve has no option "verifyClient": authorize decides who may connect';
  assert.equal(messageOf({ verifyClient: () => false }), hinted);
  for (const name of ["somethingElse", "x".repeat(100_000), "__proto__x", "constructor", "toString", ""]) {
    assert.equal(messageOf({ [name]: 1 }), `serve has no option ${JSON.stringify(name)}`);
  }
  assert.match(messageOf(Object.assign(Object.create(null), { nope: 1 })), /no option "nope"/);
});

it("takes nothing but an object", () => {
  for (const options of [null, 5, "x", true, () => {}])
    assert.match(messageOf(options), /^serve takes an object/);
});

it("takes handlers that exist and can be called", () => {
  const assertAll = (handlers: unknown, before?: object) =>
    assertHandlers(handlers, ["open", "message"], { onopen: "it is open" }, "here", before);
  class Room {
    members = new Set();
    open(): void {}
  }
  for (const handlers of [{}, { open() {} }, { message: undefined, typo: undefined }, new Room()])
    assertAll(handlers);
  // As by `{ ...connection.handlers, message() {} }`, where these are the options of a server.
  const options = { port: 5, open() {} };
  assertAll({ ...options, message() {} }, options);
  for (const [handlers, message] of [
    [{ mesage() {} }, 'here can have no handler "mesage": did you mean message?'],
    [{ onopen() {} }, 'here can have no handler "onopen": it is open'],
    [{ port: 5 }, 'here can have no handler "port"'],
    [{ message: 5 }, "message must be a function, not 5"],
    [{ open: null }, "open must be a function, not null"],
    [Object.assign(new Room(), { message: {} }), "message must be a function, not [object Object]"],
    [null, "here must be an object of handlers, not null"],
    ["x", 'here must be an object of handlers, not "x"'],
  ] as const) {
    assert.throws(() => assertAll(handlers), { name: "TypeError", message });
  }
  assert.throws(() => assertAll({ ...options, port: 6 }, options), TypeError);
});

it("isPlainObject: of this realm or another, and of no class", () => {
  for (const plain of [{}, Object.create(null)]) assert.ok(isPlainObject(plain));
  for (const other of [[], new Map(), new Error("x"), new (class {})(), Promise.resolve()]) {
    assert.equal(isPlainObject(other), false);
  }
});
