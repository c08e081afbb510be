/** A client that stays connected, over the browser's WebSocket. */

import {
  asError,
  askFresh,
  checkStayLimits,
  type Fresh,
  freshNames,
  override,
  STAY_LIMITS,
  type StayHandlers,
  type StayHost,
  Staying,
  type WithFresh,
} from "../protocol/index.js";
import { CONNECT_OPTIONS, type ConnectOptions, check, openConnection } from "./client.js";
import type { Connection } from "./connection.js";
import { CONNECTION_OPTIONS } from "./connection-options.js";
import { assertOptions } from "./option-names.js";
import { isBlob } from "./payload.js";

/** Options that may be functions. They are called before each attempt. */
const FRESH_NAMES = ["protocol", "params"] as const;

export interface StayOptions<Data = undefined>
  extends WithFresh<ConnectOptions<Data>, (typeof FRESH_NAMES)[number]>,
    StayHandlers<StayingConnection<Data>> {}

/** The longest wait for a server that may close at once, before the queue is sent. A page cannot send a Ping. */
const MAX_CONFIRM_MS = 100;

/** A client that stays connected, made by `stayConnected`. */
export class StayingConnection<Data = unknown> extends Staying<Connection<Data>> {
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Runs a function once after a delay. Returns a function that cancels it. */
function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

/** Globals of a page. Other hosts, such as workers, lack some of them. */
type Page = Partial<
  Pick<typeof globalThis, "document" | "navigator" | "addEventListener" | "removeEventListener">
>;

/** Watches the network state, and a page that returns from being hidden, frozen or in the back-forward cache. */
function watch(back: () => void, gone: () => void): () => void {
  const page = globalThis as Page;
  const { document } = page;
  const shown = () => document?.visibilityState !== "hidden" && back();
  const events = { online: back, offline: gone, pageshow: shown };
  for (const [event, run] of Object.entries(events)) page.addEventListener?.(event, run);
  document?.addEventListener("visibilitychange", shown);
  return () => {
    for (const [event, run] of Object.entries(events)) page.removeEventListener?.(event, run);
    document?.removeEventListener("visibilitychange", shown);
  };
}

/**
 * Opens a connection, and reconnects when it ends, until you close or abort the client, or an error shows that retrying
 * is pointless. The handlers in `options` are called for each connection; subscribe in `open`. `for await` yields one
 * connection after the other.
 *
 * @param url - as for `connect`, or a function that returns it, called before each attempt; `protocol` and `params` can
 *   be functions, too. If such a function throws or rejects, the attempt has failed.
 * @returns the client. It starts to connect at once. Connection failures do not throw here: see `closed`.
 * @throws {SyntaxError | TypeError | RangeError} for an invalid URL or invalid options.
 */
export function stayConnected<Data = undefined>(
  url: Fresh<string | URL>,
  options: StayOptions<Data> = {},
): StayingConnection<Data> {
  const limits = checkStayLimits(options);
  assertOptions(options, [CONNECTION_OPTIONS, CONNECT_OPTIONS, STAY_LIMITS], "stayConnected");
  const names = freshNames(options, FRESH_NAMES);
  const given = options as ConnectOptions<Data>;
  const withMembers = (members: object): ConnectOptions<Data> =>
    names.length === 0 ? given : override(options, members);
  const isUrlFresh = typeof url === "function";
  // Invalid options throw at the call. Options that are functions can only be checked later.
  const blank = Object.fromEntries(names.map((name) => [name, undefined]));
  check(isUrlFresh ? "ws://localhost" : url, withMembers(blank));
  const host: StayHost<Connection<Data>> = {
    async ask() {
      const [address, members] = await Promise.all([isUrlFresh ? url() : url, askFresh(options, names)]);
      return { address, members };
    },
    open(asked, watchOpen) {
      const { address, members } = asked as { address: string | URL; members: object };
      const controller = new AbortController();
      return {
        opened: openConnection(address, withMembers(members), controller.signal, given, watchOpen),
        abandon: (reason) => controller.abort(reason),
      };
    },
    // A page does not see the response of a server that refuses.
    askedFor: () => 0,
    confirm: (connection, openingMs) => {
      const moment = new Promise((resolve) => setTimeout(resolve, Math.min(openingMs, MAX_CONFIRM_MS)));
      return Promise.race([moment, connection.closed]);
    },
    keep: (data) => (isBlob(data) ? { data, length: data.size } : undefined),
    after,
    now: () => performance.now(),
    isOnline: () => (globalThis as Page).navigator?.onLine !== false,
    watch,
    report: (thrown) => console.error(asError(thrown)),
  };
  return new StayingConnection<Data>(host, limits, options as StayHandlers<never>);
}
