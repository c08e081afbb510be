/**
 * Interoperability with a browser: Chromium's WebSocket, on a page that our server serves. Needs Chromium, such as
 * Debian's package of that name; CHROMIUM says where it is if not there.
 */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { serve } from "../../../src/node/index.js";
import { testInterop } from "../../support/interop.js";
import { chromium, connectFrom, openPage, skip } from "../../support/peers/chromium.js";

testInterop("Chromium", () => chromium, { sides: ["server"], plain: true, skip });

describe("pages in Chromium", { skip }, () => {
  const settings = {
    hostname: "127.0.0.1",
    request: (_request: unknown, response: import("node:http").ServerResponse) =>
      response.setHeader("Content-Type", "text/html").end("<!doctype html>"),
  };

  test("of another origin cannot connect", { timeout: 60_000 }, async (t) => {
    const ours = await serve(settings);
    const other = await serve(settings);
    t.after(() => Promise.all([ours.close(), other.close()]));
    const page = await openPage(other.url);
    await assert.rejects(connectFrom(page, ours.url), /closed with 1006/);
    assert.deepEqual({ ...ours.counters.refused }, { WS_ERR_ORIGIN_NOT_ALLOWED: 1 });
    await connectFrom(page, other.url);
    await page.context().close();
  });

  test("of an origin on the list can", { timeout: 60_000 }, async (t) => {
    const other = await serve(settings);
    const ours = await serve({ ...settings, origin: [other.url.replace(/^ws/, "http")] });
    t.after(() => Promise.all([ours.close(), other.close()]));
    const page = await openPage(other.url);
    await connectFrom(page, ours.url);
    await page.context().close();
  });
});
