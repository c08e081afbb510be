/** The page's end of a mirror: what the server saw on the wire, as frames. */

import { type Connection, connect } from "hawser";
import { DEFAULT_MAX_FRAME_SIZE, type Role } from "hawser/codec";
import { type Frame, FrameStream } from "../frame/frame-stream.js";
import { compressionOf } from "./compression.js";
import { FROM_CLIENT, type MirrorNote } from "./mirror-format.js";

export interface MirrorSink {
  handshake(which: "request" | "response", head: string): void;
  frames(frames: readonly Frame[], sender: Role): void;
  /** How many bytes of an unfinished frame are there; told after each chunk. */
  waiting(length: number, sender: Role): void;
  /** The page did not keep up, and sees nothing more of this connection. */
  lost(): void;
  ended(): void;
}

/** Opens a mirror for one connection, until the signal aborts. Returns the id to connect with. */
export async function openMirror(sink: MirrorSink, signal: AbortSignal): Promise<string> {
  const mirror = await connect("/mirror").catch((cause: unknown) => {
    throw new Error("the server does not answer. Is `npm start` still running?", { cause });
  });
  const first = await mirror.receive();
  const note = JSON.parse(`${first ?? "{}"}`) as Partial<MirrorNote>;
  if (note.note !== "id") throw new Error("the server gave no mirror");
  signal.addEventListener("abort", () => void mirror.close(), { once: true });
  void show(mirror, sink, signal);
  return note.id as string;
}

async function show(mirror: Connection, sink: MirrorSink, signal: AbortSignal): Promise<void> {
  const streams: Partial<Record<Role, FrameStream>> = {};
  for await (const message of mirror) {
    // Bytes from before the close.
    if (signal.aborted) break;
    if (message.data instanceof Uint8Array) {
      const sender: Role = message.data[0] === FROM_CLIENT ? "client" : "server";
      const stream = streams[sender];
      const frames = stream?.push(message.data.subarray(1)) ?? [];
      if (frames.length > 0) sink.frames(frames, sender);
      sink.waiting(stream?.waitingLength ?? 0, sender);
      continue;
    }
    const note = JSON.parse(message.data) as MirrorNote;
    if (note.note === "lost") sink.lost();
    if (note.note === "end") sink.ended();
    if (note.note !== "request" && note.note !== "response") continue;
    sink.handshake(note.note, note.head);
    if (note.note === "response") {
      // What a client sends is read as a server does, and the other way round.
      streams.client = streamOf("client", "server", note.head);
      streams.server = streamOf("server", "client", note.head);
    }
  }
  streams.client?.release();
  streams.server?.release();
}

function streamOf(sender: Role, reader: Role, head: string): FrameStream {
  const maxFrameSize = DEFAULT_MAX_FRAME_SIZE;
  return new FrameStream({ reader, compression: compressionOf(head, sender), maxFrameSize });
}
