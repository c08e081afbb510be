/**
 * Where the face differs from `ws` on purpose: which scripts, and why. The face's own behaviour is recorded line by
 * line in allowed-logs.json, so that nothing else may differ. `HAWSER_RECORD=1` rewrites that file.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Log } from "./journal.js";

/** The lanes of the face's log that differ; null for a lane that the face does not have. */
type Lanes = Record<string, readonly string[] | null>;

interface Difference {
  readonly why: string;
  readonly scripts: readonly string[];
}

/** Names of the scripts that send these frames, to each kind of socket. */
function ofFrames(
  names: readonly string[],
  kinds = ["to a server", "to a client", "byte by byte"],
): string[] {
  return names.flatMap((name) => kinds.map((kind) => `frames ${kind}: ${name}`));
}

const both = (name: string) => [true, false].map((value) => `${name}, allowSynchronousEvents ${value}`);

export const differences: readonly Difference[] = [
  {
    why: "§8.1: text is validated always; that costs next to nothing, so skipUTF8Validation does nothing",
    scripts: [
      ...ofFrames(["text that is not UTF-8, not checked", "a reason that is not UTF-8, not checked"]),
      "the option skipUTF8Validation changes before a connection",
      "Receiver of a client: skipUTF8Validation",
      "Receiver of a server: skipUTF8Validation",
    ],
  },
  {
    why: "§5.2: a length must take the fewest bytes, and the top bit of eight is clear; ws takes any",
    scripts: [
      "frames to a server: longer lengths than needed",
      ...ofFrames(["a length of 2^63"], ["to a server", "to a client"]),
    ],
  },
  {
    why: "§5.1 says who masks: the option mask and that argument of ping and pong are not obeyed",
    scripts: ["mask: true of a server", "mask: false of a client"],
  },
  {
    why: "hawser limits bytes: it puts fragments and chunks together as they come, and keeps one Pong to be sent",
    scripts: [
      ...ofFrames(["more fragments than maxFragments", "empty fragments, more than maxFragments"]),
      "frames to a server: more pings than maxPendingAutoPongs",
      "frames to a server: more chunks than maxBufferedChunks",
      "defaults of a server's options",
      "binaryType fragments: what listeners get",
      "Receiver of a client: binaryType fragments",
      "Receiver of a server: binaryType fragments",
    ],
  },
  {
    why: "close() refuses codes that are not integers, and takes null as a missing reason",
    scripts: ["close() with 1000 and an array", "close() with 1000 and null", "close() with 1000.5"],
  },
  {
    why: "pause() holds and terminate() drops the rest of the chunk at once",
    scripts: [
      "terminate() in message, another behind it in the chunk",
      "pause() in message, another behind it in the chunk",
      "terminate() while paused delivers what came",
      ...both("timing: terminate() in message"),
      ...both("timing: pause() in message"),
    ],
  },
  {
    why: "terminate() first writes messages that were sent before, as ws has done by then if the socket takes them",
    scripts: [
      "callbacks of messages that were not written when it is terminated",
      "bufferedAmount after terminate()",
      "terminate() while messages wait for compression",
    ],
  },
  {
    why: "writes are at the end of the turn, so callbacks come behind ticks that the turn queued; errors come in the turn",
    scripts: [
      "timing: callbacks of send()",
      "timing: callbacks of send() in message",
      "timing: callbacks of send() over TCP",
      "timing: when bytes go out",
      "timing: terminate() and close",
      "timing: frames of one chunk and an error, allowSynchronousEvents true",
      "timing: the peer ends behind messages, allowSynchronousEvents false",
    ],
  },
  {
    why: "a listener that throws does not stop the connection: the error reaches the process, and reading goes on",
    scripts: ["a listener of message that throws", "a listener of ping that throws"],
  },
  {
    why: "compression is synchronous, so nothing waits for it, and messages that it does not shorten are sent as they are",
    scripts: [
      "bufferedAmount counts what waits for compression",
      "compression on the wire: an empty message",
    ],
  },
  {
    why: "the errors of compressed data are hawser's own, with zlib's code",
    scripts: ["compressed frames: no DEFLATE", "PerMessageDeflate: compress and decompress"],
  },
  {
    why: "RFC 7692 §5: one answer for one extension; the parameters of an answer stand in hawser's order",
    scripts: ["answer: compression twice", "request: compression, the server has windows"],
  },
  {
    why: "parsers of headers are hawser's: the same headers are refused, in other words",
    scripts: [
      "extension.parse",
      "extension.format",
      "subprotocol.parse",
      "PerMessageDeflate: offer and accept with everything",
      "PerMessageDeflate: offer and accept with clientMaxWindowBits false",
    ],
  },
  {
    why: "Sender.frame gives a masked frame as one Buffer, and leaves the caller's bytes alone",
    scripts: [
      "text of a server",
      "a string",
      "a fragment",
      "RSV1",
      "126 bytes",
      "65536 bytes",
      "a close",
    ].map((name) => `Sender.frame: ${name}`),
  },
  {
    why: "a redirected request has its headers in the case that the user wrote",
    scripts: [
      "followRedirects to another host drops credentials",
      "followRedirects to the same host keeps credentials",
    ],
  },
  {
    why: "a status without a name has an empty reason, not the word undefined",
    scripts: ["request: verifyClient says 999"],
  },
  {
    why: "parameters with defaults do not count for the length of a function",
    scripts: ["names and lengths of classes and functions", "lengths of methods"],
  },
  {
    why: "listeners may stay on a Duplex that is closed",
    scripts: ["no event behind close"],
  },
];

const allowedNames = new Set(differences.flatMap(({ scripts }) => scripts));

const FILE = fileURLToPath(new URL("allowed-logs.json", import.meta.url));

export const recording = process.env.HAWSER_RECORD === "1";

const logs: Record<string, Lanes> = recording ? {} : JSON.parse(readFileSync(FILE, "utf8"));

/** Whether the script may differ. */
export function mayDiffer(name: string): boolean {
  return allowedNames.has(name);
}

/** The log that the face must have, where that of ws is this. */
export function allowedLog(name: string, ofWs: Log): Log {
  const log: Record<string, readonly string[]> = { ...ofWs };
  for (const [lane, lines] of Object.entries(logs[name] ?? {})) {
    if (lines === null) delete log[lane];
    else log[lane] = lines;
  }
  return log;
}

/** Notes what the face does. */
export function record(name: string, ofWs: Log, ofFace: Log): void {
  const lanes: Lanes = {};
  for (const lane of new Set([...Object.keys(ofWs), ...Object.keys(ofFace)])) {
    if (JSON.stringify(ofWs[lane]) !== JSON.stringify(ofFace[lane])) lanes[lane] = ofFace[lane] ?? null;
  }
  logs[name] = lanes;
}

export function save(): void {
  const sorted = Object.fromEntries(Object.entries(logs).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(FILE, `${JSON.stringify(sorted, null, 2)}\n`);
}
