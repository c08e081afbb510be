/** The process of `npm run bench:fairness` with a client that says little and waits for its echoes. */

import { writeFrame } from "../../micro/payloads.js";
import { answer } from "../calls.js";
import { type Client, openClient } from "../client.js";

const FRAME = writeFrame(Buffer.alloc(16, "quiet"), Buffer.from([1, 2, 3, 4]));
const ECHO_LENGTH = writeFrame(Buffer.alloc(16)).length;
const INTERVAL_MS = 5;

/** Times from when a message was due until its echo came, in milliseconds. */
export interface Latencies {
  readonly messages: number;
  readonly p50: number;
  readonly p99: number;
  readonly greatest: number;
  /** How the connection ended, if the server ended it. */
  readonly end: string;
}

let client: Client;
let timer: NodeJS.Timeout;
/** When messages were due that have no echo yet; and how long the others took. */
let due: number[] = [];
let taken: number[] = [];
let end = "";

const methods = { begin, reset, stop };
export type QuietMethods = typeof methods;

answer(methods);

async function begin(port: number): Promise<void> {
  client = await openClient({ port });
  due = [];
  reset();
  end = "";
  let length = 0;
  client.onBytes = (_bytes, more) => {
    const now = performance.now();
    for (length += more; length >= ECHO_LENGTH; length -= ECHO_LENGTH) taken.push(now - (due.shift() ?? now));
  };
  client.onClose = (error) => {
    end = error === undefined ? "closed" : error.message;
  };
  let next = performance.now();
  timer = setInterval(() => {
    // All that are due, also where this process had to wait.
    for (; next <= performance.now(); next += INTERVAL_MS) {
      due.push(next);
      if (end === "") client.socket.write(FRAME);
    }
  }, INTERVAL_MS);
}

function reset(): void {
  taken = [];
}

/** Echoes that did not come count with the time that they took until now. */
function stop(): Latencies {
  clearInterval(timer);
  client.destroy();
  const now = performance.now();
  const sorted = [...taken, ...due.map((time) => now - time)].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { messages: sorted.length, p50: at(0.5), p99: at(0.99), greatest: at(1), end };
}
