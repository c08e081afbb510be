/**
 * AbortSignals, as far as a layer can know them that names no host. Each gets one listener, however many calls,
 * connections and servers share it: Node warns of a leak where a signal has more than ten.
 */

import { nameOf } from "./handlers.js";

/** The part of an AbortSignal that is used. */
export interface AbortLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void, options: { readonly once: true }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

interface Shared {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

const sharedBySignal = /* @__PURE__ */ new WeakMap<AbortLike, Shared>();

/**
 * Calls `callback` once when the signal aborts.
 *
 * @param callback - must not throw.
 * @returns what to call when that is no longer wanted; nothing is left on the signal once all have called it.
 */
export function whenAborted(signal: AbortLike, callback: () => void): () => void {
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

/** @throws {TypeError} for a given value that is not an AbortSignal of any realm. */
export function assertSignal(signal: unknown): void {
  if (signal === undefined) return;
  const { aborted, addEventListener } = (signal ?? {}) as Partial<AbortLike>;
  if (typeof aborted === "boolean" && typeof addEventListener === "function") return;
  throw new TypeError(`signal must be an AbortSignal, not ${nameOf(signal)}`);
}
