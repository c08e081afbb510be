/** Runs the tables of requests and responses against a subject, over real sockets, in all three writings. */

import { once } from "node:events";
import net from "node:net";
import { randomNumbers } from "../support/property.js";
import { responseText, SAMPLE_KEY } from "../support/sockets.js";
import { type Verdict, WRITINGS, type Writing } from "./case.js";
import { REQUESTS, type RequestCase } from "./cases/requests.js";
import { RESPONSES, type ResponseCase } from "./cases/responses.js";
import { headerOf, inParallel, type Result, readHead } from "./run.js";
import { listenRaw, type Opening, type RunningServer, type Subject } from "./subjects.js";
import { PATIENCE_MS } from "./tester.js";

const SPOKEN = ["chat", "v2.chat"];
const WIDTH = 8;
/** Octets that leave one by one; the rest of a long head leaves in pieces. */
const SINGLES = 600;
const PIECE = 997;

/** Writes a text in pieces, until the other side has ended the socket. */
async function write(socket: net.Socket, text: string, writing: Writing, seed: number): Promise<void> {
  const bytes = Buffer.from(text, "latin1");
  const random = randomNumbers(seed);
  for (let at = 0; at < bytes.length && socket.writable && !socket.readableEnded; ) {
    const most =
      writing === "whole"
        ? Infinity
        : writing === "random cuts"
          ? 1 + (random() % 60)
          : at < SINGLES
            ? 1
            : PIECE;
    const piece = at > SINGLES && writing !== "whole" ? Math.max(most, PIECE) : most;
    socket.write(bytes.subarray(at, at + piece));
    at += piece;
    await new Promise(setImmediate);
  }
}

