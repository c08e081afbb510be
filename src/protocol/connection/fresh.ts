/** Options that may be functions, asked before each attempt: a token that was good for the first may be stale now. */

import { isPlainObject } from "./known-options.js";

/** A value, or a function that returns it, perhaps by a promise. */
export type Fresh<T> = T | (() => T | PromiseLike<T>);

/** Options with the members `Names` as functions, too. */
export type WithFresh<Options, Names extends keyof Options> = Omit<Options, Names> & {
  readonly [Name in Names]?: Fresh<Options[Name]> | undefined;
};

/**
 * An object with the members of `options`, but some of them replaced. One that was written as an object stays one, so
 * that its names can be checked; of others every member is looked up when it is used.
 */
export function override<Options extends object>(options: object, members: object): Options {
  if (isPlainObject(options)) return { ...options, ...members } as Options;
  return Object.create(options, Object.getOwnPropertyDescriptors(members)) as Options;
}

/** The names of those that are functions. */
export function freshNames(options: object, names: readonly string[]): string[] {
  return names.filter((name) => typeof (options as Record<string, unknown>)[name] === "function");
}

/**
 * Asks for all values at once.
 *
 * @throws what a function throws, or rejects with.
 */
export async function askFresh(options: object, names: readonly string[]): Promise<Record<string, unknown>> {
  const values = await Promise.all(names.map((name) => (options as Record<string, () => unknown>)[name]()));
  return Object.fromEntries(names.map((name, i) => [name, values[i]]));
}
