/** Waiting for some milliseconds, in a hidden tab too: there browsers let a timer run once a second, or once a minute. */

/** `Atomics.waitAsync`, as far as it is used: a wait that nothing wakes ends by its timeout. */
interface Waiting {
  readonly waitAsync?: (
    words: Int32Array,
    index: number,
    expected: number,
    timeoutMs: number,
  ) => { readonly value: Promise<unknown> | string };
}

/** A word that never changes, in memory that is shared; null where a page cannot have such memory. */
let word: Int32Array | null | undefined;

function sharedWord(): Int32Array | null {
  try {
    // Unlike SharedArrayBuffer, it is there in pages that are not isolated from other origins.
    return new Int32Array(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer);
  } catch {
    return null;
  }
}

/** Resolves after some milliseconds; where there is no `Atomics.waitAsync`, by a timer. */
export async function sleep(ms: number): Promise<void> {
  const { waitAsync } = (globalThis.Atomics ?? {}) as Waiting;
  if (waitAsync !== undefined) word ??= sharedWord();
  if (waitAsync === undefined || word === null || word === undefined) {
    await new Promise((resolve) => setTimeout(resolve, ms));
  } else {
    await waitAsync(word, 0, 0, ms).value;
  }
}
