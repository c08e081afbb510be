/** `extension` of `ws`: the header Sec-WebSocket-Extensions as objects, and back. */

import { type Extension, type ExtensionParameterValue, parseExtensions } from "../protocol/index.js";
import { hasEmptyElement } from "./subprotocol.js";

/** The parameters of one offer or response: a list of values for each name. */
export type Configuration = Record<string, readonly ExtensionParameterValue[]>;

/**
 * Reads a header: for each extension the list of its configurations.
 *
 * @throws {SyntaxError} when the grammar is broken.
 */
export function parse(header: string): Record<string, Configuration[]> {
  // `ws` takes no space around "=", as RFC 9110 has none there.
  const isStrict = !hasEmptyElement(header) && !/=[ \t]|[ \t]=/.test(header);
  const parsed = isStrict ? parseExtensions(header) : undefined;
  if (parsed === undefined) throw new SyntaxError(`it must be a list of extensions, not "${header}"`);
  const offers: Record<string, Configuration[]> = Object.create(null);
  for (const { name, parameters } of parsed) {
    const configuration: Configuration = Object.assign(Object.create(null), Object.fromEntries(parameters));
    (offers[name] ??= []).push(configuration);
  }
  return offers;
}

type Given = string | number | boolean | readonly (string | number | boolean)[];

/** Writes a header. Values are taken as they are. */
export function format(
  extensions: Record<string, Record<string, Given> | readonly Record<string, Given>[]>,
): string {
  return Object.entries(extensions)
    .flatMap(([name, configurations]) =>
      [configurations].flat().map((configuration) => [name, ...parametersOf(configuration)].join("; ")),
    )
    .join(", ");
}

function parametersOf(configuration: Record<string, Given>): string[] {
  return Object.entries(configuration).flatMap(([name, values]) =>
    [values].flat().map((value) => (value === true ? name : `${name}=${value}`)),
  );
}

/** Configurations as hawser's handshake knows them. */
export function extensionsOf(name: string, configurations: readonly Configuration[]): Extension[] {
  return configurations.map((configuration) => ({
    name,
    parameters: new Map(
      Object.entries(configuration).map(([parameter, values]) => [parameter, valuesOf(values)]),
    ),
  }));
}

/** Values as text. Callers may give what a header cannot have: one value without its list, or a number. */
function valuesOf(values: unknown): ExtensionParameterValue[] {
  return [values].flat().map((value) => (value === true ? true : String(value)));
}
