/**
 * `ws`, with or without its native addon bufferutil. Each process that asks gets one of the two. Its other addon,
 * utf-8-validate, does nothing on Node 18.14 and later: ws takes `isUtf8` of Node's buffers there.
 */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type * as Ws from "ws";
import { loadBufferUtil } from "../micro/rivals.js";

const require = createRequire(import.meta.url);

/** Throws when ws did not load the wanted addon: `ws` takes the addon that it finds, and reports nothing. */
export function loadWs(withBufferUtil: boolean): typeof Ws {
  if (withBufferUtil) {
    delete process.env.WS_NO_BUFFER_UTIL;
    loadBufferUtil();
  } else {
    process.env.WS_NO_BUFFER_UTIL = "1";
  }
  const ws: typeof Ws = require("ws");
  const inner = require(join(dirname(require.resolve("ws/package.json")), "lib/buffer-util.js"));
  if ((inner.unmask.name === "_unmask") === withBufferUtil) {
    throw new Error(`ws was to be loaded with${withBufferUtil ? "" : "out"} bufferutil and was not`);
  }
  return ws;
}
