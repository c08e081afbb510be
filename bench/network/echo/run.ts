/** One workload of an echo run: rivals in processes of their own, verified, and timed in turns. */

import { setTimeout as sleep } from "node:timers/promises";
import type { Callee, Methods } from "../calls.js";
import { canPin, LOAD_CORE, PINNED_CORES, SERVER_CORE, start } from "../cores.js";
import { bunExecutable } from "../installed.js";
import { profileFile } from "../profile.js";
import {
  busyShare,
  busyShareOfOwn,
  type Patience,
  type Sample,
  type ServerSample,
  watchOthers,
  workedShare,
} from "../usage.js";
import type { EchoSample, LoadMethods } from "./load.js";
import { type EchoResult, type EchoRound, type Finding, summarize } from "./report.js";
import type { SenderMethods } from "./sender.js";
import type { ServerMethods } from "./server.js";
import type { SinkMethods } from "./sink.js";
import { isRaw, type Rival, type Workload } from "./workloads.js";

/** How long things take, in milliseconds. */
export interface Pace {
  readonly rounds: number;
  readonly timedMs: number;
  /** How long a new process works before any timing: its code is optimised meanwhile. */
  readonly optimiseMs: number;
  /** And how long before each timing, for its new connections. */
  readonly warmupMs: number;
}

export interface RunOptions extends Pace {
  /** The Node that runs the measured side; default: this one. */
  readonly node: string | undefined;
  readonly patience: Patience;
  readonly profileFolder: string | undefined;
  readonly isHawserThere: boolean;
  /** Shows the progress. */
  readonly progress: (text: string) => void;
  /** Says who does not take part, and why. */
  readonly skipped: (text: string) => void;
}

/** What every process that is measured answers. */
type Measured = Methods & Pick<ServerMethods, "sample" | "startProfile" | "stopProfile">;

/** A rival's process, and the load that keeps it busy. */
interface Contender {
  readonly rival: Rival;
  readonly process: Pick<Callee<Measured>, "call" | "stop">;
  /** Throws unless the rival does what it is to do. Resolves with what it compresses to. */
  verify(): Promise<number | undefined>;
  /** With new connections: none lives long enough to be pinged. */
  begin(): Promise<void>;
  end(): Promise<void>;
  sampleLoad(): Promise<EchoSample>;
}

/** All rounds of a workload. Each rival has a process for it that no other work ran in. */
export async function run(workload: Workload, options: RunOptions): Promise<EchoResult[]> {
  const { rounds, optimiseMs, progress, profileFolder, patience } = options;
  const isServers = workload.measured === "servers";
  const load = isServers ? await startLoad(workload) : await startSink(workload);
  const contenders: Contender[] = [];
  const found = new Map<string, Finding & { rounds: EchoRound[] }>();
  for (const rival of workload.rivals) {
    if (rival.library.startsWith("hawser") && !options.isHawserThere) continue;
    progress(`${workload.name}, verifying ${rival.name}`);
    let contender: Contender | undefined;
    try {
      contender = await load.contend(rival, options.node);
      const compressedTo = await contender.verify();
      contenders.push(contender);
      found.set(rival.name, { rounds: [], ...(compressedTo !== undefined && { compressedTo }) });
      await underLoad(contender, optimiseMs, async () => {});
    } catch (error) {
      await contender?.process.stop();
      const reason = (error as Error).message.split("\n")[0];
      if (!rival.isOptional) throw new Error(`${workload.name}: ${rival.name} is not in order: ${reason}`);
      options.skipped(`${rival.name}: ${reason}`);
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(turn + round) % contenders.length]; // none is always the first
      progress(`${workload.name}, round ${round + 1}: ${contender.rival.name}`);
      const result = await patience.leastDisturbed(() => measure(contender, options));
      found.get(contender.rival.name)?.rounds.push(result);
    }
  }
  progress("");
  if (profileFolder !== undefined) {
    // Bare `net` under full load may never get to answer the call that starts the profiler.
    for (const contender of contenders.filter(({ rival }) => rival.library === "hawser")) {
      await profile(
        contender,
        options,
        profileFile(profileFolder, `${workload.name} ${contender.rival.name}`),
      );
    }
  }
  await Promise.all(contenders.map((contender) => contender.process.stop()));
  await load.stop();
  return summarize(workload, found);
}

