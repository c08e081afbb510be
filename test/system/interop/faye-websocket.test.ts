/** Interoperability with `faye-websocket`, which runs on `websocket-driver`. */

import { testInterop } from "../../support/interop.js";
import { faye } from "../../support/peers/faye-websocket.js";

testInterop("faye-websocket", () => faye);
