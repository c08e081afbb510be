/** In a page or a worker: runs the suite that the browser's connection shares with Node's, and its own cases. */

import * as hawser from "../../src/index.browser.js";
import { CONNECTION_CASES, type SharedApi } from "../support/connection-suite.js";
import { BROWSER_CASES } from "./browser-cases.js";

const api: SharedApi = hawser;

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
