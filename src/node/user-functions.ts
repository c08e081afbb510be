/**
 * Functions and objects of the user that Node calls while a connection opens. Node trusts them: what one throws where
 * nothing can catch it, or hands over in place of a stream, would end the process. Here it fails the one call.
 */

import type { Agent, ClientRequest, ClientRequestArgs } from "node:http";
import { isIP, type LookupFunction } from "node:net";
import type { Duplex } from "node:stream";
import type { ConnectionOptions as TlsConnectionOptions } from "node:tls";
import { asError, isThenable, nameOf } from "../protocol/index.js";

/**
 * What a function that opens a stream returns: the stream, a promise of it, or nothing, and then it calls back.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a function may return nothing, and so may an async one
type Created<T = Duplex | null | undefined | void> = T | PromiseLike<T>;

/** Opens a stream: returns it or calls back with it. The first answer counts. */
export type CreateStream = (
  options: ClientRequestArgs,
  callback: (error: Error | null, stream: Duplex) => void,
) => Created;

/** As Node calls it: an answer comes by the callback alone, once. */
type Opener = (options: ClientRequestArgs, done: (error: Error | null, stream?: Duplex) => void) => undefined;

/** A `createConnection` of the user's as one that Node can rely on. */
export function guardCreateConnection(create: CreateStream): Opener {
  return (options, done) => {
    let isDone = false;
    const fail = (thrown: unknown) => {
      if (isDone) return;
      isDone = true;
      done(asError(thrown));
    };
    const deliver = (stream: unknown) => {
      if (isDone) {
        // A second stream has no use. The same one again changes nothing.
        if (isDuplex(stream) && stream !== delivered) stream.on("error", () => {}).destroy();
        return;
      }
      if (!isDuplex(stream)) return fail(notAStream("createConnection", stream));
      // Node listens from the next tick on.
      stream.once("error", fail);
      if (stream.destroyed) {
        return fail(stream.errored ?? new Error("createConnection gave a stream that is closed"));
      }
      isDone = true;
      delivered = stream;
      done(null, stream);
    };
    let delivered: Duplex | undefined;
    // The first of the two answers counts: a function may return nothing and call back later, and so may an async one.
    const returned = (stream: unknown) => {
      if (stream !== undefined && stream !== null) deliver(stream);
    };
    try {
      const given: unknown = create(options, (error, stream) =>
        error === undefined || error === null ? deliver(stream) : fail(error),
      );
      if (isThenable(given)) given.then(returned, fail);
      else returned(given);
    } catch (thrown) {
      fail(thrown);
    }
    return undefined;
  };
}

/**
 * An agent of the user's that hands over a stream or fails the request. Agents of Node's own check that while the
 * request is made; others, and those that answer later, hand over what they please.
 *
 * @param fail - told the error.
 */
export function guardAgent(agent: Agent, fail: (error: Error) => void): Agent {
  const { addRequest } = agent as unknown as {
    addRequest: (request: ClientRequest, ...rest: unknown[]) => void;
  };
  const guarded = (request: ClientRequest, ...rest: unknown[]) => {
    const { onSocket } = request as { onSocket: (stream: unknown, error?: unknown) => void };
    request.onSocket = (stream: unknown, error?: unknown) => {
      const isNeither = (error === undefined || error === null) && !isDuplex(stream);
      if (isNeither) fail(notAStream("the agent", stream));
      else onSocket.call(request, stream, error);
    };
    addRequest.call(agent, request, ...rest);
  };
  return Object.create(agent, { addRequest: { value: guarded } });
}

/** A `lookup` of the user's whose answer is what Node asked for. */
export function guardLookup(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    let isDone = false;
    const answer = (error: NodeJS.ErrnoException | null, found: unknown, family?: unknown) => {
      if (isDone) return;
      isDone = true;
      if (error !== null) return callback(error, "", 0);
      const list = (Array.isArray(found) ? found : [{ address: found, family }]).map(readAddress);
      const [first] = list;
      if (first === undefined || list.includes(undefined)) {
        const message = `lookup must call back with an IP address, not ${nameOf(found)}, for ${hostname}`;
        callback(new TypeError(message), "", 0);
      } else if (options.all === true) {
        callback(null, list as { address: string; family: number }[]);
      } else {
        callback(null, first.address, first.family);
      }
    };
    const fail = (thrown: unknown) => answer(asError(thrown), "");
    try {
      const given: unknown = lookup(hostname, options, (error, found, family) =>
        error === undefined || error === null ? answer(null, found, family) : fail(error),
      );
      if (isThenable(given)) given.then(undefined, fail);
    } catch (thrown) {
      fail(thrown);
    }
  };
}

function readAddress(found: unknown): { address: string; family: number } | undefined {
  const { address } = (found ?? {}) as { address?: unknown };
  if (typeof address !== "string") return undefined;
  const family = isIP(address);
  return family === 0 ? undefined : { address, family };
}

/** Options of TLS whose functions do not throw where Node calls them from a socket's event. */
export function guardTls(tls: TlsConnectionOptions): TlsConnectionOptions {
  const { checkServerIdentity: check, pskCallback } = tls;
  const guarded = { ...tls };
  if (check !== undefined) {
    guarded.checkServerIdentity = (hostname, certificate) => {
      try {
        const found: unknown = check(hostname, certificate);
        if (found === undefined || found instanceof Error) return found as Error | undefined;
        if (isThenable(found)) found.then(undefined, () => {});
        return new TypeError(`checkServerIdentity must return undefined or an Error, not ${nameOf(found)}`);
      } catch (thrown) {
        return asError(thrown);
      }
    };
  }
  if (pskCallback !== undefined) {
    guarded.pskCallback = (hint) => {
      try {
        return pskCallback(hint);
      } catch {
        // Node then ends the handshake with an error of its own.
        return null;
      }
    };
  }
  return guarded;
}

/** Whether something has what HTTP and a connection need of a stream. */
function isDuplex(value: unknown): value is Duplex {
  const { on, write, resume, destroy } = (value ?? {}) as Partial<Duplex>;
  return [on, write, resume, destroy].every((method) => typeof method === "function");
}

function notAStream(source: string, value: unknown): TypeError {
  const shown = isThenable(value) ? "a promise" : nameOf(value);
  return new TypeError(`${source} must give a Duplex stream, not ${shown}`);
}
