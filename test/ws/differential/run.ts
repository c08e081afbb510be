/** Runs scripts, and compares logs. */

import type { Implementation } from "./implementation.js";
import type { Log } from "./journal.js";
import { type Script, Stage } from "./stage.js";

/** A script that takes so long hangs. No script waits for time to pass. */
const LONGEST_MS = Number(process.env.HAWSER_SCRIPT_MS ?? 60_000);

/** Runs a script to its end, and gives its log. The log of one that hangs or throws ends by saying so. */
export async function play(script: Script, impl: Implementation): Promise<Log> {
  const stage = new Stage(impl);
  let timer: NodeJS.Timeout | undefined;
  const hangs = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      stage.say("script", "hangs", `waits for ${stage.journal.missing}`);
      resolve();
    }, LONGEST_MS);
  });
  try {
    await Promise.race([script.run(stage), hangs]);
    // An event too many shows in these turns.
    await stage.turns(3);
  } catch (error) {
    stage.say("script", "throws", error);
  } finally {
    clearTimeout(timer);
  }
  const log = stage.journal.close();
  await stage.finish();
  return log;
}
