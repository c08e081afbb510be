/** `hawser/utf-8-validate`: the export of the npm package utf-8-validate, without its native addon. */

import { isValidUtf8 } from "../codec/index.js";

/**
 * Whether a buffer holds valid UTF-8. `require("hawser/utf-8-validate")` gives the function itself.
 *
 * @param buffer - left as it is.
 */
export default function isValidUTF8(buffer: Uint8Array): boolean {
  return isValidUtf8(buffer);
}

export { isValidUTF8 as "module.exports" };
