/** The processes that the suites of `npm run bench:connections` work with. */

import type { Callee } from "../calls.js";
import { LOAD_CORE, PINNED_CORES, SERVER_CORE, start } from "../cores.js";
import type { Compression } from "../deflate.js";
import { formatProfile, profileFile } from "../profile.js";
import { Patience } from "../usage.js";
import type { LoadMethods } from "./load.js";
import type { RivalName, ServerMethods } from "./server.js";

/** A rival's process, listening. */
export interface Contender {
  readonly rival: RivalName;
  readonly server: Callee<ServerMethods>;
  readonly port: number;
}

export interface BenchOptions {
  readonly rivals: readonly RivalName[];
  /** The executable of the servers. */
  readonly node: string | undefined;
  /** How long to wait for other processes, in all. */
  readonly patienceMs: number;
  /** Where profiles go, if there are to be any. */
  readonly profileFolder: string | undefined;
}

export class Bench {
  readonly rivals: readonly RivalName[];
  readonly load: Callee<LoadMethods>;
  /** Of all suites together. */
  readonly patience: Patience;
  readonly #options: BenchOptions;

  private constructor(options: BenchOptions, load: Callee<LoadMethods>) {
    this.rivals = options.rivals;
    this.load = load;
    this.patience = new Patience(options.patienceMs, PINNED_CORES);
    this.#options = options;
  }

  /** Starts the load's process. */
  static async create(options: BenchOptions): Promise<Bench> {
    return new Bench(
      options,
      await start<LoadMethods>("load", "network/connections/load.ts", { core: LOAD_CORE }),
    );
  }

  /** The rivals in the order of a round: none is always the first. */
  inTurn(round: number): RivalName[] {
    return this.rivals.map((_, turn) => this.rivals[(turn + round) % this.rivals.length]);
  }

  async start(
    rival: RivalName,
    nodeFlags: readonly string[] = [],
    compression: Compression = "none",
  ): Promise<Contender> {
    const options = { core: SERVER_CORE, node: this.#options.node, nodeFlags };
    const server = await start<ServerMethods>(rival, "network/connections/server.ts", options);
    return { rival, server, port: await server.call("start", { rival, compression }) };
  }

  startAll(): Promise<Contender[]> {
    return Promise.all(this.rivals.map((rival) => this.start(rival)));
  }

  async stopAll(contenders: readonly Contender[]): Promise<void> {
    await Promise.all(contenders.map(({ server }) => server.stop()));
  }

  /** Does some work once more under the profiler, for those who asked for profiles; prints those of hawser. */
  async profile(what: string, { rival, server }: Contender, work: () => Promise<unknown>): Promise<void> {
    const { profileFolder } = this.#options;
    if (profileFolder === undefined) return;
    const file = profileFile(profileFolder, `${what} ${rival}`);
    await server.call("startProfile");
    await work();
    await server.call("stopProfile", file);
    if (rival === "hawser") console.log(`${formatProfile(`hawser, ${what}`, file)}\n`);
  }
}
