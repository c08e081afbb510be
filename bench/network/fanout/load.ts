/** The subscribers' process of `npm run bench:fanout`: sockets that count bytes, the slow among them, and one that looks. */

import net, { type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { writeFrame } from "../../micro/payloads.js";
import { answer } from "../calls.js";
import { type Sample, sample } from "../usage.js";
import { frameOf, type RivalName, STAMP_LENGTH } from "./rivals.js";

const HOST = "127.0.0.1";
/** Connections that are opened at a time. */
const AT_ONCE = 100;
/** A slow subscriber reads up to 64 KiB, and then nothing for so long. */
const SLOW_MS = 250;

const methods = { open, mark, report };
export type LoadMethods = typeof methods;

answer(methods);

export interface Setting {
  readonly rival: RivalName;
  readonly port: number;
  readonly control: number;
  readonly subscribers: number;
  readonly slow: number;
}

/** One buffer for all: only lengths count. */
const buffer = Buffer.allocUnsafe(1 << 16);
let bytes = 0;
let fast = 0;
let opened = 0;
let frame: ReturnType<typeof frameOf>;
let looker: Looker;

/** Follows the stream of one subscriber: how old each message is, and how many it has. */
class Looker {
  ages: number[] = [];
  #messages = 0;
  #rest = Buffer.alloc(0);
  /** Bytes before the first message: the handshakes'. */
  isOn = false;
  readonly #control: Socket;

  constructor(control: Socket) {
    this.#control = control;
  }

  read(chunk: Buffer): void {
    if (!this.isOn) return;
    const now = Number(process.hrtime.bigint() / 1000n);
    const all = Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (; all.length - at >= frame.length; at += frame.length) {
      this.#messages++;
      const stamp = all.toString("latin1", at + frame.start, at + frame.start + STAMP_LENGTH);
      this.ages.push((now - Number(stamp)) / 1000);
    }
    this.#rest = Buffer.from(all.subarray(at));
    if (at === 0) return;
    const count = Buffer.alloc(4);
    count.writeUInt32LE(this.#messages);
    this.#control.write(count);
  }
}

async function open({ rival, port, control, subscribers, slow }: Setting): Promise<void> {
  frame = frameOf(rival);
  looker = new Looker(net.connect(control, HOST));
  const isSocketIo = rival === "Socket.IO";
  fast = subscribers - slow;
  const slowSockets: Socket[] = [];
  for (let i = 0; i < subscribers; i++) {
    const isSlow = i > 0 && i <= slow;
    const path = isSocketIo ? "/socket.io/?EIO=4&transport=websocket" : "/";
    let isOpen = false;
    const onBytes = (socket: Socket, length: number) => {
      if (!isOpen) {
        const head = buffer.toString("latin1", 0, length);
        // Socket.IO's own handshake: its last packet begins with 40.
        if (isSocketIo && !head.includes('40{"sid"')) {
          if (head.includes('0{"sid"')) socket.write(writeFrame("40", Buffer.from("mask")));
          return;
        }
        isOpen = true;
        opened++;
      } else if (!isSlow) {
        bytes += length;
        if (i === 0) looker.read(buffer.subarray(0, length));
      }
    };
    const socket: Socket = net.connect({
      port,
      host: HOST,
      onread: {
        buffer,
        callback: (length) => {
          onBytes(socket, length);
          // false pauses.
          return !isSlow || !looker.isOn;
        },
      },
    });
    socket.on("error", () => undefined);
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${HOST}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );
    if (isSlow) slowSockets.push(socket);
    while (i - opened >= AT_ONCE) await sleep(1);
  }
  while (opened < subscribers) await sleep(1);
  await sleep(200);
  looker.isOn = true;
  setInterval(() => {
    for (const socket of slowSockets) socket.resume();
  }, SLOW_MS);
}

let from: Sample & { bytes: number };

function mark(): void {
  looker.ages = [];
  from = { ...sample(), bytes };
}

export interface Report {
  /** Messages at all fast subscribers, since the mark. */
  readonly deliveries: number;
  readonly fast: number;
  readonly seconds: number;
  /** Processor time that this process used, as a share of a core. */
  readonly busy: number;
  readonly p50: number;
  readonly p99: number;
}

function report(): Report {
  const to = sample();
  const sorted = looker.ages.sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
  const timeUs = to.atUs - from.atUs;
  return {
    deliveries: (bytes - from.bytes) / frame.length,
    fast,
    seconds: timeUs / 1e6,
    busy: (to.cpuUs - from.cpuUs) / timeUs,
    p50: at(0.5),
    p99: at(0.99),
  };
}
