/**
 * Peers that are wrong on purpose, to show that the table finds it. They are hawser's endpoint or `ws`, with one fault
 * each; without a fault the same endpoint passes.
 */

import type net from "node:net";
import { type DeflateParameters, Endpoint } from "../../src/protocol/index.js";
import { parameters } from "../support/deflate.js";
import { frame } from "../support/frames.js";
import { responseText } from "../support/sockets.js";
import { readFrames } from "../support/wire.js";
import { headerOf, readHead } from "./run.js";
import { listenRaw, type Settings, type Subject, wsSubject } from "./subjects.js";

interface Faults {
  /** Replaces the agreed compression parameters by the ones that the peer really uses. */
  readonly deflate?: (agreed: DeflateParameters) => DeflateParameters;
  readonly autoPong?: false;
  /** Changes bytes of a message before it is echoed. */
  readonly echo?: (data: Uint8Array, count: number) => Uint8Array;
  /** Changes what leaves. */
  readonly output?: (bytes: Uint8Array) => Uint8Array;
}

/** A server that accepts every offer as it is, over an endpoint with faults. */
function faulty(name: string, faults: Faults = {}): Subject {
  const open = async (socket: net.Socket, settings: Settings) => {
    const { head, rest } = await readHead(socket);
    const offer = headerOf(head, "Sec-WebSocket-Extensions").split(",")[0];
    const accepts = settings.deflate === true && offer !== "";
    // A client may offer to be limited; this server leaves it as it is.
    const response = offer.replace(/; client_max_window_bits(?!=)/, "");
    const key = headerOf(head, "Sec-WebSocket-Key");
    socket.write(responseText(key, accepts ? { "Sec-WebSocket-Extensions": response } : {}));
    const bits = (side: string) =>
      Number(new RegExp(`${side}_max_window_bits=(\\d+)`).exec(response)?.[1] ?? 15);
    const agreed = parameters({
      serverNoContextTakeover: response.includes("server_no_context_takeover"),
      clientNoContextTakeover: response.includes("client_no_context_takeover"),
      serverMaxWindowBits: bits("server"),
      clientMaxWindowBits: bits("client"),
      windowBits: bits("server"),
      threshold: 0,
    });
    const {
      deflate = (same) => same,
      echo = (same) => same,
      output = (same) => same,
      autoPong = true,
    } = faults;
    const endpoint = new Endpoint({
      role: "server",
      autoPong,
      ...(accepts ? { perMessageDeflate: deflate(agreed) } : {}),
    });
    let count = 0;
    const receive = (chunk: Uint8Array) => {
      endpoint.receiveData(Uint8Array.from(chunk));
      for (let event = endpoint.nextEvent(); event !== null; event = endpoint.nextEvent()) {
        if (event.type !== "text" && event.type !== "binary") continue;
        endpoint.send(echo(Uint8Array.from(event.bytes), ++count), { type: event.type });
      }
      const bytes = Buffer.concat(endpoint.takeOutput());
      if (bytes.length > 0) socket.write(output(bytes));
      if (endpoint.phase === "failed" || endpoint.phase === "close-exchanged") socket.end();
    };
    socket.on("data", receive);
    socket.on("error", () => undefined);
    if (rest.length > 0) receive(rest);
  };
  return {
    name,
    serve: (settings) => listenRaw((socket) => void open(socket, settings)),
    connect: () => Promise.resolve({ ok: false, error: "there is no client of this kind" }),
  };
}

function flipped(data: Uint8Array, count: number): Uint8Array {
  if (count === 500 && data.length > 0) data[data.length - 1] ^= 1;
  return data;
}

const masked = (bytes: Uint8Array): Uint8Array =>
  Buffer.concat(readFrames(bytes).map((one) => frame({ ...one, key: [1, 2, 3, 4] })));

/** The control: nothing is wrong. */
export const FAULTLESS = faulty("faultless");

/** Each with the cases that must find it. */
export const WRONG: readonly { readonly subject: Subject; readonly cases: readonly string[] }[] = [
  { subject: faulty("sends no Pongs", { autoPong: false }), cases: ["2.1", "5.1.6"] },
  // Text that is wrong in its last bit: still ASCII, so that only the comparison finds it.
  { subject: faulty("flips a bit in message 500", { echo: flipped }), cases: ["9.7.2", "9.8.2", "12.1.1"] },
  {
    subject: faulty("claims a window of 9 bits and uses 15", {
      deflate: (agreed) => ({ ...agreed, windowBits: 15 }),
    }),
    cases: ["13.3.3"],
  },
  {
    subject: faulty("refers to earlier messages where that was excluded", {
      deflate: (agreed) => ({ ...agreed, serverNoContextTakeover: false }),
    }),
    cases: ["13.2.3"],
  },
  { subject: faulty("masks as a server", { output: masked }), cases: ["1.1.2", "2.1"] },
  {
    subject: faulty("leaves reserved bits in", {
      output: (bytes) => bytes.map((byte, i) => (i === 0 ? byte | 0x20 : byte)),
    }),
    cases: ["1.1.2"],
  },
  {
    subject: wsSubject("does not check UTF-8", { skipUTF8Validation: true }),
    cases: ["6.2.1", "6.2.48", "6.4.3"],
  },
];

/** Accepts every handshake, and every response. */
export const CREDULOUS: Subject = {
  name: "accepts every handshake",
  serve: () =>
    listenRaw((socket) => {
      void readHead(socket).then(({ head }) => {
        socket.write(responseText(headerOf(head, "Sec-WebSocket-Key")));
      });
    }),
  connect: () => Promise.resolve({ ok: true, protocol: "", extensions: "" }),
};
