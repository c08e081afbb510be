/** What the tests of other libraries' vocabulary share: each name that their users know has its home in hawser. */

import { after, type TestContext, test } from "node:test";
import { type Connection, type ConnectOptions, connect, type ServeOptions, serve } from "../../src/index.js";

/** Defines tests by those names; after them, tells which of the names have none. */
export function vocabulary(names: string) {
  const missing = new Set(names.trim().split(/\s+/));
  after(() => {
    if (missing.size > 0) throw new Error(`no test of ${[...missing].join(", ")}`);
  });
  return (name: string, run: (t: TestContext) => unknown) => {
    for (const each of name.split(" ")) {
      if (!missing.delete(each)) throw new Error(`no such name, or tested twice: ${each}`);
    }
    test(name, async (t) => {
      await run(t);
    });
  };
}

/** A server and a client, connected. */
export async function connected(
  t: TestContext,
  serverOptions: ServeOptions = {},
  clientOptions: ConnectOptions = {},
): Promise<{ accepted: Connection; connection: Connection; url: string }> {
  let opened: (connection: Connection) => void;
  const accepting = new Promise<Connection>((resolve) => {
    opened = resolve;
  });
  const server = await serve({
    hostname: "127.0.0.1",
    ...serverOptions,
    open(connection, request) {
      opened(connection);
      return serverOptions.open?.(connection, request);
    },
  });
  t.after(() => server.close({ timeoutMs: 0 }));
  const connection = await connect(`${server.url}/socket`, clientOptions);
  t.after(() => connection.terminate());
  return { accepted: await accepting, connection, url: server.url };
}
