/** Channels of node:diagnostics_channel: what happens on connections, for whoever observes a process. */

import { channel } from "node:diagnostics_channel";

/** Messages are objects with `connection`, and what is named beside each. */
export const channels = {
  /** A connection is open. */
  open: channel("hawser:connection:open"),
  /** It is closed: `code`, `reason`. */
  close: channel("hawser:connection:close"),
  /** A message arrived whole: `message`. */
  message: channel("hawser:connection:message"),
  /** Something went wrong: `error`. */
  error: channel("hawser:connection:error"),
  /** A server refused a request: `request`, `status`, `reason`; no `connection`. */
  refuse: channel("hawser:server:refuse"),
};
