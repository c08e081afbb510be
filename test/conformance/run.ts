/** Runs cases against a subject in both roles, each on a connection of its own over a real socket. */

import { createHash } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { parseExtensions } from "../../src/protocol/index.js";
import { requestText, responseText, SAMPLE_KEY } from "../support/sockets.js";
import { type Case, joined, judge, type Role, type Verdict, WRITINGS, type Writing } from "./case.js";
import { type Compression, Sender } from "./sender.js";
import { listenRaw, type RunningServer, type Subject } from "./subjects.js";
import { type Decompression, Tester } from "./tester.js";

export interface Result {
  readonly id: string;
  readonly title: string;
  readonly role: Role;
  /** The worst of all writings. */
  readonly verdict: Verdict;
  /** The received messages and frames, in words; one list for each writing if they differ. */
  readonly outcome: string;
}

interface Opened {
  readonly socket: net.Socket;
  /** Bytes behind the head. */
  readonly rest: Buffer;
  /** Extensions that both sides agreed on. */
  readonly extensions: string;
}

const HEAD_END = "\r\n\r\n";

/** Reads a head, and stops reading. */
export async function readHead(socket: net.Socket): Promise<{ head: string; rest: Buffer }> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) {
      if (socket.readableEnded || socket.destroyed) return { head: bytes.toString("latin1"), rest: bytes };
      await new Promise<void>((resolve) => {
        const done = () => {
          for (const event of ["readable", "end", "close"]) socket.removeListener(event, done);
          resolve();
        };
        for (const event of ["readable", "end", "close"]) socket.once(event, done);
      });
      continue;
    }
    bytes = Buffer.concat([bytes, chunk]);
    const end = bytes.indexOf(HEAD_END);
    if (end < 0) continue;
    const split = end + HEAD_END.length;
    return { head: bytes.subarray(0, split).toString("latin1"), rest: bytes.subarray(split) };
  }
}

export function headerOf(head: string, name: string): string {
  return new RegExp(`^${name}: *(.*?) *\r$`, "im").exec(head)?.[1] ?? "";
}

/** A subject in both roles, for one setting of compression. */
export class Runner {
  readonly #subject: Subject;
  readonly #deflate: boolean;
  #server: Promise<RunningServer> | undefined = undefined;
  #raw: Promise<RunningServer> | undefined = undefined;
  #cases = 0;
  /** Who waits for a client's connection, by the path of its request. */
  readonly #waiting = new Map<string, { response: string; resolve: (opened: Opened) => void }>();

  constructor(subject: Subject, deflate: boolean) {
    this.#subject = subject;
    this.#deflate = deflate;
  }

  async close(): Promise<void> {
    await (await this.#server)?.close();
    await (await this.#raw)?.close();
  }

  /** Without compression: the options that the subject has by itself. */
  get #settings() {
    return this.#deflate ? { deflate: true } : {};
  }

  async run(one: Case, role: Role, seed = 1, writings = one.writings ?? WRITINGS): Promise<Result> {
    const verdicts: Verdict[] = [];
    const outcomes: string[] = [];
    for (const writing of writings) {
      const events = await this.#runOnce(one, role, writing, seed);
      verdicts.push(judge(one, events));
      outcomes.push(joined(events));
    }
    const differ = outcomes.some((outcome) => outcome !== outcomes[0]);
    const outcome = differ ? outcomes.map((each, i) => `${writings[i]}: ${each}`).join(" | ") : outcomes[0];
    const order: Verdict[] = ["FAILED", "NON-STRICT", "OK"];
    const verdict = order.find((each) => verdicts.includes(each)) as Verdict;
    return { id: one.id, title: one.title, role, verdict, outcome };
  }

  async #runOnce(one: Case, role: Role, writing: Writing, seed: number): Promise<readonly string[]> {
    const { negotiation } = one;
    const { socket, rest, extensions } = await (role === "server"
      ? this.#dial(negotiation?.offer)
      : this.#accept(negotiation?.response));
    const agreed = agreement(extensions);
    if (typeof agreed === "string") {
      socket.destroy();
      return [`violation: ${agreed}`];
    }
    const refused = role === "server" ? offends(one, extensions) : undefined;
    const [own, theirs] =
      role === "server" ? [agreed?.client, agreed?.server] : [agreed?.server, agreed?.client];
    const tester = new Tester(socket, role === "client", theirs, rest);
    if (refused !== undefined) tester.events.push(`violation: ${refused}`);
    const cuts = createHash("sha256").update(`${seed} ${one.id} ${role}`).digest().readInt32LE();
    const sender = new Sender(tester, role === "server", writing, own, cuts);
    await one.sends(sender);
    if (!sender.isOpenEnded) sender.close(1000);
    await sender.flush();
    return tester.ended();
  }

  /** A connection to a server under test. */
  async #dial(offer: string | undefined): Promise<Opened> {
    this.#server ??= this.#subject.serve(this.#settings);
    const { port } = await this.#server;
    const socket = net.connect(port, "127.0.0.1").setNoDelay(true);
    socket.on("error", () => undefined);
    await once(socket, "connect");
    socket.write(requestText({ "Sec-WebSocket-Extensions": offer }));
    const { head, rest } = await readHead(socket);
    if (!/^HTTP\/1\.1 101 /.test(head)) throw new Error(`the server refused ${SAMPLE_KEY}: ${head}`);
    return { socket, rest, extensions: headerOf(head, "Sec-WebSocket-Extensions") };
  }

