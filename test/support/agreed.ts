/** What connections that compress agree on, and messages for them. */

import { messages } from "./corpus.js";
import { parameters } from "./deflate.js";

/** What two agree on that leave everything to the other. */
export const AGREED = parameters();

/** The same, of messages that refer to none before them. */
export const ALONE = { ...AGREED, serverNoContextTakeover: true, clientNoContextTakeover: true };

/** JSON of some 300 bytes each. */
export const TEXTS = messages("json", 300, 20).map((bytes) => new TextDecoder().decode(bytes));
