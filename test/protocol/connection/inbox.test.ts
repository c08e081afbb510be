/** Inbox: messages that wait to be received, and when reading should stop. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LimitError } from "../../../src/codec/index.js";
import { Inbox, type InboxOwner, Message } from "../../../src/protocol/index.js";
import { hex, toHex, utf8 } from "../../support/hex.js";

class Owner implements InboxOwner {
  pulls = 0;
  isFinished = false;
  readonly errors: LimitError[] = [];
  onPull: () => void = () => undefined;
  pull(): void {
    this.pulls++;
    this.onPull();
  }
  onTooBig(error: LimitError): void {
    this.errors.push(error);
  }
}

const text = (data: string, partial = false) => new Message(data, "text", partial);

describe("Inbox", () => {
  it("returns waiting messages, then waits itself, in order", async () => {
    const inbox = new Inbox(new Owner(), 1000);
    inbox.push(text("a"));
    const received = [inbox.receive(), inbox.receive(), inbox.receive()];
    inbox.push(text("b"));
    inbox.push(text("c"));
    assert.deepEqual((await Promise.all(received)).map(String), ["a", "b", "c"]);
    assert.equal(inbox.tryReceive(), undefined);
    inbox.push(text("d"));
    assert.equal(String(inbox.tryReceive()), "d");
  });

  it("is full above its mark, and asks for more when half of that is gone", async () => {
    const owner = new Owner();
    const inbox = new Inbox(owner, 1000);
    for (let i = 0; i < 8; i++) inbox.push(text("x".repeat(100)));
    assert.equal(inbox.isFull, true);
    await inbox.receive();
    assert.deepEqual([inbox.isFull, owner.pulls], [true, 0]);
    while (inbox.isFull) await inbox.receive();
    assert.equal(owner.pulls, 0, "not yet: a stream that stops and goes for each message is slow");
    while (owner.pulls === 0) await inbox.receive();
    assert.equal(inbox.isFull, false);
  });

  it("counts empty messages too", () => {
    const inbox = new Inbox(new Owner(), 10_000);
    for (let i = 0; i < 1000; i++) inbox.push(text(""));
    assert.equal(inbox.isFull, true);
  });

  it("takes what its owner finds when it is asked", async () => {
    const owner = new Owner();
    const inbox = new Inbox(owner, 1000);
    owner.onPull = () => {
      owner.onPull = () => undefined;
      inbox.push(text("found"));
    };
    assert.equal(String(await inbox.receive()), "found");
  });

  it("ends: a receive that waits gets undefined, and so does a later one, once no message is left", async () => {
    const owner = new Owner();
    const inbox = new Inbox(owner, 1000);
    const waiting = inbox.receive();
    owner.isFinished = true;
    inbox.end();
    assert.equal(await waiting, undefined);
    inbox.push(text("kept"));
    assert.equal(String(await inbox.receive()), "kept");
    assert.equal(await inbox.receive(), undefined);
  });

  it("puts parts together, bytes and strings, and passes control frames on", async () => {
    const inbox = new Inbox(new Owner(), 1000);
    for (const message of [
      text("a", true),
      text("é", true),
      text(""),
      new Message(hex("01"), "binary", true),
      new Message(hex("02"), "binary"),
      new Message(utf8("水").subarray(0, 1), "text", true),
      new Message(utf8("水").subarray(1), "text"),
      new Message(hex("09"), "ping"),
    ]) {
      inbox.push(message);
    }
    assert.equal((await inbox.receiveAll(3))?.data, "aé");
    assert.equal(toHex((await inbox.receiveAll(2))?.data as Uint8Array), "0102");
    const bytes = await inbox.receiveAll(3);
    assert.deepEqual([bytes?.type, String(bytes)], ["text", "水"]);
    assert.equal((await inbox.receiveAll(0))?.type, "ping");
  });

  it("judges what it puts together by bytes", async () => {
    const owner = new Owner();
    const inbox = new Inbox(owner, 1000);
    inbox.push(text("é", true));
    inbox.push(text("é"));
    await assert.rejects(inbox.receiveAll(3), { name: "LimitError", limit: 3, actual: 4 });
    assert.equal(owner.errors.length, 1);
  });
});
