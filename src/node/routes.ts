/** Which handlers a path has. Paths are checked when they are given: one that no client can send never matches. */

import { assertHandlers, nameOf } from "../protocol/index.js";
import type { ServerHandlers } from "./connection.js";
import { HANDLER_HINTS, HANDLER_NAMES } from "./connection-options.js";

export interface Routes<Data> {
  /** Whether there are paths that are not ours. */
  readonly isSelective: boolean;
  /** @param target - a path, perhaps with a query. @returns undefined for a path that is not ours. */
  find(target: string): ServerHandlers<Data> | undefined;
}

/**
 * Reads `path` and `routes` of the options.
 *
 * @param handlers - for what matches `path`, and for all paths where there is neither.
 * @throws {TypeError} for a value that is not a path, an expression, or handlers.
 */
export function readRoutes<Data>(
  handlers: ServerHandlers<Data>,
  path: string | RegExp | undefined,
  routes: Readonly<Record<string, ServerHandlers<Data>>> | undefined,
): Routes<Data> {
  if (path === undefined && routes === undefined) return { isSelective: false, find: () => handlers };
  if (path !== undefined && typeof path !== "string" && !(path instanceof RegExp)) {
    throw new TypeError(`path must be a string or an expression, not ${nameOf(path)}`);
  }
  const byPath = new Map<string, ServerHandlers<Data>>();
  if (typeof path === "string") byPath.set(normalPath(path, "path"), handlers);
  for (const [name, given] of entriesOf(routes)) {
    const normal = normalPath(name, "a path in routes");
    if (byPath.has(normal))
      throw new TypeError(`${JSON.stringify(normal)} has handlers twice in path and routes`);
    assertHandlers(given, HANDLER_NAMES, HANDLER_HINTS, `the route ${JSON.stringify(name)}`);
    byPath.set(normal, given);
  }
  const find = (target: string) => {
    const query = target.indexOf("?");
    const name = query < 0 ? target : target.slice(0, query);
    const found = byPath.get(name);
    if (found !== undefined || !(path instanceof RegExp)) return found;
    // `search` begins at the front, also where an expression has a lastIndex.
    return name.search(path) >= 0 ? handlers : undefined;
  };
  return { isSelective: true, find };
}

function entriesOf<Data>(routes: Readonly<Record<string, ServerHandlers<Data>>> | undefined) {
  if (routes === undefined) return [];
  if (typeof routes === "object" && routes !== null) return Object.entries(routes);
  throw new TypeError(`routes must be an object of handlers by path, not ${nameOf(routes)}`);
}

/** A segment that clients resolve before they send a path (RFC 3986 §5.2.4). */
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:\/|$)/i;

/**
 * A path in the form that clients send: what a URL cannot hold is percent-encoded, as UTF-8.
 *
 * @param what - names it in messages.
 * @throws {TypeError} for what no request can have as its path.
 */
function normalPath(path: string, what: string): string {
  const quoted = JSON.stringify(path);
  if (!path.startsWith("/")) throw new TypeError(`${what} must begin with "/", not be ${quoted}`);
  if (/[?#]/.test(path)) throw new TypeError(`${what} must have no query and no fragment, not be ${quoted}`);
  if (DOT_SEGMENT.test(path))
    throw new TypeError(`${what} must have no "." and no ".." as a segment, not be ${quoted}`);
  if ([...path].some((each) => each < " " || each === "\x7f")) {
    throw new TypeError(`${what} must have no control characters, not be ${quoted}`);
  }
  try {
    return path.replace(/[^!-~]+|["<>`{}]/g, encodeURIComponent);
  } catch {
    throw new TypeError(`${what} must be well-formed Unicode, not ${quoted}`);
  }
}
