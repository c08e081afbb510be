/** Messages to /echo and back over this browser's WebSocket, as many at a time as asked for, each one timed. */

import { type Connection, connect } from "hawser";
import { countBytes } from "../frame/describe.js";
import { Histogram } from "./histogram.js";

export interface EchoOptions {
  /** Bytes of a message. */
  readonly size: number;
  /** Messages under way at a time. */
  readonly inFlight: number;
  readonly seconds: number;
  readonly compressed: boolean;
}

/** Measurements of an interval, or of the whole run. Times in milliseconds. */
export interface Sample {
  /** Seconds since the beginning, at its end. */
  readonly at: number;
  readonly messages: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/** Bytes under way at a time: more than these would wait in the page. */
const MAX_UNDER_WAY = 8 << 20;
const INTERVAL_MS = 200;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789 ";

/** Text that compresses about as badly as text can. */
function makeText(size: number): string {
  const units = crypto.getRandomValues(new Uint8Array(Math.min(size, 1 << 16)));
  const text = String.fromCharCode(
    ...units.map((unit) => ALPHABET.charCodeAt(unit % ALPHABET.length)).subarray(0, 4096),
  );
  return text.repeat(Math.ceil(size / text.length || 0)).slice(0, size);
}

/**
 * Runs until the time is over, the signal aborts or the connection closes.
 *
 * @param show - gets a sample for each interval.
 * @returns the sample of the whole.
 * @throws {RangeError} for more in flight than a page should hold.
 */
export async function runEcho(
  { size, inFlight, seconds, compressed }: EchoOptions,
  show: (sample: Sample) => void,
  signal: AbortSignal,
): Promise<Sample> {
  if (size * inFlight > MAX_UNDER_WAY) {
    const most = Math.floor(MAX_UNDER_WAY / size);
    throw new RangeError(`with messages of ${countBytes(size)}, “in flight” can be ${most} at most.`);
  }
  const text = makeText(size);
  const all = new Histogram();
  const interval = new Histogram();
  /** When each message under way was sent: they come back in order. */
  const sent: number[] = [];
  let isOver = false;

  const send = (connection: Connection) => {
    sent.push(performance.now());
    connection.send(text);
  };
  const connection = await connect(compressed ? "/echo" : "/echo?plain", {
    message(connection) {
      const latency = performance.now() - (sent.shift() as number);
      all.add(latency);
      interval.add(latency);
      if (!isOver) send(connection);
      else if (sent.length === 0) void connection.close();
    },
  });

  const start = performance.now();
  let last = start;
  const sampleOf = (histogram: Histogram, from: number, to: number): Sample => ({
    at: (to - start) / 1000,
    messages: histogram.count,
    perSecond: to > from ? (histogram.count * 1000) / (to - from) : 0,
    p50: histogram.percentile(0.5),
    p99: histogram.percentile(0.99),
  });
  const timer = setInterval(() => {
    const now = performance.now();
    if (interval.count > 0) show(sampleOf(interval, last, now));
    interval.clear();
    last = now;
  }, INTERVAL_MS);
  const stop = () => {
    isOver = true;
    if (sent.length === 0) void connection.close();
  };
  const end = setTimeout(stop, seconds * 1000);
  signal.addEventListener("abort", stop, { once: true });

  for (let i = 0; i < inFlight; i++) send(connection);
  await connection.closed;
  clearInterval(timer);
  clearTimeout(end);
  signal.removeEventListener("abort", stop);
  return sampleOf(all, start, performance.now());
}
