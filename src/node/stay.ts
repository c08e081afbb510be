/** A client that stays connected, over Node's sockets. */

import { inspect } from "node:util";
import {
  askFresh,
  checkStayLimits,
  type Fresh,
  freshNames,
  isMessage,
  Message,
  override,
  PreparedMessage,
  STAY_LIMITS,
  type StayHandlers,
  type StayHost,
  Staying,
  type WithFresh,
} from "../protocol/index.js";
import { isBlob } from "./blob.js";
import { type Call, type ConnectOptions, checkCall, openCall } from "./client.js";
import { after, exactNow } from "./clock.js";
import type { Connection } from "./connection.js";
import { reportError } from "./report.js";
import { retryAfterMs } from "./retry.js";

/** Options that may be functions. They are called before each attempt. */
const FRESH_NAMES = ["protocol", "headers", "cookies", "params", "auth", "tls"] as const;

export interface StayOptions<Data = undefined>
  extends WithFresh<ConnectOptions<Data>, (typeof FRESH_NAMES)[number]>,
    StayHandlers<StayingConnection<Data>> {}

/** How long to wait for the answer to a Ping before the queue is sent. */
const CONFIRM_MS = 2000;

/** A client that stays connected, made by `stayConnected`. */
export class StayingConnection<Data = unknown> extends Staying<Connection<Data>> {
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

/**
 * Opens a connection, and reconnects when it ends, until you close or abort the client, or an error shows that retrying
 * is pointless. The handlers in `options` are called for each connection; subscribe in `open`. `for await` yields one
 * connection after the other.
 *
 * @param url - as for `connect`, or a function that returns it, called before each attempt; `protocol`, `headers`,
 *   `cookies`, `params`, `auth` and `tls` can be functions, too. If one throws or rejects, the attempt has failed.
 * @returns the client. It starts to connect at once. Connection failures do not throw here: see `closed`.
 * @throws {SyntaxError | TypeError | RangeError} for an invalid URL or invalid options.
 */
export function stayConnected<Data = undefined>(
  url: Fresh<string | URL>,
  options: StayOptions<Data> = {},
): StayingConnection<Data> {
  const limits = checkStayLimits(options);
  const isUrlFresh = typeof url === "function";
  const names = freshNames(options, FRESH_NAMES);
  const check = (address: string | URL, members: object): Call<Data> => {
    const call = checkCall<Data>(
      "stayConnected",
      address,
      names.length === 0 ? (options as ConnectOptions<Data>) : override(options, members),
      Object.keys(STAY_LIMITS),
    );
    // Handlers are called as methods of the user's own object.
    return { ...call, options: options as ConnectOptions<Data> };
  };
  // Invalid options throw at the call. Options that are functions can only be checked later.
  const blank = Object.fromEntries(names.map((name) => [name, undefined]));
  const first = check(isUrlFresh ? "ws://localhost" : url, blank);
  const host: StayHost<Connection<Data>> = {
    async ask() {
      const [address, members] = await Promise.all([isUrlFresh ? url() : url, askFresh(options, names)]);
      return { address, members };
    },
    open(asked, watch) {
      const { address, members } = asked as { address: string | URL; members: object };
      const call = isUrlFresh || names.length > 0 ? check(address, members) : first;
      const controller = new AbortController();
      return {
        opened: openCall(call, controller.signal, watch),
        abandon: (reason) => controller.abort(reason),
      };
    },
    askedFor: retryAfterMs,
    confirm: (connection) =>
      new Promise((resolve) => {
        const cancel = after(CONFIRM_MS, () => resolve(undefined));
        const heard = () => {
          cancel();
          resolve(undefined);
        };
        connection.ping().then(heard, heard);
      }),
    keep: (data, sending) => {
      if (isBlob(data)) return { data, length: data.size };
      if (data instanceof PreparedMessage) return { data, length: data.payload.length };
      if (!isMessage(data)) return undefined;
      const { bytes, type, partial } = data;
      if (partial || (type !== "text" && type !== "binary")) {
        throw new TypeError(
          "a client that stays connected sends whole messages: text or binary, and not partial",
        );
      }
      const copy = typeof data.data === "string" ? data.data : new Uint8Array(bytes);
      return { data: sending?.copy === false ? data : new Message(copy, type), length: bytes.length };
    },
    after,
    now: exactNow,
    isOnline: () => true,
    watch: () => () => undefined,
    report: (thrown) => reportError(thrown, {}),
  };
  return new StayingConnection<Data>(host, limits, options as StayHandlers<never>);
}
