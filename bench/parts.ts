/** The parts of `npm run bench`: each runs one of the benchmarks in at most five minutes. */

export interface Part {
  /** Names its file in `build/bench/` and `bench/published/`. */
  readonly name: string;
  /** What the part measures, in a few words. */
  readonly about: string;
  readonly program: string;
  readonly options: readonly string[];
  /** What `--quick` changes. */
  readonly quickOptions: readonly string[];
  /** Whether the program knows `--nice` and `--node`. */
  readonly isNetwork: boolean;
}

function codec(name: string, about: string): Part {
  const options = ["--only", name];
  return {
    name: `codec-${name}`,
    about,
    program: "micro/index.ts",
    options,
    quickOptions: ["--quick"],
    isNetwork: false,
  };
}

function echo(name: string, about: string, workloads: readonly string[], more: readonly string[] = []): Part {
  return {
    name: `echo-${name}`,
    about,
    program: "network/echo.ts",
    options: [...workloads.flatMap((workload) => ["--only", workload]), ...more],
    quickOptions: ["--quick"],
    isNetwork: true,
  };
}

function connections(name: string, about: string): Part {
  const options = ["--only", name];
  return {
    name: `connections-${name}`,
    about,
    program: "network/connections.ts",
    options,
    quickOptions: ["--quick"],
    isNetwork: true,
  };
}

/** Workloads that are profiled too: a small message and a large one. */
export const PROFILED = ["binary, 128 B x 50 x 32", "binary, 128 KiB x 50 x 1"] as const;

export const PARTS: readonly Part[] = [
  echo("pipelined", "echo of small binary messages, 32 in flight", [
    "binary, 16 B",
    "binary, 128 B x 50 x 32",
  ]),
  echo("single", "echo of small binary messages, one in flight", ["binary, 128 B x 50 x 1", "binary, 1 KiB"]),
  echo(
    "large",
    "echo of large binary messages",
    ["binary, 16 KiB", "binary, 128 KiB", "binary, 1 MiB"],
    ["--rounds", "3"],
  ),
  echo("text", "echo of text", ["ASCII", "multibyte"], ["--rounds", "3"]),
  echo("clients", "clients that send", ["clients sending"]),
  echo("compressed", "echo of compressed JSON", ["compressed JSON, "], ["--rounds", "3"]),
  echo(
    "profile",
    "where the time of a small and of a large message goes",
    [...PROFILED],
    ["--rounds", "1", "--profile", "build/bench/profiles"],
  ),
  connections("memory", "memory of a connection"),
  connections("handshakes", "opening and closing handshakes"),
  connections("broadcast", "one message to a thousand connections"),
  {
    name: "fairness",
    about: "one flooding connection beside a quiet one",
    program: "network/fairness.ts",
    options: [],
    quickOptions: ["--quick"],
    isNetwork: true,
  },
  codec("decode", "decoding frames"),
  codec("encode", "encoding frames"),
  codec("masking", "masking"),
  codec("utf8", "validating UTF-8"),
  codec("compression", "compressing and decompressing"),
  codec("start", "import and first frame"),
];
