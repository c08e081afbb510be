/** The load's process of `npm run bench:connections`: many connections that do next to nothing. */

import { readFrames, writeFrame } from "../../micro/payloads.js";
import { answer } from "../calls.js";
import { type Client, openClient, openClients } from "../client.js";
import { type Compression, checkAnswer, offerOf } from "../deflate.js";
import { sampleLoad, spin } from "../spin.js";
import type { LoadSample } from "../usage.js";
import { converse } from "./conversation.js";

/** A local port is used by one connection to a server; one address has some 28,000 on Linux. */
const CONNECTIONS_PER_ADDRESS = 20_000;

const KEY = Buffer.from([0x12, 0x34, 0x56, 0x78]);
/** Close with 1000 (RFC 6455 §7.4.1). */
const CLOSE_FRAME = Buffer.concat([Buffer.from([0x88, 0x82]), KEY, Buffer.from([0x03 ^ 0x12, 0xe8 ^ 0x34])]);

let clients: Client[] = [];
/** Resolves when every connection has received the announced message. */
let received: Promise<LoadSample> = Promise.resolve(sampleLoad());

const methods = {
  open,
  visit,
  close,
  destroy,
  exchange,
  /** So many compressed messages on each connection, and their echoes. */
  converse: (count: number) => converse(clients, count),
  expectBytes,
  expectFrame,
  received: () => received,
  spin,
  sample: sampleLoad,
};
export type LoadMethods = typeof methods;

answer(methods);

export interface Opening {
  readonly port: number;
  readonly count: number;
  readonly atOnce: number;
  /** Default "none". */
  readonly compression?: Compression;
}

/** Opening handshakes; the connections stay. */
async function open({ port, count, atOnce, compression = "none" }: Opening): Promise<void> {
  const extensions = offerOf(compression);
  const options = (i: number) => {
    if (i < CONNECTIONS_PER_ADDRESS) return { port, extensions };
    return { port, extensions, localAddress: `127.0.0.${1 + Math.floor(i / CONNECTIONS_PER_ADDRESS)}` };
  };
  clients = await openClients(count, options, atOnce);
  for (const client of clients) {
    checkAnswer(compression, client.extensions);
    client.onBytes = () => {};
  }
}

/** Addresses that take turns: the ports of connections that were left are not free at once. */
const ADDRESSES = 250;
let visits = 0;

/** Opens connections that are left as soon as they are open, without a closing handshake; so many at a time. */
async function visit({ port, count, atOnce }: Opening): Promise<void> {
  let left = count;
  const lane = async () => {
    while (left-- > 0) {
      const client = await openClient({ port, localAddress: `127.0.0.${1 + (visits++ % ADDRESSES)}` });
      client.destroy();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

/** Closing handshakes of all (RFC 6455 §7.1.1): the server answers, and ends the TCP connection. */
async function close(): Promise<void> {
  const closed = clients.map(
    (client) =>
      new Promise<void>((resolve, reject) => {
        let length = 0;
        client.onBytes = (_bytes, count) => {
          length += count;
        };
        client.onClose = (error) => {
          if (error === undefined && length > 0) resolve();
          else reject(error ?? new Error("the server closed without a Close frame"));
        };
        client.socket.write(CLOSE_FRAME);
      }),
  );
  await Promise.all(closed);
  clients = [];
}

/** Without a closing handshake, for when nothing more is measured. */
function destroy(): void {
  for (const client of clients) client.destroy();
  clients = [];
}

/** One message on each connection, and its echo. */
async function exchange(size: number): Promise<void> {
  const payload = Buffer.alloc(size, "hawser");
  expectFrame(payload.toString("hex"));
  const frame = writeFrame(payload, KEY);
  for (const client of clients) client.socket.write(frame);
  await received;
}

/** From now on every connection is to get so many bytes. */
function expectBytes(length: number): void {
  let left = clients.length;
  received = new Promise((resolve, reject) => {
    for (const client of clients) {
      let missing = length;
      client.onBytes = (_bytes, count) => {
        missing -= count;
        if (missing < 0) reject(new Error("more bytes than were expected"));
        if (missing === 0 && --left === 0) resolve(sampleLoad());
      };
      client.onClose = (error) => reject(error ?? new Error("the server closed a connection"));
    }
  });
}

/** From now on every connection is to get one binary message with these bytes, in an unmasked frame. */
function expectFrame(hex: string): void {
  const payload = Buffer.from(hex, "hex");
  const { length } = writeFrame(payload);
  received = Promise.all(
    clients.map(
      (client) =>
        new Promise<void>((resolve, reject) => {
          let frame = Buffer.alloc(0);
          client.onBytes = (bytes, count) => {
            frame = Buffer.concat([frame, bytes.subarray(0, count)]);
            if (frame.length < length) return;
            const [message, ...more] = frame.length === length ? readFrames(frame) : [];
            if (Buffer.isBuffer(message) && message.equals(payload) && more.length === 0) resolve();
            else reject(new Error(`not the message that was expected: ${frame.toString("hex", 0, 64)}`));
          };
          client.onClose = (error) => reject(error ?? new Error("the server closed a connection"));
        }),
    ),
  ).then(sampleLoad);
}
