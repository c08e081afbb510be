/** What the model finds: each fault is put into a copy of the sources, and the model's test must fail over it. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

interface Mutation {
  readonly fault: string;
  readonly file: string;
  /** Stands once in the file. */
  readonly from: string;
  readonly to: string;
  /** What the model says of it. */
  readonly says: RegExp;
}

const MUTATIONS: readonly Mutation[] = [
  {
    fault: "a delivery that throws is taken to go on forever",
    file: "src/node/session.ts",
    from: "    } catch (thrown) {\n      // Memory that ran out, or a chunk whose memory the user transferred away.\n      this.handlerFailed(thrown);\n    } finally {\n      this.#isDelivering = false;\n    }\n",
    to: "      this.#isDelivering = false;\n    } catch (thrown) {\n      this.handlerFailed(thrown);\n    }\n",
    says: /left open|has not settled|handed out|close is reported once/,
  },
  {
    fault: "bytes that were queued when the connection was cut count as sent",
    file: "src/node/writer.ts",
    from: "    if (!this.#transport.isWritable) {\n",
    to: "    if (this.#hasEnded && !this.#isOpen) {\n",
    says: /bytesOut/,
  },
  {
    fault: "frames that never left count as sent",
    file: "src/protocol/session/endpoint.ts",
    from: "this.#framer.discard();",
    to: "this.#framer.release();",
    says: /frames that the transport was given/,
  },
  {
    fault: "a server reads on, however much waits for the client",
    file: "src/node/writer.ts",
    from: "this.#transport.hold(Hold.Output);",
    to: "{ /* reads on */ }",
    says: /it is read, although much waits/,
  },
  {
    fault: "reading that stopped for waiting bytes does not go on",
    file: "src/node/writer.ts",
    from: "this.#transport.release(Hold.Output);",
    to: "{ /* holds on */ }",
    says: /not read|left open|has not settled|handed out/,
  },
  {
    fault: "a turn that ended is never followed by another",
    file: "src/node/session.ts",
    from: "      this.transport.release(Hold.Turn);\n",
    to: "",
    says: /not read|handed out/,
  },
  {
    fault: "close is reported before error",
    file: "src/node/session.ts",
    from: "    this.faults.tell(this.handlers);\n    // The error handler may have set other handlers.\n    this.faults.tellClose(this.handlers, code, reason);\n",
    to: "    this.faults.tellClose(this.handlers, code, reason);\n    const { error } = this.faults;\n    if (error !== undefined) this.handlers.error?.(this.#connection, error);\n",
    says: /behind close/,
  },
  {
    fault: "a message is sent in between the parts of another",
    file: "src/protocol/session/message-framer.ts",
    from: "if (this.#begun !== undefined || this.#waiting !== undefined) this.#wait(message, type, options);",
    to: "if (this.#waiting !== undefined) this.#wait(message, type, options);",
    says: /opcode and FIN|payload|not accepted/,
  },
  {
    fault: "terminate does not stop messages that waited for receive",
    file: "src/node/session.ts",
    from: "    this.transport.holds = Hold.Cut;\n",
    to: "",
    says: /behind terminate|handed out|left open/,
  },
  {
    fault: "the drain of a send is forgotten",
    file: "src/node/writer.ts",
    from: "onNextTurn(() => this.#tellDrain());",
    to: "",
    says: /drain/,
  },
];

const root = fileURLToPath(new URL("../../../", import.meta.url));
const mutants = path.join(root, "build/mutants");
const isMutant = import.meta.filename.startsWith(mutants);

/** Runs the model's test over a copy of the sources; returns what it printed, and whether it passed. */
async function runModel(folder: string): Promise<{ passed: boolean; said: string }> {
  const test = path.join(folder, "test/node/model/connection.test.ts");
  const env = { ...process.env, HAWSER_SEED: "1", HAWSER_RUNS: "1500", NODE_TEST_CONTEXT: "" };
  return new Promise((resolve) => {
    execFile(process.execPath, ["--import", "tsx", test], { cwd: root, env }, (error, out, err) => {
      resolve({ passed: error === null, said: out + err });
    });
  });
}

async function copySources(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const part of ["src", "test/support", "test/node/model"]) {
    await cp(path.join(root, part), path.join(folder, part), { recursive: true });
  }
}

describe("the model finds", { concurrency: 2, skip: isMutant }, () => {
  MUTATIONS.forEach(({ fault, file, from, to, says }, i) => {
    it(fault, async (t) => {
      const folder = path.join(mutants, String(i));
      t.after(() => rm(folder, { recursive: true, force: true }));
      await copySources(folder);
      const source = await readFile(path.join(folder, file), "utf8");
      assert.equal(
        source.split(from).length,
        2,
        `${file} has changed: the text to mutate must stand in it once`,
      );
      await writeFile(path.join(folder, file), source.replace(from, to));
      const { passed, said } = await runModel(folder);
      assert.ok(!passed, "the model did not find it");
      assert.match(said, says);
    });
  });
});
