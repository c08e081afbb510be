/**
 * Tabs of Chromium as a user has them: one is in front, and the others are hidden. playwright has every page believe that
 * it is in front, so this speaks the DevTools protocol by itself.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { connect } from "../../../src/node/index.js";
import { ARGUMENTS, EXECUTABLE } from "./chromium.js";

interface Answer {
  readonly id?: number;
  readonly result?: Record<string, never>;
  readonly error?: { readonly message: string };
}

export interface Tab {
  /** What an expression, or the promise that it is, comes to. */
  evaluate(expression: string): Promise<unknown>;
}

export interface Tabs {
  /** Opens a tab in front of those that are there. */
  open(url: string): Promise<Tab>;
  close(): Promise<void>;
}

export async function launchTabs(): Promise<Tabs> {
  const profile = await mkdtemp(path.join(tmpdir(), "hawser-tabs-"));
  const options = [...ARGUMENTS.split(" "), "--headless", "--remote-debugging-port=0"];
  const child = spawn(EXECUTABLE, [...options, `--user-data-dir=${profile}`, "about:blank"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let address = "";
  for await (const line of createInterface(child.stderr)) {
    [, address] = /^DevTools listening on (.*)/.exec(line) ?? ["", ""];
    if (address !== "") break;
  }
  child.stderr.resume();

  const waiting = new Map<number, (answer: Answer) => void>();
  const devTools = await connect(address, {
    message(_connection, { data }) {
      const answer = JSON.parse(String(data)) as Answer;
      if (answer.id !== undefined) waiting.get(answer.id)?.(answer);
    },
  });
  let count = 0;
  async function command<Result>(method: string, params: object, sessionId?: string): Promise<Result> {
    const id = ++count;
    const answered = new Promise<Answer>((resolve) => waiting.set(id, resolve));
    devTools.send(JSON.stringify({ id, method, params, sessionId }));
    const { result, error } = await answered;
    waiting.delete(id);
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result as Result;
  }

  return {
    async open(url) {
      const { targetId } = await command<{ targetId: string }>("Target.createTarget", { url });
      await command("Target.activateTarget", { targetId });
      const to = { targetId, flatten: true };
      const { sessionId } = await command<{ sessionId: string }>("Target.attachToTarget", to);
      const evaluate = async (expression: string) => {
        const { result, exceptionDetails } = await command<{
          result: { value?: unknown };
          exceptionDetails?: { exception?: { description?: string } };
        }>("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true }, sessionId);
        if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description);
        return result.value;
      };
      // Until the page is there, what answers is the empty one before it; its context may go meanwhile.
      const isThere = `location.href === ${JSON.stringify(url)} && document.readyState === "complete"`;
      while ((await evaluate(isThere).catch(() => false)) !== true) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return { evaluate };
    },
    async close() {
      const ended = once(child, "exit");
      await command("Browser.close", {});
      await ended;
      devTools.terminate();
      await rm(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}
