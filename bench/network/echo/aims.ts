/** What hawser is to reach in which workload, and whether it did. */

import type { Target } from "../../micro/harness.js";
import { compare } from "../ratio.js";
import type { EchoResult } from "./report.js";
import { BUFFERUTIL, BUN, FACE, HAWSER, ONREAD, UWS, WS } from "./workloads.js";

/** At least so many times as much as a peer. */
interface Goal {
  readonly peer: string;
  readonly least: number;
}

interface Aim {
  /** Workloads whose names begin so. */
  readonly workloads: readonly string[];
  readonly rival: string;
  /** All of them are to be reached; of a list in the list, one. */
  readonly goals: readonly (Goal | readonly Goal[])[];
}

const atLeast = (least: number, peer: string): Goal => ({ least, peer });

const SMALL_PIPELINED = ["binary, 16 B x 50 x 32", "binary, 128 B x 50 x 32"];
const SMALL_ALONE = ["binary, 128 B x 50 x 1", "binary, 1 KiB x 500 x 1"];
const MEDIUM = ["binary, 16 KiB"];
const LARGE = ["binary, 128 KiB", "binary, 1 MiB"];

const AIMS: readonly Aim[] = [
  { workloads: SMALL_PIPELINED, rival: "hawser", goals: [atLeast(1, BUN), atLeast(23, WS)] },
  { workloads: SMALL_PIPELINED, rival: "hawser, borrow", goals: [atLeast(26, WS)] },
  { workloads: SMALL_ALONE, rival: "hawser", goals: [atLeast(0.95, ONREAD)] },
  { workloads: SMALL_ALONE, rival: "hawser, borrow", goals: [atLeast(0.95, ONREAD)] },
  { workloads: MEDIUM, rival: "hawser", goals: [atLeast(1, BUN), atLeast(1, ONREAD)] },
  { workloads: MEDIUM, rival: "hawser, borrow", goals: [atLeast(3.6, WS)] },
  { workloads: LARGE, rival: "hawser", goals: [atLeast(1, BUFFERUTIL), atLeast(1, BUN)] },
  {
    workloads: ["binary, 128 KiB"],
    rival: "hawser, borrow",
    goals: [[atLeast(1, UWS), atLeast(6.2, WS)]],
  },
  { workloads: ["binary, 1 MiB"], rival: "hawser, borrow", goals: [[atLeast(1, UWS), atLeast(4, WS)]] },
  { workloads: ["binary"], rival: FACE, goals: [atLeast(0.8, HAWSER), atLeast(1, BUFFERUTIL)] },
  {
    workloads: ["multibyte text as bytes"],
    rival: FACE,
    goals: [atLeast(0.8, HAWSER), atLeast(1, BUFFERUTIL)],
  },
  { workloads: ["compressed JSON,"], rival: FACE, goals: [atLeast(0.8, HAWSER)] },
  { workloads: ["multibyte"], rival: "hawser", goals: [atLeast(3, WS)] },
  { workloads: ["clients sending"], rival: "hawser", goals: [atLeast(3, WS)] },
  { workloads: ["compressed JSON, 200 B"], rival: "hawser", goals: [atLeast(8, WS)] },
  { workloads: ["compressed JSON, 1 KiB"], rival: "hawser", goals: [atLeast(6, WS)] },
  { workloads: ["compressed JSON, 16 KiB"], rival: "hawser", goals: [atLeast(1.5, WS)] },
];

/** The aims that these results say something about; those against a rival that is missing are left out. */
export function judge(results: readonly EchoResult[]): Target[] {
  return results.flatMap((result) => {
    const peers = results.filter(({ workload }) => workload === result.workload);
    const goals = AIMS.filter(
      ({ workloads, rival }) =>
        rival === result.rival && workloads.some((prefix) => result.workload.startsWith(prefix)),
    ).flatMap((aim) => aim.goals);
    return goals.flatMap((goal) => {
      const reached = (Array.isArray(goal) ? goal : [goal]).flatMap((one: Goal) => {
        const peer = peers.find(({ rival }) => rival === one.peer);
        if (peer === undefined) return [];
        const { ratio, measured } = compare(result, peer);
        return [{ what: `${one.least}x ${one.peer}`, measured, met: ratio >= one.least }];
      });
      if (reached.length === 0) return [];
      return [
        {
          target: `${result.workload}: ${result.rival}, ${reached.map(({ what }) => what).join(" or ")}`,
          measured: reached.map(({ measured }) => measured).join(" or "),
          met: reached.some(({ met }) => met),
        },
      ];
    });
  });
}
