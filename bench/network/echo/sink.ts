/**
 * The load's process where clients are measured: a server that takes masked frames, counts their bytes, and answers a
 * chunk's worth of messages with one small message.
 */

import { createHash } from "node:crypto";
import net from "node:net";
import { splitFrames, writeFrame } from "../../micro/payloads.js";
import { answer } from "../calls.js";
import { readInto } from "../onread.js";
import { noteWork, sampleLoad, spin } from "../spin.js";
import type { EchoSample } from "./load.js";
import { payloadOf, type Workload } from "./workloads.js";

const HOST = "127.0.0.1";
/** RFC 6455 §1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const READ_LENGTH = 1 << 20;
/** One of so many chunks is unmasked and compared, the first of a connection among them. */
const SAMPLED = 64;

/** Asks for the next chunk. */
const ACK = writeFrame(Buffer.from("."));

const readBuffer = Buffer.allocUnsafeSlow(READ_LENGTH);
let chunks = 0;
let failure: Error | undefined;
let workload: Workload;

const methods = { listen, spin, sample: sampleChunks };
export type SinkMethods = typeof methods;

answer(methods);

function sampleChunks(): EchoSample {
  if (failure !== undefined) throw failure;
  return { ...sampleLoad(), messages: chunks * workload.inFlight };
}

/** Resolves with the port. */
function listen(next: Workload): Promise<number> {
  workload = next;
  chunks = 0;
  const { inFlight } = workload;
  const payload = payloadOf(workload);
  const chunkLength = inFlight * writeFrame(payload, Buffer.alloc(4)).length;
  const server = net.createServer({ noDelay: true, pauseOnConnect: true }, (accepted) => {
    let head = "";
    let isOpen = false;
    let missing = chunkLength;
    let received = 0;
    let kept: Buffer[] = [];
    const take = (length: number, socket: net.Socket) => {
      noteWork();
      if (!isOpen) {
        head += readBuffer.toString("latin1", 0, length);
        if (!head.endsWith("\r\n\r\n")) return;
        isOpen = true;
        socket.write(responseTo(head), "latin1");
        return;
      }
      missing -= length;
      const isCompared = received % SAMPLED === 0;
      if (isCompared) kept.push(Buffer.from(readBuffer.subarray(0, length)));
      if (missing > 0) return;
      if (missing < 0 || (isCompared && !isChunk(Buffer.concat(kept), payload, inFlight))) {
        failure ??= new Error("a client sent other frames than it was to send");
        socket.destroy();
        return;
      }
      kept = [];
      missing = chunkLength;
      received++;
      chunks++;
      socket.write(ACK);
    };
    readInto(accepted, readBuffer, take).on("error", () => {});
  });
  return new Promise((resolve) => {
    server.listen(0, HOST, () => resolve((server.address() as net.AddressInfo).port));
  });
}

function isChunk(bytes: Buffer, payload: Buffer, count: number): boolean {
  const frames = splitFrames(bytes);
  return (
    frames.length === count && frames.every((frame) => frame.flags === 0x82 && frame.payload.equals(payload))
  );
}

function responseTo(head: string): string {
  const key = /^sec-websocket-key: *(\S+)/im.exec(head)?.[1];
  const accept = createHash("sha1").update(`${key}${GUID}`).digest("base64");
  return (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${accept}\r\n\r\n`
  );
}
