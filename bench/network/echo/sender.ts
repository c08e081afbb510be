/** A process with clients that are measured: each sends a chunk's worth of messages whenever the sink asks for them. */

import { once } from "node:events";
import type { WebSocket as WsSocket } from "ws";
import { writeFrame } from "../../micro/payloads.js";
import { answer } from "../calls.js";
import { openClients } from "../client.js";
import { hawser } from "../hawser.js";
import { startProfile, stopProfile } from "../profile.js";
import { sample } from "../usage.js";
import { loadWs } from "../ws.js";
import { payloadOf, type Rival, type Workload } from "./workloads.js";

interface Order {
  readonly rival: Rival;
  readonly port: number;
  readonly workload: Workload;
}

/** A client that is open: sends so many messages, one by one. */
type Send = () => void;

let close = (): void => {};

const methods = { open, close: () => close(), sample, startProfile, stopProfile };
export type SenderMethods = typeof methods;

answer(methods);

/** Opens all clients, and lets them begin. */
async function open({ rival, port, workload }: Order): Promise<void> {
  const bytes = payloadOf(workload);
  const { connections, inFlight } = workload;
  if (rival.library === "net") return openBare(port, bytes, connections, inFlight);
  const closers: (() => void)[] = [];
  const begins: Send[] = [];
  for (let i = 0; i < connections; i++) {
    const opening = rival.library === "ws" ? openWs : openHawser;
    const { send, stop } = await opening(rival, `ws://127.0.0.1:${port}`, bytes, inFlight);
    begins.push(send);
    closers.push(stop);
  }
  close = () => {
    for (const stop of closers) stop();
  };
  for (const send of begins) send();
}

interface Opened {
  readonly send: Send;
  readonly stop: () => void;
}

async function openWs(rival: Rival, url: string, payload: Buffer, count: number): Promise<Opened> {
  const { WebSocket } = loadWs(rival.bufferUtil ?? false);
  const socket: WsSocket = new WebSocket(url, { perMessageDeflate: false });
  const send = () => {
    for (let i = 0; i < count; i++) socket.send(payload);
  };
  socket.on("message", send);
  await once(socket, "open");
  return { send, stop: () => socket.terminate() };
}

async function openHawser(rival: Rival, url: string, payload: Buffer, count: number): Promise<Opened> {
  const { connect } = await hawser();
  const connection = await connect(url, {
    perMessageDeflate: false,
    borrow: rival.borrow,
    message: () => send(),
  });
  const send = () => {
    for (let i = 0; i < count; i++) connection.send(payload);
  };
  return { send, stop: () => connection.terminate() };
}

/** Frames that were masked before, in one write. */
async function openBare(port: number, payload: Buffer, connections: number, count: number): Promise<void> {
  const chunk = Buffer.concat(Array(count).fill(writeFrame(payload, Buffer.from([1, 2, 3, 4]))));
  const clients = await openClients(connections, () => ({ port }));
  for (const client of clients) client.onBytes = () => client.socket.write(chunk);
  close = () => {
    for (const client of clients) client.destroy();
  };
  for (const client of clients) client.socket.write(chunk);
}
