/** What connections that compress agree on, and messages for them. */

import type { DeflateParameters } from "../../src/protocol/index.js";
import { messages } from "./corpus.js";

/** What two agree on that leave everything to the other. */
export const AGREED: DeflateParameters = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
  windowBits: 13,
  level: undefined,
  memLevel: undefined,
  threshold: undefined,
};

/** The same, of messages that refer to none before them. */
export const ALONE = { ...AGREED, serverNoContextTakeover: true, clientNoContextTakeover: true };

/** JSON of some 300 bytes each. */
export const TEXTS = messages("json", 300, 20).map((bytes) => new TextDecoder().decode(bytes));
