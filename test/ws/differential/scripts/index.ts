/** All scripts. */

import type { Script } from "../stage.js";
import { clientConnecting } from "./client-connecting.js";
import { clientOpening } from "./client-opening.js";
import { closing } from "./closing.js";
import { codec } from "./codec.js";
import { compression } from "./compression.js";
import { duplexes } from "./duplexes.js";
import { events } from "./events.js";
import { frames } from "./frames.js";
import { messages } from "./messages.js";
import { pausing } from "./pausing.js";
import { requests } from "./requests.js";
import { serverOpening } from "./server-opening.js";
import { servers } from "./servers.js";
import { streams } from "./streams.js";
import { surface } from "./surface.js";
import { timing } from "./timing.js";

export const scripts: readonly Script[] = [
  ...surface,
  ...clientOpening,
  ...clientConnecting,
  ...requests,
  ...serverOpening,
  ...messages,
  ...frames,
  ...closing,
  ...pausing,
  ...compression,
  ...events,
  ...servers,
  ...streams,
  ...timing,
  ...codec,
  ...duplexes,
];
