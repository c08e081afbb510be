/** `hawser/bufferutil`: the exports of the npm package bufferutil, without its native addon. */

export { mask, unmask } from "../codec/index.js";