/** What keeps servers or clients busy. */
interface Load {
  contend(rival: Rival, node: string | undefined): Promise<Contender>;
  stop(): Promise<void>;
}

/** A load for servers: clients. */
async function startLoad(workload: Workload): Promise<Load> {
  const load = await start<LoadMethods>("load", "network/echo/load.ts", { core: LOAD_CORE });
  await load.call("prepare", workload);
  return {
    async contend(rival, node) {
      const executable = rival.library === "Bun" ? bunExecutable() : node;
      const server = await start<ServerMethods>(rival.name, "network/echo/server.ts", {
        core: SERVER_CORE,
        node: executable,
      });
      try {
        const { compression = "none" } = rival;
        const place = { port: await server.call("start", rival), raw: isRaw(rival), compression };
        return {
          rival,
          process: server,
          async verify() {
            const { messages, payloads } = await load.call("verify", place);
            return compression === "none" ? undefined : payloads / messages;
          },
          async begin() {
            await load.call("open", place);
            await load.call("start", { shallSpin: canPin });
          },
          end: () => load.call("stop"),
          sampleLoad: () => load.call("sample"),
        };
      } catch (error) {
        await server.stop();
        throw error;
      }
    },
    stop: () => load.stop(),
  };
}

/** A load for clients: a server, which verifies what it gets while it counts. */
async function startSink(workload: Workload): Promise<Load> {
  const sink = await start<SinkMethods>("sink", "network/echo/sink.ts", { core: LOAD_CORE });
  const port = await sink.call("listen", workload);
  return {
    async contend(rival, node) {
      const sender = await start<SenderMethods>(rival.name, "network/echo/sender.ts", {
        core: SERVER_CORE,
        node,
      });
      return {
        rival,
        process: sender,
        verify: async () => undefined,
        async begin() {
          await sink.call("spin", canPin);
          await sender.call("open", { rival, port, workload });
        },
        async end() {
          await sender.call("close");
          await sink.call("spin", false);
        },
        sampleLoad: () => sink.call("sample"),
      };
    },
    stop: () => sink.stop(),
  };
}

async function underLoad<T>(contender: Contender, warmupMs: number, work: () => Promise<T>): Promise<T> {
  await contender.begin();
  await sleep(warmupMs);
  const result = await work();
  await contender.end();
  return result;
}

function measure(contender: Contender, { warmupMs, timedMs }: Pace): Promise<EchoRound> {
  const samples = (): Promise<[ServerSample, EchoSample]> =>
    Promise.all([contender.process.call("sample"), contender.sampleLoad()]);
  return underLoad(contender, warmupMs, async () => {
    const othersSince = watchOthers(PINNED_CORES);
    const [from, loadFrom] = await samples();
    await sleep(timedMs);
    const [to, loadTo] = await samples();
    const serverShare = busyShare(from, to);
    const loadBusy = workedShare(loadFrom, loadTo);
    const perSecond = perSecondOf(loadTo.messages - loadFrom.messages, loadFrom, loadTo);
    return {
      perSecond,
      cpuUs: (serverShare * 1e6) / perSecond,
      faults: perSecondOf(to.faults - from.faults, from, to) / perSecond,
      serverBusy: busyShareOfOwn(from, to),
      loadBusy,
      othersBusy: othersSince([serverShare, busyShare(loadFrom, loadTo)]),
    };
  });
}

function perSecondOf(count: number, from: Sample, to: Sample): number {
  return (count * 1e6) / (to.atUs - from.atUs);
}

function profile(contender: Contender, { warmupMs, timedMs }: Pace, file: string): Promise<void> {
  return underLoad(contender, warmupMs, async () => {
    await contender.process.call("startProfile");
    await sleep(Math.max(timedMs, 1000));
    await contender.process.call("stopProfile", file);
  });
}
