/** In a page or a worker: runs the suite that the browser's connection shares with Node's, and its own cases. */

import * as hawser from "../../src/index.browser.js";
import { CONNECTION_CASES, type SharedApi } from "../support/connection-suite.js";
import { JSON_CASES } from "../support/json-suite.js";
import { STAY_CASES, type StayApi } from "../support/stay-suite.js";
import { BROWSER_CASES } from "./browser-cases.js";
import { STAY_PAGE_CASES } from "./stay-cases.js";

const api: SharedApi = hawser;
/** One of the files for pages without a bundler has neither this nor `typed`. */
const { stayConnected, typed } = hawser as Partial<typeof hawser>;

/** The longest that a case may take. */
const TIMEOUT_MS = 20_000;

/**
 * @param base - of the server, with ws:
 * @returns what failed, by the names of the cases; and how many there are.
 */
export async function runConnectionSuite(base: string): Promise<{ failures: string[]; count: number }> {
  const failures: string[] = [];
  const cases = [
    ...CONNECTION_CASES.map(({ name, run }) => ({ name, run: () => run(api, base) })),
    ...BROWSER_CASES.map(({ name, run }) => ({ name, run: () => run(base) })),
  ];
  if (stayConnected !== undefined && typed !== undefined) {
    cases.push(...JSON_CASES.map(({ name, run }) => ({ name, run: () => run(api, base, typed) })));
    const staying: StayApi = { stayConnected };
    cases.push(...STAY_CASES.map(({ name, run }) => ({ name, run: () => run(staying, base) })));
    cases.push(...STAY_PAGE_CASES.map(({ name, run }) => ({ name, run: () => run(stayConnected) })));
  }
  for (const { name, run } of cases) {
    const late = new Promise((_resolve, reject) => {
      setTimeout(() => reject(new Error(`took more than ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
    });
    try {
      await Promise.race([run(), late]);
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
  return { failures, count: cases.length };
}
