/** Message: a value, and the rules for one. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertValidMessage, isMessage, Message, type MessageType } from "../../../src/protocol/index.js";
import { NOT_BYTES, ofAnotherRealm } from "../../support/bytes.js";
import { hex, utf8 } from "../../support/hex.js";

const TYPES: readonly MessageType[] = ["text", "binary", "ping", "pong", "close"];

describe("Message", () => {
  it("has what it was made with", () => {
    const message = new Message("bye", "close", false, 1001);
    assert.deepEqual({ ...message }, { data: "bye", type: "close", partial: false, code: 1001 });
    assert.deepEqual(
      { ...new Message(hex("01"), "binary") },
      {
        data: hex("01"),
        type: "binary",
        partial: false,
        code: undefined,
      },
    );
    assert.equal(new Message("a", "text", true).partial, true);
  });

  it("is a string: text as it is, bytes decoded", () => {
    assert.equal(String(new Message("é", "text")), "é");
    assert.equal(String(new Message(utf8("水"), "text")), "水");
    assert.equal(`${new Message(hex("ff"), "binary")}`, "�");
  });

  it("is known from what only looks like one", () => {
    assert.ok(isMessage(new Message("", "text")));
    for (const other of [{ data: "", type: "text", partial: false }, "text", null, undefined, 1]) {
      assert.equal(isMessage(other), false);
    }
  });
});

describe("assertValidMessage", () => {
  it("accepts messages that can be sent", () => {
    for (const type of ["binary", "ping", "pong", "text"] as const) {
      assertValidMessage(new Message(hex("01"), type));
      assertValidMessage(new Message(ofAnotherRealm(hex("01")), type));
    }
    assertValidMessage(new Message("", "text", true));
    assertValidMessage(new Message(hex(""), "binary", true));
    assertValidMessage(new Message("reason", "close"));
  });

  it("refuses anything that is not a message at all", () => {
    for (const wrong of [undefined, null, 1, "text", {}, { data: "x" }, { type: "text" }, []]) {
      assert.throws(() => assertValidMessage(wrong), TypeError, String(wrong));
    }
    for (const type of ["", "TEXT", "continuation", 1, "__proto__"]) {
      assert.throws(() => assertValidMessage(new Message("", type as MessageType)), /type must be/);
    }
  });

  it("refuses data of another type", () => {
    for (const type of TYPES) {
      for (const wrong of NOT_BYTES) {
        if (typeof wrong === "string" && (type === "text" || type === "close")) continue;
        assert.throws(
          () => assertValidMessage(new Message(wrong as string, type)),
          new RegExp(`the data of a ${type} message`),
        );
      }
    }
    assert.throws(() => assertValidMessage(new Message(hex("01"), "close")), TypeError);
  });

  it("refuses parts of control frames (§5.5)", () => {
    assert.throws(() => assertValidMessage(new Message(hex(""), "ping", true)), /cannot be partial/);
    assert.throws(() => assertValidMessage(new Message(hex(""), "pong", true)), /cannot be partial/);
    assert.throws(() => assertValidMessage(new Message("", "close", true)), /cannot be partial/);
  });
});
