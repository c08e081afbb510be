/**
 * A soak: many connections, open all the time, that send messages of mixed sizes, a third of them compressed, close in
 * every way at random, and open again. Every echo is compared with the sent message.
 */

import { fork } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Connection } from "../../../dist/index.js";
import { Callee } from "../calls.js";
import { hawser } from "../hawser.js";
import type { SoakServerMethods } from "./server.js";

export interface SoakOptions {
  readonly seconds: number;
  readonly connections: number;
  /** "hawser" or "ws". */
  readonly server: string;
  /** Milliseconds between two samples. */
  readonly everyMs: number;
  readonly onSample?: (sample: SoakSample) => void;
}

export interface SoakSample {
  readonly seconds: number;
  /** Bytes. */
  readonly serverRss: number;
  readonly clientRss: number;
  readonly open: number;
  readonly messages: number;
  readonly closes: number;
}

export interface SoakResult {
  readonly samples: readonly SoakSample[];
  readonly messages: number;
  readonly bytes: number;
  readonly compressed: number;
  /** How connections ended that ended. */
  readonly closes: Readonly<Record<string, number>>;
  /** Milliseconds of every attempt to open: those of the beginning, all at once, and those later. */
  readonly firstConnects: readonly number[];
  readonly laterConnects: readonly number[];
  /** Echoes that differ from the sent message, connections that ended by themselves. */
  readonly faults: readonly string[];
}

/** Bytes of a message, and how often: most are short, some are long. */
const SIZES = [0, 1, 16, 64, 125, 126, 200, 500, 1000, 4000, 16_000, 65_536, 200_000];
const WEIGHTS = [2, 4, 20, 20, 10, 10, 15, 8, 5, 3, 2, 1, 0.2];
const PAUSE_MS = 200;
/** Of messages, how many end with another connection. */
const CLOSE_SHARE = 1 / 50;

const SERVER = fileURLToPath(new URL("./server.ts", import.meta.url));

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const child = fork(SERVER, { execArgv: [...process.execArgv] });
  const server = new Callee<SoakServerMethods>("the server of the soak", child);
  try {
    const port = (await server.call("start", options.server)) as number;
    return await new Load(options, port, server).run();
  } finally {
    child.kill("SIGKILL");
  }
}

function pick(): number {
  let at = Math.random() * WEIGHTS.reduce((sum, each) => sum + each, 0);
  for (let i = 0; i < SIZES.length; i++) if ((at -= WEIGHTS[i]) < 0) return SIZES[i];
  return SIZES[0];
}

const LINE = '{"id":123456,"name":"hawser","values":[1,2,3.5],"text":"to be, or not to be"} ';

class Load {
  readonly #options: SoakOptions;
  readonly #url: string;
  readonly #server: Callee<SoakServerMethods>;
  readonly #samples: SoakSample[] = [];
  readonly #closes: Record<string, number> = {};
  readonly #first: number[] = [];
  readonly #later: number[] = [];
  readonly #faults: string[] = [];
  #open = 0;
  #messages = 0;
  #bytes = 0;
  #compressed = 0;
  #isOver = false;

  constructor(options: SoakOptions, port: number, server: Callee<SoakServerMethods>) {
    this.#options = options;
    this.#url = `ws://127.0.0.1:${port}`;
    this.#server = server;
  }

  async run(): Promise<SoakResult> {
    const { seconds, connections, everyMs } = this.#options;
    const started = performance.now();
    const lanes = Array.from({ length: connections }, (_, i) => this.#lane(i));
    while (performance.now() - started < seconds * 1000) {
      await sleep(Math.min(everyMs, seconds * 1000 - (performance.now() - started)));
      await this.#sample((performance.now() - started) / 1000);
    }
    this.#isOver = true;
    await Promise.all(lanes);
    return {
      samples: this.#samples,
      messages: this.#messages,
      bytes: this.#bytes,
      compressed: this.#compressed,
      closes: this.#closes,
      firstConnects: this.#first,
      laterConnects: this.#later,
      faults: this.#faults,
    };
  }

  async #sample(seconds: number): Promise<void> {
    const { rss } = (await this.#server.call("state")) as { rss: number };
    const sample = {
      seconds,
      serverRss: rss,
      clientRss: process.memoryUsage.rss(),
      open: this.#open,
      messages: this.#messages,
      closes: Object.values(this.#closes).reduce((sum, each) => sum + each, 0),
    };
    this.#samples.push(sample);
    this.#options.onSample?.(sample);
  }

  /** One connection after the other. A third of the lanes compress. */
  async #lane(lane: number): Promise<void> {
    const compresses = lane % 3 === 0;
    const { connect } = await hawser();
    for (let times = this.#first; !this.#isOver; times = this.#later) {
      const start = performance.now();
      let connection: Connection;
      try {
        connection = await connect(this.#url, { perMessageDeflate: compresses, timeout: 60_000 });
      } catch (error) {
        this.#faults.push(`connect: ${(error as Error).message}`);
        await sleep(PAUSE_MS);
        continue;
      }
      times.push(performance.now() - start);
      this.#open++;
      await this.#converse(connection, compresses);
      this.#open--;
    }
  }

  async #converse(connection: Connection, compresses: boolean): Promise<void> {
    for (let n = 0; ; n++) {
      const size = pick();
      const content = `${n} ${LINE.repeat(Math.ceil(size / LINE.length))}`.slice(0, size);
      const isText = n % 2 === 0;
      connection.send(isText ? content : Buffer.from(content));
      const message = await connection.receive();
      if (message === undefined) {
        this.#faults.push(`ended by itself: ${connection.closeCode} ${connection.error?.message ?? ""}`);
        return;
      }
      if (String(message) !== content || (message.type === "text") !== isText) {
        this.#faults.push(`an echo of ${size} bytes differs from the sent message`);
      }
      this.#messages++;
      this.#bytes += size;
      if (compresses) this.#compressed++;
      if (this.#isOver || Math.random() < CLOSE_SHARE) {
        await this.#close(connection);
        return;
      }
      await sleep(Math.random() * 2 * PAUSE_MS);
    }
  }

  /** In one of the ways in which connections end. */
  async #close(connection: Connection): Promise<void> {
    const way = this.#isOver
      ? "close"
      : ["close", "close with a message under way", "terminate", "end"][Math.floor(Math.random() * 4)];
    this.#closes[way] = (this.#closes[way] ?? 0) + 1;
    if (way === "terminate") connection.terminate();
    else if (way === "end") connection.socket.end();
    else {
      if (way !== "close") connection.send("no one waits for this echo");
      void connection.close(1000);
    }
    const { code } = await connection.closed;
    if (way.startsWith("close") && code !== 1000) this.#faults.push(`${way}: ${code}`);
  }
}
