/** The process of `npm run bench:fairness` that sends, on one connection, as much as it can. */

import { setTimeout as sleep } from "node:timers/promises";
import { constants, deflateRawSync } from "node:zlib";
import { writeFrame, writeTextFrame } from "../../micro/payloads.js";
import { answer } from "../calls.js";
import { type Client, openClient } from "../client.js";
import { offerOf } from "../deflate.js";

const KEY = Buffer.alloc(4);
const SMALL_FRAMES = 20_000;
const STRAY_PONGS = 52_000;
const BOMB_LENGTH = 15 * 1024 * 1024;

/** What the server does for a new connection is done by then. */
const HANDSHAKE_MS = 200;

/** The bytes that are sent over and over. */
const ATTACKS = {
  /** Small text messages. */
  flood: () => Buffer.concat(Array(SMALL_FRAMES).fill(writeFrame("hi", KEY))),
  /** Binary messages that inflate to 15 MiB. */
  bombs: () => {
    const flushed = deflateRawSync(Buffer.alloc(BOMB_LENGTH, "a"), { finishFlush: constants.Z_SYNC_FLUSH });
    const bomb = writeTextFrame(flushed.subarray(0, -4), true, KEY);
    bomb[0] = 0xc2;
    return bomb;
  },
  /** Pongs that answer no Ping. */
  pongs: () => {
    const pong = writeFrame(Buffer.from([1, 2, 3, 4]), KEY);
    pong[0] = 0x8a;
    return Buffer.concat(Array(STRAY_PONGS).fill(pong));
  },
} as const;
export type Attack = keyof typeof ATTACKS;

let client: Client;
let end = "";

const methods = { attack, stop };
export type AttackerMethods = typeof methods;

answer(methods);

async function attack({ port, kind }: { readonly port: number; readonly kind: Attack }): Promise<void> {
  const bytes = ATTACKS[kind]();
  client = await openClient({ port, extensions: kind === "bombs" ? offerOf("takeover") : undefined });
  end = "";
  client.onBytes = () => {};
  client.onClose = (error) => {
    end = error === undefined ? "closed" : error.message;
  };
  const send = () => {
    if (end !== "") return;
    while (client.socket.write(bytes));
    client.socket.once("drain", send);
  };
  await sleep(HANDSHAKE_MS);
  send();
}

/** Resolves with how the connection ended, if the server ended it. */
function stop(): string {
  client.destroy();
  return end;
}
