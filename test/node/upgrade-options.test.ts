/** Options of servers: checked at the start, read once, and every name known. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import {
  connect,
  connectWithRetry,
  createConnection,
  createUpgradeHandler,
  type ServeOptions,
  serve,
  type UpgradeOptions,
} from "../../src/index.js";
import { CONNECTION_OPTION_NAMES, HANDLER_NAMES } from "../../src/node/connection-options.js";
import { UPGRADE_OPTION_NAMES } from "../../src/node/upgrade-options.js";
import { listen } from "../support/connections.js";
import { knock, rawClient, requestText } from "../support/sockets.js";
import { duplexPair } from "../support/streams.js";

/** What `serve` says of options that it refuses; a server that starts is closed again. */
async function refusalOf(options: object): Promise<Error> {
  const outcome = await serve({ hostname: "127.0.0.1", ...options } as ServeOptions).catch(
    (error: Error) => error,
  );
  if (outcome instanceof Error) return outcome;
  await outcome.close();
  return assert.fail(`accepted: ${Object.keys(options)}`);
}

describe("options that make no sense are refused at the start", () => {
  const wrong: [options: object, message: RegExp][] = [
    [{ origin: "https://a.example" }, /^origin must be .*; for one origin, give \["https:\/\/a\.example"\]$/],
    [{ origin: 5 }, /^origin must be /],
    [{ authorize: true }, /^authorize must be a function, not true/],
    [{ selectProtocol: "a" }, /^selectProtocol must be a function/],
    [{ onError: {} }, /^onError must be a function/],
    [{ path: "echo" }, /^path must begin with "\/"/],
    [{ routes: { echo: {} } }, /^a path in routes must begin with "\/"/],
    [{ unmatched: "ignore" }, /^unmatched must be "leave" or "refuse", not "ignore"/],
    [{ protocols: "chat" }, /^protocols must be a list/],
    [{ protocols: ["a b"] }, /tokens/],
    [{ protocols: ["a", "a"] }, /tokens/],
    [{ maxConnections: "5" }, /^maxConnections must be a number/],
    [{ maxHeadLength: -1 }, /^maxHeadLength must be a number/],
    [{ handshakeTimeoutMs: "1" }, /^handshakeTimeoutMs must be a number/],
  ];
  for (const [options, message] of wrong) {
    it(JSON.stringify(options), async () => {
      assert.match((await refusalOf(options)).message, message);
      assert.throws(() => createUpgradeHandler({}, options as UpgradeOptions), { message });
    });
  }

  it("and those of serve alone", async () => {
    for (const backlog of ["5", -1, 1.5, Symbol()])
      assert.match((await refusalOf({ backlog })).message, /^backlog must/);
    for (const port of ["80", -1, 65536]) assert.match((await refusalOf({ port })).message, /^port must/);
    for (const name of ["hostname", "socketPath"])
      assert.match((await refusalOf({ [name]: 5 })).message, /a string/);
    assert.match((await refusalOf({ request: "page" })).message, /^request must be a function/);
    assert.match((await refusalOf({ signal: {} })).message, /^signal must be an AbortSignal/);
    assert.match((await refusalOf({ tls: true })).message, /^tls must be an object/);
    for (const handlers of [null, undefined, 5, "x"]) {
      assert.throws(
        () => createUpgradeHandler(handlers as never),
        /^TypeError: createUpgradeHandler takes a function/,
      );
    }
  });
});

