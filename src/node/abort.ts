/**
 * AbortSignals: one listener on each signal, however many calls and servers share it. Node warns of a leak where
 * a signal has more than ten.
 */

interface Shared {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const sharedBySignal = new WeakMap<AbortSignal, Shared>();

/**
 * Calls `callback` once when the signal aborts.
 *
 * @param callback - must not throw.
 * @returns what to call when that is no longer wanted; nothing is left on the signal once all have called it.
 */
export function whenAborted(signal: AbortSignal, callback: () => void): () => void {
  let shared = sharedBySignal.get(signal);
  if (shared === undefined) {
    const callbacks = new Set<() => void>();
    const listener = () => {
      sharedBySignal.delete(signal);
      for (const each of callbacks) each();
    };
    shared = { callbacks, listener };
    sharedBySignal.set(signal, shared);
    signal.addEventListener("abort", listener, { once: true });
  }
  const { callbacks, listener } = shared;
  // Two calls may pass the same function.
  const own = () => callback();
  callbacks.add(own);
  return () => {
    if (!callbacks.delete(own) || callbacks.size > 0) return;
    signal.removeEventListener("abort", listener);
    sharedBySignal.delete(signal);
  };
}
