/**
 * Interoperability with Python's `websockets`, both sides, in a process of its own. Needs a python3 that has it,
 * such as Debian's with the package python3-websockets.
 */

import { testInterop } from "../../support/interop.js";
import { prepare, skip } from "../../support/peers/websockets.js";

testInterop("Python's websockets", prepare, { skip });
