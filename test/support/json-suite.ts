/** Values in messages, in Node and in a browser alike. */

import assert from "node:assert/strict";
import {
  type AnyMessage,
  InvalidMessageError,
  Message,
  type StandardSchema,
  type typed as Typed,
} from "../../src/index.browser.js";
import { failureOf, type SharedApi, type SharedConnection } from "./connection-suite.js";

interface JsonCase {
  readonly name: string;
  /** @param typed - not every file for pages has it. */
  run(api: SharedApi, base: string, typed: typeof Typed): Promise<void>;
}

const cases: JsonCase[] = [];
const define = (name: string, run: JsonCase["run"]) => cases.push({ name, run });

/** A schema of numbers, which makes them one more; `later` by a promise. */
function numbers(later = false): StandardSchema<number, number> {
  const judge = (value: unknown) =>
    typeof value === "number"
      ? { value: value + 1 }
      : { issues: [{ message: "no number", path: ["a", { key: 0 }] }, { message: "nor anything" }] };
  return { "~standard": { validate: (value) => (later ? Promise.resolve(judge(value)) : judge(value)) } };
}

const valid = numbers();

define("a message has its text and its value", async (api, base) => {
  const connection = await api.connect(`${base}/echo`);
  assert.equal(connection.sendJson({ a: [1, "Ü", null] }), true);
  const message = (await connection.receive()) as AnyMessage;
  assert.equal(message.type, "text");
  assert.equal(message.text(), '{"a":[1,"Ü",null]}');
  assert.deepEqual(message.json(), { a: [1, "Ü", null] });
  // Bytes are text, too.
  const bytes = new Message(new TextEncoder().encode("7"), "binary");
  assert.equal(bytes.text(), "7");
  assert.equal(bytes.json<number>(), 7);
  const value: number = bytes.json(valid);
  assert.equal(value, 8);
  for (const wrong of [undefined, () => 1, Symbol("x")]) {
    assert.throws(() => connection.sendJson(wrong), TypeError);
  }
  const circle: { self?: unknown } = {};
  circle.self = circle;
  assert.throws(() => connection.sendJson(circle), TypeError);
  assert.throws(() => connection.sendJson(1n), TypeError);
  await connection.close();
});

define("a message that is not JSON, or does not match, is the peer's fault", async (api, base) => {
  assert.throws(() => new Message("{", "text").json(), InvalidMessageError);
  const wrong = new Message('"x"', "text");
  try {
    wrong.json(valid);
    assert.fail();
  } catch (error) {
    assert.ok(error instanceof InvalidMessageError);
    assert.equal(error.message, "the message does not match its schema: a.0: no number; nor anything");
    assert.equal(error.issues.length, 2);
    assert.equal(error.closeCode, 1007);
  }
  assert.throws(() => wrong.json(numbers(true) as never), TypeError);
  for (const nonsense of [5, {}, null]) assert.throws(() => wrong.json(nonsense as never), TypeError);

  const errors: Error[] = [];
  const connection = await api.connect(`${base}/echo`, {
    message: (_connection, message) => void message.json(valid),
    error: (_connection, error) => void errors.push(error),
  });
  connection.send("1");
  connection.send("{");
  await connection.closed;
  assert.equal(errors.length, 1);
  assert.ok(errors[0] instanceof InvalidMessageError && connection.error === errors[0]);
});

define("a connection of values", async (api, base, typed) => {
  for (const later of [false, true]) {
    const connection = await api.connect(`${base}/echo`);
    const channel = typed(connection, { in: numbers(later), out: numbers() });
    assert.equal(channel.connection, connection);
    assert.equal(channel.send(1), true);
    // One more when it is sent, and one more when it is received.
    assert.equal(await channel.receive(), 3);
    assert.throws(() => channel.send("x" as never), InvalidMessageError);
    channel.send(5);
    channel.send(6);
    const seen: number[] = [];
    for await (const value of channel) {
      seen.push(value);
      if (seen.length === 2) break;
    }
    assert.deepEqual(seen, [7, 8]);
    await connection.closed;
    assert.equal(await channel.receive(), undefined);
  }
  const connection = await api.connect(`${base}/echo`);
  const any = typed(connection);
  any.send({ a: 1 });
  assert.deepEqual(await any.receive(), { a: 1 });
  assert.throws(() => typed(connection, { out: numbers(true) }).send(1), TypeError);
  for (const wrong of [{ in: 5 }, { out: {} }, { onInvalid: "x" }, { onInvalid: 5 }, { schema: valid }, 5]) {
    assert.ok(
      (await failureOf((async () => typed(connection, wrong as never))())) instanceof Error,
      `${wrong}`,
    );
  }
  await connection.close();
});

define("what does not match is refused by the user's rule", async (api, base, typed) => {
  const rules: [
    number | undefined | ((error: InvalidMessageError, message: AnyMessage) => unknown),
    unknown,
  ][] = [
    [undefined, InvalidMessageError],
    [4400, InvalidMessageError],
    [
      () => {
        throw new SyntaxError("mine");
      },
      SyntaxError,
    ],
  ];
  for (const [onInvalid, type] of rules) {
    const connection: SharedConnection = await api.connect(`${base}/echo`);
    connection.send('"x"');
    const failure = await failureOf(typed(connection, { in: valid, onInvalid }).receive());
    assert.ok(failure instanceof (type as typeof Error));
    if (onInvalid === 4400) assert.equal((await connection.closed).code, 4400);
    await connection.close();
  }
  const left: string[] = [];
  const connection = await api.connect(`${base}/echo`);
  const channel = typed(connection, {
    in: valid,
    onInvalid: (error, message) => void left.push(`${message}: ${error.issues.length}`),
  });
  for (const text of ["1", "{", '"x"', "2"]) connection.send(text);
  assert.deepEqual([await channel.receive(), await channel.receive()], [2, 3]);
  assert.deepEqual(left, ["{: 0", '"x": 2']);
  await connection.close();
});

export const JSON_CASES: readonly JsonCase[] = cases;
