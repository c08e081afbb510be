/** Interoperability with `ws`, the most used implementation on Node. */

import { testInterop } from "../../support/interop.js";
import { ws } from "../../support/peers/ws.js";

testInterop("ws", () => ws);
