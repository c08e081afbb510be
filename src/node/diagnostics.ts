/** Channels of node:diagnostics_channel: what happens on connections, for programs that watch a process. */

import { type ChannelListener, channel } from "node:diagnostics_channel";
import { runHandler } from "../protocol/index.js";
import { printBug } from "./print-bug.js";

/**
 * A channel whose subscribers may fail. Node's own `publish` ends the process by an uncaught exception when a
 * subscriber throws, and an unhandled rejection does when an async one rejects.
 */
class SafeChannel {
  readonly #channel: ReturnType<typeof channel>;

  constructor(made: ReturnType<typeof channel>) {
    this.#channel = made;
  }

  get hasSubscribers(): boolean {
    return this.#channel.hasSubscribers;
  }

  /** Calls all subscribers. If one throws or rejects, its error is printed, and the others are still called. */
  publish(message: object): void {
    const { name } = this.#channel;
    // Not documented, so looked at before it is used.
    const { _subscribers: subscribers } = this.#channel as { _subscribers?: unknown };
    if (!Array.isArray(subscribers)) {
      this.#channel.publish(message);
      return;
    }
    for (const subscriber of subscribers as ChannelListener[]) {
      runHandler(
        () => subscriber(message, name),
        (thrown) => printBug(`a subscriber of the channel ${String(name)} failed`, thrown),
      );
    }
  }
}

/** Messages are objects with `connection`, and the properties named beside each. */
export const channels = {
  /** A connection is open. */
  open: new SafeChannel(channel("hawser:connection:open")),
  /** It is closed: `code`, `reason`. */
  close: new SafeChannel(channel("hawser:connection:close")),
  /** A message arrived whole: `message`. */
  message: new SafeChannel(channel("hawser:connection:message")),
  /**
   * Something went wrong: `error`. Beside it `connection`, if it is about one; `request`, if a callback failed
   * during a handshake or an ordinary request; neither, if a server could not take a connection.
   */
  error: new SafeChannel(channel("hawser:connection:error")),
  /** A frame arrived or leaves: see `FrameEvent`. */
  frame: new SafeChannel(channel("hawser:frame")),
  /** A server refused a request: `request`, `status`, `reason`; no `connection`. */
  refuse: new SafeChannel(channel("hawser:server:refuse")),
};