describe("names of options", () => {
  const hints: [name: string, hint: RegExp][] = [
    ["verifyClient", /authorize/],
    ["maxPayload", /maxMessageSize/],
    ["handleProtocols", /selectProtocol/],
    ["clientTracking", /connections/],
    ["noServer", /createUpgradeHandler/],
    ["server", /createUpgradeHandler/],
    ["maxMesageSize", /did you mean maxMessageSize\?/],
    ["autorize", /did you mean authorize\?/],
    ["idleTimeout", /idleTimeoutMs/],
  ];
  for (const [name, hint] of hints) {
    it(`${name} is none, and the right one is named`, async () => {
      const error = await refusalOf({ [name]: () => false });
      assert.ok(error instanceof TypeError);
      assert.match(error.message, new RegExp(`^serve has no option "${name}": .*${hint.source}`));
      assert.throws(
        () => createUpgradeHandler({}, { [name]: 1 } as UpgradeOptions),
        new RegExp(`^TypeError: createUpgradeHandler has no option "${name}": .*${hint.source}`),
      );
    });
  }

  it("serve knows its own, and what other servers call them", async () => {
    for (const [name, hint] of [
      ["host", /hostname/],
      ["cert", /tls/],
      ["prot", /did you mean port\?/],
      ["onmessage", /it is message$/],
    ] as const) {
      assert.match((await refusalOf({ [name]: "x" })).message, hint);
    }
  });

  it("handlers that do not exist, or cannot be called, are refused wherever they are given", async () => {
    for (const [handlers, message] of [
      [{ mesage() {} }, /"mesage": did you mean message\?$/],
      [{ onclose() {} }, /"onclose": it is close$/],
      [{ message: 5 }, /^message must be a function, not 5$/],
      [{ close: null }, /^close must be a function, not null$/],
    ] as [object, RegExp][]) {
      const error = { name: "TypeError", message };
      assert.match((await refusalOf(handlers)).message, message);
      assert.throws(() => createUpgradeHandler(handlers), error);
      assert.throws(() => createUpgradeHandler({}, { routes: { "/a": handlers } }), error);
      await assert.rejects(connect("ws://127.0.0.1:1", handlers), error);
      await assert.rejects(connectWithRetry("ws://127.0.0.1:1", handlers), error);
      const [stream] = duplexPair();
      assert.throws(() => createConnection(stream, { role: "server", ...handlers }), error);
      const connection = createConnection(stream, { role: "server" });
      assert.throws(() => {
        connection.handlers = handlers;
      }, error);
      connection.terminate();
    }
  });

  it("what belongs into the other argument of createUpgradeHandler is said", () => {
    assert.throws(
      () => createUpgradeHandler({ path: "/chat" } as object),
      /"path": it is an option, and options are the second argument$/,
    );
    assert.throws(
      () => createUpgradeHandler({}, { message() {} } as object),
      /"message": handlers are the first argument$/,
    );
  });

  it("the lists have what the interfaces have", () => {
    const inherited = [
      ...membersOf("protocol/session/endpoint-options", "EndpointOptions").filter((name) => name !== "role"),
      ...membersOf("protocol/connection/buffer-limits", "BufferLimits"),
      ...membersOf("node/liveness", "LivenessLimits"),
    ];
    const connection = [
      ...new Set([...inherited, ...membersOf("node/connection-options", "ConnectionOptions")]),
    ];
    assert.deepEqual([...CONNECTION_OPTION_NAMES].sort(), connection.sort());
    assert.deepEqual([...HANDLER_NAMES], membersOf("node/connection-options", "Handlers"));
    const upgrade = [...CONNECTION_OPTION_NAMES, ...membersOf("node/upgrade-options", "UpgradeOptions")];
    assert.deepEqual([...UPGRADE_OPTION_NAMES].sort(), upgrade.sort());
  });

  it("serve knows every one", async () => {
    const names = [...UPGRADE_OPTION_NAMES, ...HANDLER_NAMES, ...membersOf("node/server", "ServeOptions")];
    for (const name of names) {
      const error = await serve({ hostname: "127.0.0.1", [name]: Symbol() } as ServeOptions).catch(
        (thrown: Error) => thrown,
      );
      assert.ok(error instanceof Error ? !/no option/.test(error.message) : await close(error), name);
    }
  });
});

async function close(server: { close(): Promise<void> }): Promise<true> {
  await server.close();
  return true;
}

/** Names of an interface's own members, from the source. */
function membersOf(file: string, name: string): string[] {
  const path = fileURLToPath(new URL(`../../src/${file}.ts`, import.meta.url));
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest);
  const found = source.statements.find(
    (statement) => ts.isInterfaceDeclaration(statement) && statement.name.text === name,
  ) as ts.InterfaceDeclaration;
  return found.members.map((member) => (member.name as ts.Identifier).text);
}

describe("options are read once", () => {
  /** Options whose getters count. */
  function counted(options: object): { options: object; counts: Record<string, number> } {
    const counts: Record<string, number> = {};
    const result = {};
    for (const [name, value] of Object.entries(options)) {
      const get = () => {
        counts[name] = (counts[name] ?? 0) + 1;
        return value;
      };
      Object.defineProperty(result, name, { enumerable: true, get });
    }
    return { options: result, counts };
  }

  const given = {
    path: "/chat",
    routes: { "/other": {} },
    protocols: ["a"],
    authorize: () => true,
    selectProtocol: () => "a",
    origin: ["http://127.0.0.1"],
    onError: () => undefined,
    maxConnections: 10,
    handshakeTimeoutMs: 1000,
    maxHeadLength: 4096,
    unmatched: "refuse",
  };

  async function request(t: TestContext, port: number): Promise<void> {
    const offering = { "Sec-WebSocket-Protocol": "a", Origin: "http://127.0.0.1" };
    await rawClient(t, port, requestText(offering));
    assert.equal((await knock(t, port, requestText(offering, "GET /no HTTP/1.1"))).status, 404);
    await rawClient(t, port, requestText(offering, "GET /other HTTP/1.1"));
  }

  it("no request runs a getter", async (t) => {
    const { options, counts } = counted({
      ...given,
      hostname: "127.0.0.1",
      port: 0,
      request: () => undefined,
    });
    const server = await serve(options);
    t.after(() => server.close({ timeoutMs: 0 }));
    const before = { ...counts };
    assert.ok(Object.keys(given).every((name) => before[name] > 0));
    await request(t, server.port);
    assert.deepEqual(counts, before);
  });

  it("later changes have no effect", async (t) => {
    const options: Record<string, unknown> = { ...given, protocols: ["a"] };
    const server = await listen(t, options);
    Object.assign(options, { path: "/never", routes: {}, authorize: () => false, maxConnections: 0 });
    (given.origin as string[]).push("http://evil.example");
    await request(t, server.port);
    assert.equal((await knock(t, server.port, requestText({ Origin: "http://evil.example" }))).status, 403);
    given.origin.pop();
  });
});
