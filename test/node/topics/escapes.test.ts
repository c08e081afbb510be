/**
 * Every place where code of the user's runs for a `Topics`, its broker among it, and every way in which it may
 * misbehave there: the error is seen, topics go on within the process, and closing comes to an end. An uncaught
 * exception or an unhandled rejection fails a test. `../escapes.test.ts` has the places of a server.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { connect, Topics, type TopicsOptions } from "../../../src/index.js";
import { BROKER_FUNCTIONS, type BrokerListener } from "../../../src/node/topics/broker.js";
import { listen } from "../../support/connections.js";
import { errorsOf, functionOptions, WAYS, type Way } from "../../support/misbehaviour.js";
import { until } from "../../support/sockets.js";

/** What a function returns in these ways means nothing. */
const RIGHT: readonly Way[] = [
  "returns null",
  "returns a number",
  "returns an object of no known shape",
  "never answers",
];

const OPTIONS = ["onTopic", "onBroker"] as const;

/** A `Topics` with a broker that is away and back, where one function misbehaves. */
function topicsWith(place: string, misbehave: () => never): Topics {
  let listener: BrokerListener | undefined;
  const broker: Record<string, unknown> = Object.fromEntries(
    BROKER_FUNCTIONS.map((name) => [name, () => undefined]),
  );
  broker.deliver = (given: BrokerListener) => {
    listener = given;
    return place === "deliver" ? misbehave() : undefined;
  };
  const options: Record<string, unknown> = { broker };
  if ((OPTIONS as readonly string[]).includes(place)) options[place] = misbehave;
  else if (place !== "deliver") broker[place] = misbehave;
  const topics = new Topics(options as TopicsOptions);
  listener?.away();
  listener?.back();
  return topics;
}

describe("where code of the user's runs for a Topics", () => {
  for (const place of [...OPTIONS, ...BROKER_FUNCTIONS]) {
    for (const [way, misbehave] of Object.entries(WAYS)) {
      // The application's call throws.
      if (place === "deliver" && way.startsWith("throws")) {
        it(`${place} ${way}: so does new Topics`, () => {
          assert.throws(() => topicsWith(place, misbehave as () => never));
        });
        continue;
      }
      // A `Topics` is closed when its broker is.
      if (place === "close" && way === "never answers") continue;
      it(`${place} ${way}`, async (t) => {
        const errors = errorsOf(t);
        t.mock.method(console, "error", () => assert.fail("it was heard, so nothing is printed"));
        const topics = topicsWith(place, misbehave as () => never);
        const server = await listen(t, {
          topics,
          message: (connection, { data }) => {
            connection.subscribe("a");
            connection.send(data);
          },
        });
        const client = await connect(server.url);
        t.after(() => client.terminate());
        client.send("subscribed");
        assert.equal(`${await client.receive()}`, "subscribed");
        assert.equal(topics.publish("a", "published"), 1);
        assert.equal(`${await client.receive()}`, "published");
        await client.close();
        await until(() => topics.subscriberCount("a") === 0, "it unsubscribes");
        await topics.close();
        if (RIGHT.includes(way as Way)) assert.deepEqual(errors, []);
        else await until(() => errors.length > 0, "the error is heard");
        assert.equal(topics.publish("a", "alone"), 0);
      });
    }
  }

  it("the table has every option that is a function", () => {
    assert.deepEqual(functionOptions("src/node/topics/topics.ts", "TopicsOptions"), [...OPTIONS]);
  });
});
