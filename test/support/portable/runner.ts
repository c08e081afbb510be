/**
 * Stands in for `node:test` where there is no Node: as much of it as the tests of kernel and codec use. Everything else
 * they may come to use throws, and so does not pass unseen.
 */

export interface Result {
  /** The file, the suites and the test, with " > " between. */
  readonly name: string;
  /** The thrown value, if it failed. */
  readonly error: string | undefined;
}

type Body = () => unknown;

interface Suite {
  readonly name: string;
  readonly before: Body[];
  readonly beforeEach: Body[];
  readonly children: (Suite | Test)[];
}

interface Test {
  readonly name: string;
  readonly body: Body;
}

const newSuite = (name: string): Suite => ({ name, before: [], beforeEach: [], children: [] });

let current = newSuite("");

function assertBody(body: unknown): asserts body is Body {
  if (typeof body !== "function")
    throw new TypeError("give a name and a function: this runner has no options");
  if (body.length > 0) throw new TypeError("this runner has no context and no callbacks");
}

export function describe(name: string, body: Body): void {
  assertBody(body);
  const outer = current;
  const suite = newSuite(name);
  outer.children.push(suite);
  current = suite;
  try {
    if (body() !== undefined)
      throw new TypeError(`${name}: a suite is described at once, and returns nothing`);
  } finally {
    current = outer;
  }
}

export function it(name: string, body: Body): void {
  assertBody(body);
  current.children.push({ name, body });
}

export function before(body: Body): void {
  assertBody(body);
  current.before.push(body);
}

export function beforeEach(body: Body): void {
  assertBody(body);
  current.beforeEach.push(body);
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { stack = "" } = error;
  // Engines disagree on whether a stack begins with the message.
  return stack.includes(error.message) ? stack : `${error}\n${stack}`;
}

/** Runs files one after the other, each loaded when its turn comes; all their tests but those that are left out. */
export async function runFiles(
  files: Readonly<Record<string, () => Promise<unknown>>>,
  leftOut: ReadonlySet<string>,
): Promise<Result[]> {
  const results: Result[] = [];

  async function attempt(name: string, bodies: readonly Body[]): Promise<string | undefined> {
    try {
      for (const body of bodies) await body();
      return undefined;
    } catch (error) {
      return `${name}: ${describeError(error)}`;
    }
  }

  async function runSuite(suite: Suite, name: string, outerHooks: readonly Body[]): Promise<void> {
    const error = await attempt(`before ${name}`, suite.before);
    if (error !== undefined) {
      results.push({ name, error });
      return;
    }
    // Finalizers, by which the codec gets memory back, wait for a turn of the event loop.
    await new Promise((resolve) => setTimeout(resolve));
    const hooks = [...outerHooks, ...suite.beforeEach];
    for (const child of suite.children) {
      const full = `${name} > ${child.name}`;
      if ("children" in child) await runSuite(child, full, hooks);
      else if (!leftOut.has(full)) {
        results.push({ name: full, error: await attempt(full, [...hooks, child.body]) });
      }
    }
  }

  for (const [file, load] of Object.entries(files)) {
    const suite = newSuite(file);
    current = suite;
    const error = await attempt(`loading ${file}`, [load]);
    if (error === undefined) await runSuite(suite, file, []);
    else results.push({ name: file, error });
  }
  return results;
}
