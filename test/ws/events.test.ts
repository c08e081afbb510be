/** addEventListener and the attributes: what their listeners get, and how they mix with those of the emitter. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import WebSocket from "../../src/ws/index.js";

/** A WebSocket of no connection: events are emitted by the test. */
const make = () => new WebSocket(null, undefined, {});

describe("listeners", () => {
  test("get events with the target, the type and what belongs to it", () => {
    const webSocket = make();
    const got: unknown[] = [];
    for (const type of ["open", "message", "error", "close"] as const) {
      webSocket.addEventListener(type, function (this: WebSocket, event) {
        assert.equal(this, webSocket);
        assert.equal(event.target, webSocket);
        const names: string[] = [];
        for (const name in event) names.push(name);
        const members = event as unknown as Record<string, unknown>;
        got.push(
          Object.fromEntries(names.filter((name) => name !== "target").map((name) => [name, members[name]])),
        );
      });
    }
    const error = new Error("why");
    webSocket.emit("open");
    webSocket.emit("message", Buffer.from("text"), false);
    webSocket.emit("message", Buffer.from("bytes"), true);
    webSocket.emit("error", error);
    webSocket.emit("close", 1000, Buffer.from("end"));
    assert.deepEqual(got, [
      { type: "open" },
      { data: "text", type: "message" },
      { data: Buffer.from("bytes"), type: "message" },
      { error, message: "why", type: "error" },
      { code: 1000, reason: "end", wasClean: false, type: "close" },
    ]);
  });

  test("are added once, may be objects, and are removed", () => {
    const webSocket = make();
    let count = 0;
    const listener = () => count++;
    const object = { handleEvent: listener };
    for (let i = 0; i < 2; i++) {
      webSocket.addEventListener("open", listener);
      webSocket.addEventListener("open", object);
    }
    webSocket.addEventListener("open", () => count++, { once: true });
    webSocket.addEventListener("other" as never, listener);
    assert.equal(webSocket.listenerCount("open"), 3);
    webSocket.emit("open");
    webSocket.removeEventListener("open", object);
    webSocket.emit("open");
    assert.equal(count, 4);
    webSocket.removeAllListeners("open");
    assert.equal(webSocket.listenerCount("open"), 0);
  });

  test("an attribute is one listener, and no other's", () => {
    const webSocket = make();
    const first = () => {};
    const second = () => {};
    webSocket.on("open", first);
    webSocket.onopen = first;
    webSocket.onopen = second;
    assert.equal(webSocket.onopen, second);
    assert.equal(webSocket.listenerCount("open"), 2);
    webSocket.onopen = null;
    assert.equal(webSocket.onopen, null);
    assert.deepEqual(webSocket.listeners("open"), [first]);
    webSocket.onclose = "nothing" as never;
    assert.equal(webSocket.listenerCount("close"), 0);
  });
});
