/** `hawser/bufferutil`: the exports of the npm package bufferutil, without its native addon. */

import { mask, unmask } from "../codec/index.js";

const bufferutil = { mask, unmask };

export { mask, unmask };
export default bufferutil;
// What `require("hawser/bufferutil")` gives: these two functions and no mark of a module.
export { bufferutil as "module.exports" };
