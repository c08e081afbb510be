/** Topics over NATS: the suite of all brokers, with a real one. */

import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { connect } from "@nats-io/transport-node";
import { natsBroker } from "../../src/brokers/nats.js";
import { type BrokerWorld, brokerSuite } from "../support/broker-suite.js";
import { isInstalled, startEngine } from "../support/engine.js";

async function open(t: TestContext): Promise<BrokerWorld> {
  const engine = await startEngine(t, "nats-server", (port) => ["-a", "127.0.0.1", "-p", `${port}`]);
  return {
    async connect() {
      const connection = await connect({
        servers: `127.0.0.1:${engine.port}`,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 20,
        reconnectJitter: 0,
      });
      t.after(() => connection.close());
      return natsBroker(connection);
    },
    outage: engine,
    stall: engine,
  };
}

if (isInstalled("nats-server")) brokerSuite("NATS", open);
else it("NATS", (t) => t.skip("nats-server is not installed"));

it("natsBroker takes a connection", () => {
  assert.throws(() => natsBroker({} as never), /takes a connection of @nats-io/);
});
