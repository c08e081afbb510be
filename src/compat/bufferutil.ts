/** `hawser/bufferutil`: the exports of the npm package bufferutil, without its native addon. */

import { mask, unmask } from "../codec/index.js";

export { mask, unmask };
export default { mask, unmask };
