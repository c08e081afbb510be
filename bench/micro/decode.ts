/**
 * Decoding: messages delivered as strings or bytes, from chunks. Chunks are restored before each sample,
 * outside of the timing, because decoders unmask in place.
 */

import { type Contest, check, type Field, type Rival, Sink } from "./harness.js";
import { FrameDecoder, Opcode, type Role } from "./hawser.js";
import { createStream, createTrickle, PAYLOAD_KINDS, restore, SIZES, type Stream } from "./payloads.js";
import { createDriver, loadWs, WS_RECEIVER_LIMITS, type Ws } from "./rivals.js";

const WS = "ws + bufferutil";
const MAX_FRAME_SIZE = WS_RECEIVER_LIMITS.maxPayload;

/** A message in a chunk of its own: its size, and how many of them are one sample. */
const TRICKLE_SIZE = 128;
const TRICKLE_COUNT = 512;

const CLIENT_SIZES = [16, 256, 8192];

export function* decodeContests(field: Field): Generator<Contest> {
  const ws = loadWs(true);
  const others = field === "others" ? { plainWs: loadWs(false) } : undefined;

  function contest(table: string, size: number, stream: Stream, role: Role): Contest {
    const sink = new Sink();
    const rivals = others
      ? [wsReceiver(WS, ws, stream, role, sink), wsReceiver("ws", others.plainWs, stream, role, sink)]
      : [hawser("hawser", stream, role, sink), wsReceiver(WS, ws, stream, role, sink)];
    if (others && role === "server") rivals.push(websocketDriver(stream, sink));
    if (others) rivals.push(hawser("hawser reference", stream, role, sink));
    for (const rival of rivals) {
      sink.kept = [];
      rival.prepare?.();
      rival.run();
      check(`${table}, ${size} B`, rival.name, sink.kept, stream.messages);
    }
    sink.kept = undefined;
    return { suite: "decode", table, size, operations: stream.messages.length, peer: WS, rivals };
  }

  for (const kind of PAYLOAD_KINDS) {
    for (const size of SIZES) {
      yield contest(`decode as a server, ${kind}`, size, createStream(kind, size, true), "server");
    }
  }
  for (const kind of PAYLOAD_KINDS) {
    for (const size of CLIENT_SIZES) {
      yield contest(`decode as a client, ${kind}`, size, createStream(kind, size, false), "client");
    }
  }
  for (const kind of PAYLOAD_KINDS) {
    const stream = createTrickle(kind, TRICKLE_SIZE, TRICKLE_COUNT);
    yield contest(`decode as a server, one frame in each chunk, ${kind}`, TRICKLE_SIZE, stream, "server");
  }
}

function hawser(name: string, stream: Stream, role: Role, sink: Sink): Rival {
  const { chunks } = stream;
  const decoder = new FrameDecoder({ role, maxFrameSize: MAX_FRAME_SIZE });
  const run = () => {
    for (const chunk of chunks) {
      decoder.push(chunk);
      while (decoder.next()) {
        if (decoder.opcode === Opcode.Text) sink.text(decoder.text());
        else sink.bytes(decoder.payload);
      }
      if (decoder.error !== undefined) throw decoder.error;
    }
  };
  return { name, prepare: () => restore(stream), run };
}

/**
 * What ws does for each chunk: `receiver.write` in its socket's 'data' listener. Text comes as a Buffer, and
 * becomes a string here as it does for hawser. The stream's own tick behind each write is not counted.
 */
function wsReceiver(name: string, ws: Ws, stream: Stream, role: Role, sink: Sink): Rival {
  const { chunks } = stream;
  const receiver = new ws.Receiver({ ...WS_RECEIVER_LIMITS, isServer: role === "server" });
  receiver.on("message", (data: Buffer, isBinary: boolean) => {
    if (isBinary) sink.bytes(data);
    else sink.text(data.toString());
  });
  receiver.on("error", (error: Error) => {
    throw error;
  });
  const run = () => {
    for (const chunk of chunks) receiver.write(chunk);
  };
  return { name, prepare: () => restore(stream), run };
}

/** It makes strings of text itself. */
function websocketDriver(stream: Stream, sink: Sink): Rival {
  const { chunks } = stream;
  const driver = createDriver();
  driver.on("message", ({ data }: { data: string | Buffer }) => {
    if (typeof data === "string") sink.text(data);
    else sink.bytes(data);
  });
  driver.on("error", (error: Error) => {
    throw error;
  });
  const run = () => {
    for (const chunk of chunks) driver.parse(chunk);
  };
  return { name: "websocket-driver", prepare: () => restore(stream), run };
}
