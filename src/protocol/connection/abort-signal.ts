/** AbortSignals, as far as a layer can know them that names no host. */

import { nameOf } from "./handlers.js";

/** The part of an AbortSignal that is used. */
export interface AbortLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** @throws {TypeError} for what is given and is no AbortSignal, of any realm. */
export function assertSignal(signal: unknown): void {
  if (signal === undefined) return;
  const { aborted, addEventListener } = (signal ?? {}) as Partial<AbortLike>;
  if (typeof aborted === "boolean" && typeof addEventListener === "function") return;
  throw new TypeError(`signal must be an AbortSignal, not ${nameOf(signal)}`);
}
