/** The suite that Node's connection shares with the browser's, against our server and against `ws`. */

import { after, before, describe, it } from "node:test";
import * as node from "../../src/node/index.js";
import { typed } from "../../src/protocol/index.js";
import { type SuiteServer, serveSuite } from "../support/connection-server.js";
import { CONNECTION_CASES, type SharedApi } from "../support/connection-suite.js";
import { JSON_CASES } from "../support/json-suite.js";

const api: SharedApi = node;

for (const by of ["hawser", "ws"] as const) {
  describe(`a connection to a server by ${by}`, () => {
    let server: SuiteServer;
    before(async () => {
      server = await serveSuite(by);
    });
    after(() => server.close());

    for (const { name, run } of [...CONNECTION_CASES, ...JSON_CASES]) {
      it(name, { timeout: 20_000 }, () => run(api, server.origin.replace("http", "ws"), typed));
    }
  });
}
