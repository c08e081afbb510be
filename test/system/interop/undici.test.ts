/** Interoperability with undici's client, which is the `WebSocket` of Node itself. There is no server of its kind. */

import { testInterop } from "../../support/interop.js";
import { undici } from "../../support/peers/undici.js";

testInterop("undici's WebSocket", () => undici, { sides: ["server"] });
