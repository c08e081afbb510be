/** Compression with Chromium, whose pages have no say in it: every option of a server. */

import { serve } from "../../../src/node/index.js";
import {
  agreedBy,
  combinations,
  describe,
  each,
  talk,
  testStreams,
  timed,
} from "../../support/compression.js";
import type { Peer } from "../../support/peer.js";
import { chromium, connectFrom, openPage, skip } from "../../support/peers/chromium.js";

/** One page for all connections: to open one takes longer than all that is done with it. */
async function openPeer(): Promise<Peer> {
  const server = await serve({
    hostname: "127.0.0.1",
    request: (_request, response) => response.setHeader("Content-Type", "text/html").end("<!doctype html>"),
  });
  const page = await openPage(server.url);
  await server.close();
  const connect: Peer["connect"] = async (url) => ({
    ...(await connectFrom(page, url)),
    release: async () => {},
  });
  return { ...chromium, connect };
}

let opened: Promise<Peer> | undefined;

function prepare(): Promise<Peer> {
  opened ??= openPeer();
  return opened;
}

testStreams("Chromium", prepare, ["server"], skip);

/** Each message is two calls to the page, so not every set: each window, and each way to take context over. */
const SETS = combinations().filter(
  ({ serverMaxWindowBits, clientMaxWindowBits }) => serverMaxWindowBits === clientMaxWindowBits,
);

describe("options of hawser's server, and Chromium", { skip }, () => {
  timed("every window, and every way to take context over", async () => {
    const peer = await prepare();
    await each(SETS, async (ours, i) => {
      await talk("server", peer, { ours, theirs: undefined }, agreedBy(ours), i);
    });
  });
});
