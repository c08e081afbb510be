/**
 * A load that never sleeps while it is timed. Each write of a server to a peer that sleeps also pays for waking it: a
 * server that writes once for each message would be charged for how fast this machine wakes a process, which depends on
 * what else runs there. Over a network no server pays for that.
 */

import { type LoadSample, sample } from "./usage.js";

let isSpinning = false;
let hasWorked = false;
let turnFromUs = 0;
let workedUs = 0;

/** Begins or ends. Turns of the event loop follow each other without a pause from then on. */
export function spin(shall: boolean): void {
  const was = isSpinning;
  isSpinning = shall;
  turnFromUs = 1000 * performance.now();
  if (shall && !was) turn();
}

/** There was something to do in this turn. */
export function noteWork(): void {
  hasWorked = true;
}

export function sampleLoad(): LoadSample {
  const now = sample();
  return { ...now, workedUs: isSpinning ? workedUs : now.cpuUs };
}

function turn(): void {
  if (!isSpinning) return;
  const now = 1000 * performance.now();
  if (hasWorked) workedUs += now - turnFromUs;
  hasWorked = false;
  turnFromUs = now;
  setImmediate(turn);
}
