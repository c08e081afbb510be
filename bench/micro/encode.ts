/**
 * Encoding: many frames appended and taken in one piece, against ws's Sender, which writes each to its
 * socket; and single frames, against `Sender.frame`.
 */

import { type Contest, check, type Field, type Rival, Sink } from "./harness.js";
import { encodeText, FrameEncoder, type Role } from "./hawser.js";
import { PAYLOAD_KINDS, type PayloadKind, payloads, readFrames, SIZES, texts } from "./payloads.js";
import { loadWs, type Ws, type WsSocket } from "./rivals.js";

const WS = "ws + bufferutil";

/** Frames between two `take`s: as many as make 64 KiB, at most these. */
const MOST_FRAMES = 256;
/** `take`s of one sample. */
const TAKES = 4;
const ONE_SHOT_SIZES = [16, 126, 1024, 8192];

export function* encodeContests(field: Field): Generator<Contest> {
  const ws = loadWs(true);
  const plainWs = field === "others" ? loadWs(false) : undefined;

  for (const role of ["server", "client"] as const) {
    for (const kind of PAYLOAD_KINDS) {
      for (const size of SIZES) yield appended(role, kind, size);
    }
  }
  for (const role of ["server", "client"] as const) {
    for (const size of ONE_SHOT_SIZES) yield oneShot(role, size);
  }

  function appended(role: Role, kind: PayloadKind, size: number): Contest {
    const frames = Math.max(1, Math.min(MOST_FRAMES, Math.floor(65_536 / size)));
    const messages = payloads(kind, size, frames);
    const sink = new Sink();
    const rivals = plainWs
      ? [wsSender(WS, ws, role, messages, sink), wsSender("ws", plainWs, role, messages, sink)]
      : [hawser("hawser", role, messages, sink), wsSender(WS, ws, role, messages, sink)];
    if (plainWs) rivals.push(hawser("hawser reference", role, messages, sink));
    const expected = Array.from({ length: TAKES }, () => messages).flat();
    const table = `encode as a ${role}, ${kind}`;
    return verified({ table, size, operations: expected.length, rivals }, sink, expected);
  }

  function oneShot(role: Role, size: number): Contest {
    const messages = texts("ascii", size);
    const sink = new Sink();
    const rivals = plainWs
      ? [wsFrame(WS, ws, role, messages, sink), wsFrame("ws", plainWs, role, messages, sink)]
      : [hawserOneShot("hawser", role, messages, sink), wsFrame(WS, ws, role, messages, sink)];
    if (plainWs) rivals.push(hawserOneShot("hawser reference", role, messages, sink));
    const table = `encode one frame as a ${role}, ascii`;
    return verified({ table, size, operations: messages.length, rivals }, sink, messages);
  }
}

/** Masking keys are random, so an independent reader decodes the frames, and its results are compared. */
function verified(
  contest: Omit<Contest, "suite" | "peer">,
  sink: Sink,
  expected: readonly (string | Buffer)[],
): Contest {
  for (const { name, run } of contest.rivals) {
    sink.kept = [];
    run();
    const written = sink.kept.map((bytes) => Buffer.from(bytes as Uint8Array));
    check(`${contest.table}, ${contest.size} B`, name, readFrames(Buffer.concat(written)), expected);
  }
  sink.kept = undefined;
  return { suite: "encode", peer: WS, ...contest };
}

/** The slab is recycled, as a server does whenever its socket has written everything. */
function hawser(name: string, role: Role, messages: readonly (string | Buffer)[], sink: Sink): Rival {
  const encoder = new FrameEncoder({ role });
  const run = () => {
    for (let take = 0; take < TAKES; take++) {
      for (const message of messages) {
        if (typeof message === "string") encoder.text(message);
        else encoder.binary(message);
      }
      sink.bytes(encoder.take());
      encoder.recycle();
    }
  };
  return { name, run };
}

/** `Sender.send` with the options that `WebSocket.send` gives it. */
function wsSender(
  name: string,
  ws: Ws,
  role: Role,
  messages: readonly (string | Buffer)[],
  sink: Sink,
): Rival {
  const sender = new ws.Sender(createSocket(sink));
  const mask = role === "client";
  const run = () => {
    for (let take = 0; take < TAKES; take++) {
      for (const message of messages) {
        sender.send(message, { binary: typeof message !== "string", compress: false, fin: true, mask });
      }
    }
  };
  return { name, run };
}

/**
 * Stands for a socket, without what the stream and the system calls cost. A server's text reaches it as a
 * string, which a real socket then has to encode; so this one does that, into memory that is warm.
 */
function createSocket(sink: Sink): WsSocket {
  const slab = Buffer.allocUnsafeSlow(4 << 20);
  let corked = 0;
  return {
    cork() {
      corked++;
    },
    uncork() {
      corked--;
    },
    write(data) {
      if (typeof data !== "string") sink.bytes(data);
      else if (sink.kept !== undefined) sink.bytes(Buffer.from(data));
      else sink.sum = (sink.sum + slab.write(data, 0, "utf8")) | 0;
      return corked >= 0;
    },
  };
}

function hawserOneShot(name: string, role: Role, messages: readonly string[], sink: Sink): Rival {
  const options = { mask: role === "client" };
  const run = () => {
    for (const message of messages) sink.bytes(encodeText(message, options));
  };
  return { name, run };
}

/** Gives a header and a payload apart when it does not mask. */
function wsFrame(name: string, ws: Ws, role: Role, messages: readonly string[], sink: Sink): Rival {
  const options = { fin: true, mask: role === "client", opcode: 1, readOnly: false, rsv1: false };
  const run = () => {
    for (const message of messages) {
      const pieces = ws.Sender.frame(Buffer.from(message), options) as Buffer[];
      for (let i = 0; i < pieces.length; i++) sink.bytes(pieces[i]);
    }
  };
  return { name, run };
}