  /** A connection of a client under test. */
  async #accept(response: string | undefined): Promise<Opened> {
    this.#raw ??= listenRaw((socket) => void this.#answer(socket));
    const { port } = await this.#raw;
    const path = `/${++this.#cases}`;
    return new Promise((resolve) => {
      this.#waiting.set(path, { response: response ?? "", resolve });
      void this.#subject.connect(`ws://127.0.0.1:${port}${path}`, this.#settings);
    });
  }

  async #answer(socket: net.Socket): Promise<void> {
    const { head, rest } = await readHead(socket);
    const path = /^GET (\S+) /.exec(head)?.[1] ?? "";
    const waiting = this.#waiting.get(path);
    this.#waiting.delete(path);
    const { response = "", resolve } = waiting ?? {};
    const extensions = response === "" ? {} : { "Sec-WebSocket-Extensions": response };
    socket.write(responseText(headerOf(head, "Sec-WebSocket-Key"), extensions));
    resolve?.({ socket, rest, extensions: response });
  }
}

/** The parameters of both directions in a response, or the error in it. */
function agreement(
  extensions: string,
): { client: Compression & Decompression; server: Compression & Decompression } | undefined | string {
  if (extensions === "") return undefined;
  const [extension, ...others] = parseExtensions(extensions) ?? [];
  if (extension?.name !== "permessage-deflate" || others.length > 0) return `extensions ${extensions}`;
  const bits = (name: string) => Number(extension.parameters.get(name)?.[0] ?? 15);
  const has = (name: string) => extension.parameters.has(name);
  return {
    client: { windowBits: bits("client_max_window_bits"), takeover: !has("client_no_context_takeover") },
    server: { windowBits: bits("server_max_window_bits"), takeover: !has("server_no_context_takeover") },
  };
}

/** RFC 7692 §7.1: parameters that a server accepted and the client did not offer. */
function offends({ negotiation }: Case, extensions: string): string | undefined {
  if (negotiation === undefined) return extensions === "" ? undefined : "an extension that was not offered";
  if (extensions === "") return undefined;
  const bits = (value: string, name: string) => new RegExp(`${name}=(\\d+)`).exec(value)?.[1];
  const { offer } = negotiation;
  const most = bits(offer, "server_max_window_bits");
  const said = bits(extensions, "server_max_window_bits");
  if (most !== undefined && !(Number(said) <= Number(most)))
    return "server_max_window_bits is not kept (§7.1.2.1)";
  if (/server_no_context_takeover/.test(offer) && !/server_no_context_takeover/.test(extensions)) {
    return "server_no_context_takeover is not confirmed (§7.1.1.1)";
  }
  if (!/client_max_window_bits/.test(offer) && /client_max_window_bits/.test(extensions)) {
    return "client_max_window_bits was not offered (§7.1.2.2)";
  }
  return undefined;
}

/** Runs something for each of many, `width` at a time, and keeps their order. */
export async function inParallel<T, R>(
  all: readonly T[],
  width: number,
  run: (one: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    while (next < all.length) {
      const i = next++;
      results[i] = await run(all[i]);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}
