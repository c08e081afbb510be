/** What the channel `hawser:frame` carries. */

import type { Connection } from "./connection.js";
import type { FrameSeen } from "./frame-log.js";

export interface FrameEvent extends FrameSeen {
  readonly connection: Connection;
}