async function patiently<T>(promise: Promise<T>, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function seedOf(id: string, seed: number): number {
  return [...id].reduce((sum, character) => Math.imul(sum, 31) + character.charCodeAt(0), seed);
}

// Requests ────────────────────────────────────────────────────────────────────────────────────────

async function request(port: number, one: RequestCase, writing: Writing, seed: number): Promise<string> {
  const socket = net.connect(port, "127.0.0.1").setNoDelay(true);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  const answered = readHead(socket);
  await write(socket, one.text, writing, seedOf(one.id, seed));
  const { head } = await patiently(answered, { head: "hangs", rest: Buffer.alloc(0) });
  // What a server may do instead of an answer, it may do to a request that it cannot read.
  socket.destroy();
  if (head === "hangs") return head;
  const status = /^HTTP\/1\.1 (\d+)/.exec(head)?.[1];
  if (status === undefined) return "cut";
  if (status !== "101")
    return ["Allow", "Upgrade", "Sec-WebSocket-Version"].reduce((said, name) => {
      const value = headerOf(head, name);
      return value === "" ? said : `${said} ${name}=${value}`;
    }, status);
  return [
    status,
    headerOf(head, "Sec-WebSocket-Protocol"),
    headerOf(head, "Sec-WebSocket-Extensions"),
    wrongIn(head, one.text),
  ]
    .filter((part) => part !== "")
    .join(" ");
}

/** §4.2.2: what a 101 must have. */
function wrongIn(head: string, text: string): string {
  const key = /^sec-websocket-key: *(\S+)/im.exec(text)?.[1] ?? SAMPLE_KEY;
  const right = headerOf(responseText(key), "Sec-WebSocket-Accept");
  if (headerOf(head, "Sec-WebSocket-Accept") !== right) return "violation: Sec-WebSocket-Accept";
  if (!/^websocket$/i.test(headerOf(head, "Upgrade"))) return "violation: Upgrade";
  return /upgrade/i.test(headerOf(head, "Connection")) ? "" : "violation: Connection";
}

function judgeRequest({ expects, protocol = "" }: RequestCase, outcome: string): Verdict {
  const isOpen = outcome === `101${protocol === "" ? "" : ` ${protocol}`}`;
  const status = Number(/^\d+/.exec(outcome)?.[0] ?? 0);
  if (outcome === "hangs" || outcome.includes("violation")) return "FAILED";
  if (expects === 101) return isOpen ? "OK" : "FAILED";
  const isRefused = outcome === "cut" || status >= 400;
  if (expects === "either") return isRefused || isOpen ? "OK" : "FAILED";
  if (expects === "refuse") return isRefused ? "OK" : "FAILED";
  if (expects.includes(status)) return "OK";
  return isRefused ? "NON-STRICT" : "FAILED";
}

// Responses ───────────────────────────────────────────────────────────────────────────────────────

class ResponseRunner {
  readonly #subject: Subject;
  #server: Promise<RunningServer> | undefined = undefined;
  #count = 0;
  readonly #cases = new Map<string, { one: ResponseCase; writing: Writing; seed: number }>();

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  async close(): Promise<void> {
    await (await this.#server)?.close();
  }

  async run(one: ResponseCase, writing: Writing, seed: number): Promise<string> {
    this.#server ??= listenRaw((socket) => void this.#answer(socket));
    const { port } = await this.#server;
    const path = `/${++this.#count}`;
    this.#cases.set(path, { one, writing, seed });
    const { protocols = [] } = one;
    const opening = this.#subject.connect(`ws://127.0.0.1:${port}${path}`, { protocols, deflate: false });
    const outcome = await patiently<Opening>(opening, { ok: false, error: "hangs" });
    if (!outcome.ok) return outcome.error;
    return ["open", outcome.protocol, outcome.extensions].filter((part) => part !== "").join(" ");
  }

  async #answer(socket: net.Socket): Promise<void> {
    const { head } = await readHead(socket);
    const { one, writing, seed } = this.#cases.get(/^GET (\S+) /.exec(head)?.[1] ?? "") ?? {};
    if (one === undefined) return;
    socket.resume();
    const text = one.text(headerOf(head, "Sec-WebSocket-Key"));
    await write(socket, text, writing ?? "whole", seedOf(one.id, seed ?? 1));
    // A client that opened closes when the runner does. One that refuses, or waits for more, gets the end of the socket.
    if (one.expects !== "open") socket.end();
  }
}

function judgeResponse({ expects }: ResponseCase, outcome: string): Verdict {
  const isOpen = outcome.startsWith("open");
  if (outcome === "hangs") return "FAILED";
  return expects === "either" || (expects === "open") === isOpen ? "OK" : "FAILED";
}

// All ─────────────────────────────────────────────────────────────────────────────────────────────

function resultOf(
  one: { readonly id: string; readonly title: string },
  role: "server" | "client",
  outcomes: readonly string[],
  verdicts: readonly Verdict[],
): Result {
  const differ = outcomes.some((outcome) => outcome !== outcomes[0]);
  const outcome = differ ? outcomes.map((each, i) => `${WRITINGS[i]}: ${each}`).join(" | ") : outcomes[0];
  const verdict = (["FAILED", "NON-STRICT", "OK"] as const).find((each) =>
    verdicts.includes(each),
  ) as Verdict;
  return { id: one.id, title: one.title, role, verdict, outcome };
}

/** Runs all requests against the server of a subject, and all responses against its client. */
export async function runHandshakes(
  subject: Subject,
  seed = 1,
  isWanted: (id: string) => boolean = () => true,
): Promise<Result[]> {
  const server = await subject.serve({ protocols: SPOKEN });
  const runner = new ResponseRunner(subject);
  try {
    const requests = await inParallel(
      REQUESTS.filter(({ id }) => isWanted(id)),
      WIDTH,
      async (one) => {
        const outcomes: string[] = [];
        for (const writing of WRITINGS) outcomes.push(await request(server.port, one, writing, seed));
        return resultOf(
          one,
          "server",
          outcomes,
          outcomes.map((each) => judgeRequest(one, each)),
        );
      },
    );
    const responses = await inParallel(
      RESPONSES.filter(({ id }) => isWanted(id)),
      WIDTH,
      async (one) => {
        const outcomes: string[] = [];
        for (const writing of WRITINGS) outcomes.push(await runner.run(one, writing, seed));
        return resultOf(
          one,
          "client",
          outcomes,
          outcomes.map((each) => judgeResponse(one, each)),
        );
      },
    );
    return [...requests, ...responses];
  } finally {
    await runner.close();
    await server.close();
  }
}
