/** The suite of clients that stay connected, which Node shares with the browser, against our server and against `ws`. */

import { after, before, describe, it } from "node:test";
import * as node from "../../src/node/index.js";
import { type SuiteServer, serveSuite } from "../support/connection-server.js";
import { STAY_CASES, type StayApi } from "../support/stay-suite.js";

const api: StayApi = node;

for (const by of ["hawser", "ws"] as const) {
  describe(`a client that stays connected to a server by ${by}`, () => {
    let server: SuiteServer;
    before(async () => {
      server = await serveSuite(by);
    });
    after(() => server.close());

    for (const { name, run } of STAY_CASES) {
      it(name, { timeout: 20_000 }, () => run(api, server.origin.replace("http", "ws")));
    }
  });
}
