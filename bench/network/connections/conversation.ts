/** What connections send of which the server remembers something: JSON, compressed with context takeover. */

import { messages } from "../../../test/support/corpus.js";
import { splitFrames, writeTextFrame } from "../../micro/payloads.js";
import type { Client } from "../client.js";
import { compressCycle, Inflater } from "../deflate.js";
import { FrameCounter } from "../echo-counter.js";

/** Lengths of messages, about; they take turns. */
const LENGTHS = [200, 400, 700, 1024];
/** At least as many messages as the window does not hold. */
const MESSAGE_COUNT = 100;
/** Different conversations, which take turns among connections. */
const CONVERSATIONS = 4;

const KEY = Buffer.from([0x12, 0x34, 0x56, 0x78]);

interface Conversation {
  readonly messages: readonly Buffer[];
  readonly frames: readonly Buffer[];
}

/** Where the conversation of one connection is. */
interface State {
  sent: number;
  /** If its echoes are compared. */
  readonly inflater: Inflater | undefined;
}

const states = new WeakMap<Client, State>();

let written: Promise<Conversation[]> | undefined;

function write(): Promise<Conversation[]> {
  return Promise.all(
    Array.from({ length: CONVERSATIONS }, async (_, seed) => {
      const streams = LENGTHS.map((length, i) =>
        messages("json", length, MESSAGE_COUNT / LENGTHS.length, seed * LENGTHS.length + i),
      );
      const mixed = Array.from({ length: MESSAGE_COUNT }, (_, i) =>
        Buffer.from(streams[i % LENGTHS.length][Math.floor(i / LENGTHS.length)]),
      );
      const { first } = await compressCycle(mixed, "takeover");
      return { messages: mixed, frames: first.map((payload) => writeTextFrame(payload, true, KEY)) };
    }),
  );
}

/**
 * Sends so many messages on each connection, the next when the echo of the one before has come; on none more than
 * MESSAGE_COUNT in all. The echoes of some are inflated and compared.
 */
export async function converse(clients: readonly Client[], count: number): Promise<void> {
  const conversations = await (written ??= write());
  await Promise.all(
    clients.map(async (client, i) => {
      const { frames, messages } = conversations[i % CONVERSATIONS];
      const state = states.get(client) ?? begin(i < CONVERSATIONS);
      states.set(client, state);
      const from = state.sent;
      state.sent += count;
      if (state.sent > frames.length) throw new Error("a conversation has no more messages");
      const echo = await exchange(client, frames.slice(from, state.sent), state.inflater !== undefined);
      if (state.inflater !== undefined) await compare(echo, messages.slice(from, state.sent), state.inflater);
    }),
  );
}

function begin(isCompared: boolean): State {
  return { sent: 0, inflater: isCompared ? new Inflater("takeover") : undefined };
}

/** Sends frames, one after the other. Resolves with the answers, if they are wanted. */
function exchange(client: Client, frames: readonly Buffer[], isKept: boolean): Promise<Buffer> {
  const counter = new FrameCounter(1);
  const kept: Buffer[] = [];
  return new Promise((resolve, reject) => {
    let next = 0;
    const send = () => {
      if (next === frames.length) return resolve(Buffer.concat(kept));
      counter.begin();
      client.socket.write(frames[next++]);
    };
    client.onClose = (error) => reject(error ?? new Error("the server closed a connection"));
    client.onBytes = (bytes, length) => {
      if (isKept) kept.push(Buffer.from(bytes.subarray(0, length)));
      const missing = counter.take(bytes, length);
      if (missing < 0) reject(new Error("more came back than an echo has"));
      if (missing === 0) send();
    };
    send();
  });
}

async function compare(echo: Buffer, messages: readonly Buffer[], inflater: Inflater): Promise<void> {
  const frames = splitFrames(echo);
  if (frames.length !== messages.length) throw new Error("frames of the echo are missing");
  for (const [i, { flags, payload }] of frames.entries()) {
    const isCompressed = (flags & 0x40) !== 0;
    if (!isCompressed || !(await inflater.inflate(payload)).equals(messages[i])) {
      throw new Error("a message of the echo is not compressed, or not the one that was sent");
    }
  }
}
