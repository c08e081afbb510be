/**
 * The client that is in this page: hawser's protocol, whose bytes go through the server's /tunnel to a TCP connection.
 * It does what browsers do not let a page do: pings, fragments, compression of one message and not of the next, and
 * bytes that break the rules.
 */

import { type Connection, connect } from "hawser";
import type { Role } from "hawser/codec";
import {
  buildHandshakeRequest,
  confirmPerMessageDeflate,
  type DeflateParameters,
  Endpoint,
  encodeHead,
  generateKey,
  HandshakeReader,
  offerPerMessageDeflate,
  serializeExtensions,
  validateHandshakeResponse,
} from "hawser/protocol";
import { type Client, type Ended, echoPath, type FrameControls, type MessageOptions } from "./client.js";
import { splitMessage } from "./split.js";

const ROLE: Role = "client";

export async function connectByPage(mirror: string, compressed: boolean): Promise<Client> {
  const tunnel = await connect("/tunnel");
  try {
    return await shakeHands(tunnel, mirror, compressed);
  } catch (error) {
    void tunnel.close();
    throw error;
  }
}

async function shakeHands(tunnel: Connection, mirror: string, compressed: boolean): Promise<Client> {
  const key = generateKey();
  const extensions = compressed ? serializeExtensions(offerPerMessageDeflate({})) : "";
  const url = new URL(echoPath(mirror, compressed), location.href);
  tunnel.send(encodeHead(buildHandshakeRequest({ url, key, extensions })));

  const reader = new HandshakeReader();
  let head: ReturnType<typeof reader.push>;
  while (head === undefined) head = reader.push(await receiveBytes(tunnel));
  if (head instanceof Error) throw head;
  const accepted = validateHandshakeResponse(head, { key, extensions });
  if (!accepted.ok) throw accepted;
  const agreed = confirmPerMessageDeflate(accepted.extensions, {});
  if (agreed instanceof Error) throw agreed;
  return new PageClient(tunnel, agreed, head.rest);
}

async function receiveBytes(tunnel: Connection): Promise<Uint8Array> {
  const message = await tunnel.receive();
  if (message?.data instanceof Uint8Array) return message.data;
  throw new Error("the connection ended before the handshake was done");
}

class PageClient implements Client {
  readonly closed: Promise<Ended>;
  readonly frames: FrameControls;
  readonly #tunnel: Connection;
  readonly #endpoint: Endpoint;

  constructor(tunnel: Connection, perMessageDeflate: DeflateParameters | undefined, head: Uint8Array) {
    this.#tunnel = tunnel;
    this.#endpoint = new Endpoint({ role: ROLE, perMessageDeflate });
    this.frames = this.#makeFrames(perMessageDeflate !== undefined);
    this.closed = this.#run(head);
  }

  async #run(head: Uint8Array): Promise<Ended> {
    this.#take(head);
    for await (const { data } of this.#tunnel) {
      if (data instanceof Uint8Array) this.#take(data);
    }
    this.#endpoint.receiveEof(true);
    return { code: this.#endpoint.closeCode ?? 1006, reason: this.#endpoint.closeReason };
  }

  #take(bytes: Uint8Array): void {
    const endpoint = this.#endpoint;
    endpoint.receiveData(bytes);
    while (endpoint.nextEvent() !== null) {
      // What it says is seen on the wire; asking for it makes the Pong, or the Close, that answers it.
    }
    this.#flush();
  }

  #flush(): void {
    for (const bytes of this.#endpoint.takeOutput()) this.#tunnel.send(bytes);
    if (this.#endpoint.wantsEnd) void this.#tunnel.close();
  }

  send(data: string | Uint8Array, { fragments, pingBetween, compress }: MessageOptions): void {
    // Only a whole message has a length by which it is decided whether to compress it.
    const parts = fragments > 1 ? splitMessage(data, fragments) : [];
    if (parts.length === 0) this.#endpoint.send(data, { compress });
    for (const [i, part] of parts.entries()) {
      const final = i === parts.length - 1;
      this.#endpoint.sendPart(part, { final, compress });
      if (!final && pingBetween) this.#endpoint.ping("between fragments");
    }
    this.#flush();
  }

  #makeFrames(canCompress: boolean): FrameControls {
    return {
      canCompress,
      ping: (payload) => {
        this.#endpoint.ping(payload);
        this.#flush();
      },
      pong: (payload) => {
        this.#endpoint.pong(payload);
        this.#flush();
      },
      raw: (bytes) => {
        this.#flush();
        this.#tunnel.send(bytes);
      },
    };
  }

  close(code: number | undefined, reason: string): void {
    this.#endpoint.close(code, reason);
    this.#flush();
  }
}
