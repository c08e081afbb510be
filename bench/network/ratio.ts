/** Ratios between servers, round by round, and which side of a connection they say something about. */

import { median } from "../micro/harness.js";
import { DISTURBED, FULLY_BUSY } from "./usage.js";

/** What a server did in one round. */
export interface Round {
  /** Messages, or handshakes, in a second. */
  readonly perSecond: number;
  /** The server's processor time for one, in microseconds. */
  readonly cpuUs: number;
  /** Share that the server used of its available core; and share of the time in which the load had something to do. */
  readonly serverBusy: number;
  readonly loadBusy: number;
  /** What other processes used of one of the two cores. */
  readonly othersBusy: number;
}

/** Median of the rounds' ratios, and the least and greatest of them. More is better for the first of the two. */
export interface Ratio {
  readonly ratio: number;
  readonly least: number;
  readonly greatest: number;
}

/** Who had no processor time left. */
export type Limit = "server" | "CLIENT" | "both" | "neither";

/** Medians over rounds; of `othersBusy` the greatest. */
export function middleOf(rounds: readonly Round[]): Round & { readonly limit: Limit } {
  const middle = (pick: (round: Round) => number) => median(rounds.map(pick));
  const serverBusy = middle((round) => round.serverBusy);
  const loadBusy = middle((round) => round.loadBusy);
  return {
    perSecond: middle((round) => round.perSecond),
    cpuUs: middle((round) => round.cpuUs),
    serverBusy,
    loadBusy,
    othersBusy: Math.max(...rounds.map((round) => round.othersBusy)),
    limit: limitOf(serverBusy, loadBusy),
  };
}

function limitOf(serverBusy: number, loadBusy: number): Limit {
  const isServer = serverBusy >= FULLY_BUSY;
  if (loadBusy >= FULLY_BUSY) return isServer ? "both" : "CLIENT";
  return isServer ? "server" : "neither";
}

/** How many times as many a second as the peer. */
export function speedRatio(rounds: readonly Round[], peer: readonly Round[]): Ratio {
  return ratioOf(rounds.map((round, i) => round.perSecond / peer[i].perSecond));
}

/** How many are done in the processor time that the peer takes for one. */
export function cpuRatio(rounds: readonly Round[], peer: readonly Round[]): Ratio {
  return ratioOf(rounds.map((round, i) => peer[i].cpuUs / round.cpuUs));
}

export function ratioOf(ratios: readonly number[]): Ratio {
  return { ratio: median(ratios), least: Math.min(...ratios), greatest: Math.max(...ratios) };
}

/** "1.23 (1.20-1.25)", or no brackets if there was one round. */
export function formatSpread({ ratio, least, greatest }: Ratio): string {
  const digits = ratio < 10 ? 2 : 1;
  if (least === greatest) return ratio.toFixed(digits);
  return `${ratio.toFixed(digits)} (${least.toFixed(digits)}-${greatest.toFixed(digits)})`;
}

export function formatOthers({ othersBusy }: Round): string {
  return formatShare(othersBusy) + (othersBusy > DISTURBED ? " !" : "");
}

export function formatShare(share: number): string {
  return `${Math.round(100 * share)} %`;
}

/** Rounds of a server, and what limited it. */
export interface Measured {
  readonly rounds: readonly Round[];
  readonly limit: Limit;
}

/** How a server compares with a peer, by the figure that means something. */
export interface Comparison {
  readonly ratio: number;
  readonly measured: string;
}

/**
 * By how many a second where both servers were the limit; by processor time where one of them waited for the load, or
 * where other processes took much in most rounds.
 */
export function compare(own: Measured, peer: Measured): Comparison {
  const speed = speedRatio(own.rounds, peer.rounds);
  const cpu = cpuRatio(own.rounds, peer.rounds);
  const others = median([...own.rounds, ...peer.rounds].map((round) => round.othersBusy));
  const wereLimits = [own, peer].every(({ limit }) => limit === "server" || limit === "both");
  if (wereLimits && others <= DISTURBED) return { ratio: speed.ratio, measured: formatSpread(speed) };
  return { ratio: cpu.ratio, measured: `by CPU ${formatSpread(cpu)}; a second ${formatSpread(speed)}` };
}
