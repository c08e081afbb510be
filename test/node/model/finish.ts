/** Brings a connection to its end, and checks the invariants of the end. */

import assert from "node:assert/strict";
import { settle } from "../../support/sockets.js";
import { countFrames } from "./wire.js";
import type { World } from "./world.js";

/** Turns of the event loop without any change after which nothing more is to come. */
const QUIET_TURNS = 6;
const MOST_TURNS = 2000;

/** Lets the event loop turn until nothing changes. */
async function settleDown(world: World): Promise<void> {
  const { connection, transport, received, told } = world;
  let before = "";
  for (let quiet = 0, turns = 0; quiet < QUIET_TURNS; turns++) {
    assert.ok(turns < MOST_TURNS, "it comes to no rest");
    await settle(1);
    // Where there is a handler, all must come to it.
    if (connection.handlers.message === undefined) world.receiveAll();
    world.check();
    const count = received.filter((message) => message !== undefined).length;
    const { bufferedAmount, state } = connection;
    const now = [
      count,
      told.length,
      transport.takenLength,
      transport.handedLength,
      bufferedAmount,
      state,
    ].join();
    quiet = now === before ? quiet + 1 : 0;
    before = now;
  }
}

/** Takes every reason to wait away. */
async function letEverythingGo(world: World): Promise<void> {
  const { connection, transport, peer, blobs, wire } = world;
  world.forgetReactions();
  transport.letGo();
  peer.give();
  for (const blob of blobs.splice(0)) blob.settle(true);
  await settleDown(world);
  connection.resume();
  if (wire.isSendingParts) world.call({ do: "part", type: "text", final: true, size: 3 });
  await settleDown(world);
}

/** All that was sent has arrived, on both sides. */
function checkAtRest(world: World): void {
  const { connection, transport, wire, peer, setup, told } = world;
  if (world.isTerminated || transport.destroyed) return;
  assert.equal(transport.readableLength, 0, "bytes that are not read");
  assert.equal(connection.bufferedAmount, 0, "bufferedAmount when everything was taken");
  wire.assertComplete();
  checkReceived(world);
  if (connection.state !== "open") return;
  assert.equal(peer.stop, undefined, "the connection is open, and the peer has closed it");
  assert.equal(world.wantsDrain && setup.handles && wasTold(world), false, "drain was not told");
  const pings = peer.events.filter(({ kind }) => kind === "ping").map(({ what }) => what);
  assert.equal(wire.pongs.at(-1), pings.at(-1), "the newest Ping has its Pong");
  if (!transport.wasHeld && setup.transportMark >= 1 << 20) assert.deepEqual(wire.pongs, pings);
  assert.deepEqual(
    wire.pongs,
    pings.filter((ping) => wire.pongs.includes(ping)),
    "Pongs in order, each once",
  );
  for (const [name, { isSettled }] of world.promises) {
    if (/^drained/.test(name)) assert.ok(isSettled, `${name} has not settled, and there is room`);
  }
  const answered = told.filter((each) => /^pong o/.test(each)).map((each) => each.slice(5));
  for (const payload of answered) {
    const ping = world.promises.get(payload);
    if (ping !== undefined) assert.equal(typeof ping.value, "number", `the Ping ${payload} was answered`);
  }
}

/** Whether the last send that found too much waiting found it: `drained` may have been what wanted room. */
function wasTold({ connection }: World): boolean {
  return connection.bufferedAmount > 0;
}

/** Every message that arrived before the end of delivery was handed out. */
function checkReceived(world: World): void {
  const { connection, received, kept } = world;
  if (world.isSpoiled) return;
  const count = received.filter((message) => message !== undefined).length;
  assert.equal(count, kept ?? world.sentMessages().length, "messages that were handed out");
  if (kept === undefined) assert.equal(connection.counters.messagesIn, count, "messagesIn");
}

async function end(world: World): Promise<void> {
  const { connection, transport, peer, setup } = world;
  switch (setup.ending) {
    case "peer closes":
      peer.send("close", 0, 0, Infinity, false);
      break;
    case "we close":
      world.close(3000);
      break;
    case "terminate":
      world.terminate();
      break;
    case "destroy":
      transport.destroy();
      break;
    case "fail":
      transport.destroy(new Error("the transport failed"));
      break;
    case "end":
      peer.end();
      break;
  }
  await settleDown(world);
  checkAtRest(world);
  // A peer that keeps the rules answers a Close, and ends its side.
  if (connection.state !== "closed" && peer.stop === undefined) peer.send("close", 0, 0, Infinity, false);
  await settleDown(world);
  peer.end();
  await settleDown(world);
}

export async function finish(world: World): Promise<void> {
  const { connection, transport, told } = world;
  world.track("closed", connection.closed);
  await letEverythingGo(world);
  checkAtRest(world);
  await end(world);

  assert.ok(transport.destroyed, "the transport is left open");
  assert.equal(connection.state, "closed");
  assert.equal(
    told.filter((each) => /^close /.test(each)).length,
    1,
    `close is reported once, of ${told.join()}`,
  );
  for (const [name, { isSettled }] of world.promises) assert.ok(isSettled, `${name} has not settled`);
  const { value } = world.promises.get("closed") as { value: { code: number; reason: string } };
  assert.deepEqual(value, { code: connection.closeCode, reason: connection.closeReason });
  world.receiveAll();
  checkReceived(world);
  const errors = told.filter((each) => each === "error ").length;
  const isLost = /transport failed/.test(String(connection.error));
  if (world.hasBug && !isLost) assert.equal(errors, 1, "the error of a handler is reported");
  else if (connection.error === undefined) assert.equal(errors, 0);
  const { framesOut, messagesOut } = connection.counters;
  assert.deepEqual(
    { frames: framesOut, messages: messagesOut },
    countFrames(transport.handed),
    "frames that the transport was given",
  );
}
