/** The negotiation of compression: RFC 7692 §5, §7.1. Compared with ws, which plays either side. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import * as ws from "ws";
import {
  acceptPerMessageDeflate,
  buildHandshakeRequest,
  buildHandshakeResponse,
  checkPerMessageDeflate,
  confirmPerMessageDeflate,
  type DeflateParameters,
  type Extension,
  HandshakeError,
  judgeHandshakeRequest,
  offerPerMessageDeflate,
  type PerMessageDeflateOptions,
  parseExtensions,
  parseHeaders,
  serializeExtensions,
  validateHandshakeResponse,
} from "../../../src/protocol/index.js";
import { itHolds } from "../../support/property.js";
import { KEY, responseHeaders } from "../support.js";

/** A header's value, read. */
function parse(value: string): Extension[] {
  const extensions = parseExtensions(value);
  assert.ok(extensions, value);
  return extensions;
}

/** The four values, shortly: "S" and "C" for no context takeover, then the windows. */
function summary(parameters: DeflateParameters): string {
  const { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits } =
    parameters;
  const letters = `${serverNoContextTakeover ? "S" : "-"}${clientNoContextTakeover ? "C" : "-"}`;
  return `${letters} ${serverMaxWindowBits} ${clientMaxWindowBits}`;
}

/** Parameters that are the same on both sides. */
function negotiated(parameters: DeflateParameters) {
  const { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits } =
    parameters;
  return { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits };
}

/** The window that a side uses: as it wants, or 13 bits to save memory, and never more than was agreed on. */
function ownWindow(wanted: unknown, agreed: number): number {
  return Math.min(typeof wanted === "number" ? wanted : 13, agreed);
}

describe("checkPerMessageDeflate", () => {
  it("takes a boolean, or options", () => {
    assert.equal(checkPerMessageDeflate(undefined), undefined);
    assert.equal(checkPerMessageDeflate(false), undefined);
    assert.deepEqual(checkPerMessageDeflate(true), {});
    const all = {
      serverNoContextTakeover: true,
      clientNoContextTakeover: false,
      serverMaxWindowBits: 8,
      clientMaxWindowBits: 15,
      level: 0,
      memLevel: 9,
      threshold: 0,
    };
    assert.deepEqual(checkPerMessageDeflate(all), all);
    const checked = checkPerMessageDeflate(all);
    all.level = 99;
    assert.equal(checked?.level, 0, "a copy");
    for (const options of [
      { clientMaxWindowBits: true },
      { clientMaxWindowBits: false },
      { level: 9, memLevel: 1, threshold: Infinity },
      { threshold: undefined, clientMaxWindowBits: undefined, serverNoContextTakeover: undefined },
    ]) {
      assert.deepEqual({ ...checkPerMessageDeflate(options) }, { ...checkPerMessageDeflate({}), ...options });
    }
  });

  it("ignores three names that ws has, and refuses all others", () => {
    const checked = checkPerMessageDeflate({
      level: 3,
      zlibDeflateOptions: { level: 99 },
      concurrencyLimit: "x",
    } as PerMessageDeflateOptions);
    assert.equal(checked?.level, 3);
    assert.equal("zlibDeflateOptions" in (checked ?? {}), false);
    assert.throws(() => checkPerMessageDeflate({ treshold: 1 } as PerMessageDeflateOptions), {
      name: "TypeError",
      message: 'perMessageDeflate has no option "treshold": did you mean threshold?',
    });
  });

  it("names the option that is wrong, the expected value and the given one", () => {
    const bad: [unknown, string, RegExp][] = [
      [null, "TypeError", /^perMessageDeflate must be a boolean or an object of options, not null$/],
      ["on", "TypeError", /^perMessageDeflate must be .*, not on$/],
      [1, "TypeError", /^perMessageDeflate must be .*, not 1$/],
      [
        { serverNoContextTakeover: 1 },
        "TypeError",
        /^serverNoContextTakeover of perMessageDeflate must be a boolean, not 1$/,
      ],
      [{ clientNoContextTakeover: null }, "TypeError", /^clientNoContextTakeover .* not null$/],
      [{ serverMaxWindowBits: true }, "TypeError", /^serverMaxWindowBits .* integer from 8 to 15, not true$/],
      [{ serverMaxWindowBits: "9" }, "TypeError", /^serverMaxWindowBits /],
      [{ serverMaxWindowBits: 7 }, "RangeError", /^serverMaxWindowBits .* integer from 8 to 15, not 7$/],
      [{ serverMaxWindowBits: 16 }, "RangeError", /^serverMaxWindowBits /],
      [{ serverMaxWindowBits: 9.5 }, "RangeError", /^serverMaxWindowBits /],
      [{ serverMaxWindowBits: NaN }, "RangeError", /^serverMaxWindowBits /],
      [{ clientMaxWindowBits: null }, "TypeError", /^clientMaxWindowBits /],
      [{ clientMaxWindowBits: 7 }, "RangeError", /^clientMaxWindowBits .* integer from 8 to 15, not 7$/],
      [{ clientMaxWindowBits: 16 }, "RangeError", /^clientMaxWindowBits /],
      [{ level: -1 }, "RangeError", /^level of perMessageDeflate must be an integer from 0 to 9, not -1$/],
      [{ level: 10 }, "RangeError", /^level /],
      [{ level: "6" }, "TypeError", /^level /],
      [{ memLevel: 0 }, "RangeError", /^memLevel .* from 1 to 9, not 0$/],
      [{ memLevel: 10 }, "RangeError", /^memLevel /],
      [{ threshold: -1 }, "RangeError", /^threshold .* 0 to Infinity bytes, not -1$/],
      [{ threshold: NaN }, "RangeError", /^threshold .* not NaN$/],
      [{ threshold: "1024" }, "TypeError", /^threshold .* number of bytes, not 1024$/],
    ];
    for (const [options, name, message] of bad) {
      assert.throws(() => checkPerMessageDeflate(options as PerMessageDeflateOptions), { name, message });
    }
  });
});

describe("offerPerMessageDeflate", () => {
  const cases: [PerMessageDeflateOptions, string][] = [
    [{}, "permessage-deflate; client_max_window_bits"],
    [{ clientMaxWindowBits: true }, "permessage-deflate; client_max_window_bits"],
    [{ clientMaxWindowBits: false }, "permessage-deflate"],
    [{ clientMaxWindowBits: 8 }, "permessage-deflate; client_max_window_bits=8"],
    [{ clientMaxWindowBits: 15 }, "permessage-deflate; client_max_window_bits=15"],
    [
      { serverNoContextTakeover: true },
      "permessage-deflate; server_no_context_takeover; client_max_window_bits",
    ],
    [
      { clientNoContextTakeover: true },
      "permessage-deflate; client_no_context_takeover; client_max_window_bits",
    ],
    [
      { serverNoContextTakeover: false, clientNoContextTakeover: false, clientMaxWindowBits: false },
      "permessage-deflate",
    ],
    [{ serverMaxWindowBits: 15 }, "permessage-deflate; client_max_window_bits"],
    // §7.1.3: an offer, and one to fall back on.
    [
      { serverMaxWindowBits: 10 },
      "permessage-deflate; server_max_window_bits=10; client_max_window_bits, permessage-deflate; client_max_window_bits",
    ],
    [
      {
        serverNoContextTakeover: true,
        clientNoContextTakeover: true,
        serverMaxWindowBits: 8,
        clientMaxWindowBits: 9,
      },
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=8; client_max_window_bits=9, " +
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits=9",
    ],
    [{ level: 9, memLevel: 9, threshold: 10, clientMaxWindowBits: false }, "permessage-deflate"],
  ];
  for (const [options, offered] of cases) {
    it(`${JSON.stringify(options)}: ${offered}`, () => {
      assert.equal(serializeExtensions(offerPerMessageDeflate(options)), offered);
    });
  }
});

/** Parameters that no offer may have, and no response. */
const ILLEGAL = [
  "unknown",
  "unknown=1",
  // Names are compared as they are.
  "Server_No_Context_Takeover",
  "SERVER_MAX_WINDOW_BITS=10",
  "server_no_context_takeover=true",
  "server_no_context_takeover=1",
  "client_no_context_takeover=15",
  "server_no_context_takeover; server_no_context_takeover",
  "client_no_context_takeover; client_no_context_takeover",
  "server_max_window_bits",
  "server_max_window_bits=10; server_max_window_bits=10",
  "client_max_window_bits=10; client_max_window_bits=10",
  "client_max_window_bits=10; client_max_window_bits",
  ...[
    "7",
    "16",
    "0",
    "08",
    "010",
    "+9",
    "-9",
    "9.0",
    "1e1",
    "0x9",
    "a",
    "80",
    "99",
    "9a",
    "1",
    "true",
  ].flatMap((value) => [`server_max_window_bits=${value}`, `client_max_window_bits=${value}`]),
  'server_max_window_bits="08"',
  // GHSA-5v72-xg48-5rpm: names of Object.prototype are names that are not defined.
  "constructor",
  "__proto__",
  "__proto__=9",
  "toString",
  "hasOwnProperty=8",
] as const;

describe("acceptPerMessageDeflate", () => {
  /** Offers, our options, the response and the parameters in force. */
  const cases: [offers: string, PerMessageDeflateOptions, response: string, agreed: string][] = [
    ["", {}, "", "-- 15 15"],
    ["; client_max_window_bits", {}, "", "-- 15 15"],
    // Browsers offer this; the server's limits.
    ["; client_max_window_bits", { clientMaxWindowBits: 10 }, "; client_max_window_bits=10", "-- 15 10"],
    ["; client_max_window_bits", { clientMaxWindowBits: 8 }, "; client_max_window_bits=8", "-- 15 8"],
    ["; client_max_window_bits", { clientMaxWindowBits: 15 }, "", "-- 15 15"],
    ["; client_max_window_bits", { clientMaxWindowBits: true }, "", "-- 15 15"],
    ["; client_max_window_bits", { clientMaxWindowBits: false }, "", "-- 15 15"],
    ["; client_max_window_bits=12", {}, "; client_max_window_bits=12", "-- 15 12"],
    ["; client_max_window_bits=15", {}, "; client_max_window_bits=15", "-- 15 15"],
    ['; client_max_window_bits="12"', {}, "; client_max_window_bits=12", "-- 15 12"],
    ['; client_max_window_bits="1\\2"', {}, "; client_max_window_bits=12", "-- 15 12"],
    ["; client_max_window_bits=12", { clientMaxWindowBits: 10 }, "; client_max_window_bits=10", "-- 15 10"],
    // ws up to 8.21.2 answered 12, more than the client can take.
    ["; client_max_window_bits=10", { clientMaxWindowBits: 12 }, "; client_max_window_bits=10", "-- 15 10"],
    [
      "; client_max_window_bits=10",
      { clientMaxWindowBits: false },
      "; client_max_window_bits=10",
      "-- 15 10",
    ],
    // §7.1.2.2: not offered, so it cannot be answered; a limit that cannot be set declines nothing.
    ["", { clientMaxWindowBits: 10 }, "", "-- 15 15"],
    ["; server_no_context_takeover", {}, "; server_no_context_takeover", "S- 15 15"],
    ["", { serverNoContextTakeover: true }, "; server_no_context_takeover", "S- 15 15"],
    [
      "; server_no_context_takeover",
      { serverNoContextTakeover: false },
      "; server_no_context_takeover",
      "S- 15 15",
    ],
    ["; client_no_context_takeover", {}, "; client_no_context_takeover", "-C 15 15"],
    ["", { clientNoContextTakeover: true }, "; client_no_context_takeover", "-C 15 15"],
    ["; server_max_window_bits=10", {}, "; server_max_window_bits=10", "-- 10 15"],
    ["; server_max_window_bits=8", {}, "; server_max_window_bits=8", "-- 8 15"],
    ["; server_max_window_bits=15", {}, "; server_max_window_bits=15", "-- 15 15"],
    ["; server_max_window_bits=12", { serverMaxWindowBits: 9 }, "; server_max_window_bits=9", "-- 9 15"],
    ["; server_max_window_bits=9", { serverMaxWindowBits: 12 }, "; server_max_window_bits=9", "-- 9 15"],
    ["", { serverMaxWindowBits: 9 }, "; server_max_window_bits=9", "-- 9 15"],
    ["", { serverMaxWindowBits: 15 }, "", "-- 15 15"],
    [
      "; client_max_window_bits; server_max_window_bits=10; client_no_context_takeover; server_no_context_takeover",
      { serverMaxWindowBits: 11, clientMaxWindowBits: 9 },
      "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9",
      "SC 10 9",
    ],
    // The first that will do is taken.
    ["; server_max_window_bits=10, permessage-deflate", {}, "; server_max_window_bits=10", "-- 10 15"],
    [", permessage-deflate; server_max_window_bits=10", {}, "", "-- 15 15"],
    [
      "; unknown, permessage-deflate; server_no_context_takeover, permessage-deflate",
      {},
      "; server_no_context_takeover",
      "S- 15 15",
    ],
    [
      "; server_max_window_bits=7, x, permessage-deflate; client_max_window_bits=8",
      {},
      "; client_max_window_bits=8",
      "-- 15 8",
    ],
  ];
  for (const [offers, options, response, agreed] of cases) {
    const title = `"${offers}" and ${JSON.stringify(options)}: "${response}", ${agreed}`;
    it(title, () => {
      const accepted = acceptPerMessageDeflate(parse(`permessage-deflate${offers}`), options);
      assert.ok(accepted, "declined");
      assert.equal(serializeExtensions([accepted.response]), `permessage-deflate${response}`);
      assert.equal(summary(accepted.parameters), agreed);
    });
  }

  it("finds the extension among others, whose parameters mean nothing", () => {
    const accepted = acceptPerMessageDeflate(
      parse("mux; server_max_window_bits=9, x-webkit-deflate-frame, permessage-deflate, permessage-bzip2"),
      {},
    );
    assert.equal(serializeExtensions([accepted?.response ?? { name: "none" }]), "permessage-deflate");
  });

  it("declines parameters that are not offered", () => {
    const names = ["x", "Permessage-Deflate", "permessage-deflate2", "deflate", "constructor", "__proto__"];
    for (const name of names) assert.equal(acceptPerMessageDeflate(parse(name), {}), undefined, name);
    assert.equal(acceptPerMessageDeflate([], {}), undefined);
  });

  for (const parameter of ILLEGAL) {
    it(`declines ${parameter}, and takes the next`, () => {
      for (const options of [{}, { serverMaxWindowBits: 8, clientMaxWindowBits: 8 }]) {
        const offer = `permessage-deflate; ${parameter}`;
        assert.equal(acceptPerMessageDeflate(parse(offer), options), undefined);
        const legal = `permessage-deflate; client_no_context_takeover; ${parameter}`;
        assert.equal(
          acceptPerMessageDeflate(parse(legal), options),
          undefined,
          "nor with a legal one before it",
        );
      }
      const accepted = acceptPerMessageDeflate(
        parse(`permessage-deflate; ${parameter}, permessage-deflate; client_no_context_takeover`),
        {},
      );
      assert.equal(summary(accepted?.parameters as DeflateParameters), "-C 15 15");
    });
  }

  it("adds our settings for what we send", () => {
    const settings = { level: 1, memLevel: 2, threshold: 3 };
    const accepted = acceptPerMessageDeflate(parse("permessage-deflate"), settings);
    assert.deepEqual(accepted?.parameters, {
      serverNoContextTakeover: false,
      clientNoContextTakeover: false,
      serverMaxWindowBits: 15,
      clientMaxWindowBits: 15,
      windowBits: 13,
      ...settings,
    });
    const parameters = acceptPerMessageDeflate(parse("permessage-deflate"), {})?.parameters;
    assert.deepEqual(
      [parameters?.level, parameters?.memLevel, parameters?.threshold],
      [undefined, undefined, undefined],
    );
  });
});

describe("confirmPerMessageDeflate", () => {
  /** Our options, the response, and the parameters in force; or the end of the error's message. */
  const cases: [PerMessageDeflateOptions, response: string, outcome: string | RegExp][] = [
    [{}, "", "-- 15 15"],
    // §7.1.1: uninvited.
    [{}, "; server_no_context_takeover", "S- 15 15"],
    [{}, "; client_no_context_takeover", "-C 15 15"],
    [{ clientNoContextTakeover: false }, "; client_no_context_takeover", "-C 15 15"],
    [{ clientNoContextTakeover: true }, "", "-C 15 15"],
    [{ clientNoContextTakeover: true }, "; client_no_context_takeover", "-C 15 15"],
    [{ serverNoContextTakeover: true }, "; server_no_context_takeover", "S- 15 15"],
    [
      { serverNoContextTakeover: true },
      "",
      /with server_no_context_takeover, as it was offered, not without$/,
    ],
    [{ serverNoContextTakeover: true }, "; client_no_context_takeover", /not without$/],
    // §7.1.2.1: uninvited, smaller, as offered, and as an answer to the second offer.
    [{}, "; server_max_window_bits=8", "-- 8 15"],
    [{}, "; server_max_window_bits=15", "-- 15 15"],
    [{}, '; server_max_window_bits="9"', "-- 9 15"],
    [{ serverMaxWindowBits: 10 }, "; server_max_window_bits=9", "-- 9 15"],
    [{ serverMaxWindowBits: 10 }, "; server_max_window_bits=10", "-- 10 15"],
    [{ serverMaxWindowBits: 10 }, "; server_max_window_bits=11", "-- 11 15"],
    [{ serverMaxWindowBits: 10 }, "", "-- 15 15"],
    [{ serverMaxWindowBits: 10, serverNoContextTakeover: true }, "", /not without$/],
    // §7.1.2.2: only if offered, and no more than offered.
    [{}, "; client_max_window_bits=8", "-- 15 8"],
    [{}, "; client_max_window_bits=15", "-- 15 15"],
    [{ clientMaxWindowBits: true }, "; client_max_window_bits=9", "-- 15 9"],
    [{ clientMaxWindowBits: 10 }, "", "-- 15 10"],
    [{ clientMaxWindowBits: 10 }, "; client_max_window_bits=9", "-- 15 9"],
    [{ clientMaxWindowBits: 10 }, "; client_max_window_bits=10", "-- 15 10"],
    [
      { clientMaxWindowBits: 10 },
      "; client_max_window_bits=11",
      /with client_max_window_bits up to 10, not 11$/,
    ],
    [{ clientMaxWindowBits: 8 }, "; client_max_window_bits=15", /up to 8, not 15$/],
    [{ clientMaxWindowBits: false }, "", "-- 15 15"],
    [
      { clientMaxWindowBits: false },
      "; client_max_window_bits=9",
      /without client_max_window_bits.* not with 9$/,
    ],
    [
      { clientMaxWindowBits: false },
      "; client_max_window_bits=15",
      /without client_max_window_bits.* not with 15$/,
    ],
    [
      {},
      "; client_max_window_bits",
      /with parameters that a response may have, not "client_max_window_bits"$/,
    ],
    [{ clientMaxWindowBits: 9 }, "; client_max_window_bits", /not "client_max_window_bits"$/],
    [{}, "; server_max_window_bits=16", /not "server_max_window_bits=16"$/],
    [{}, "; a; a", /not "a, 2 times"$/],
    [{}, ", permessage-deflate", /once, not 2 times$/],
    [{}, ", permessage-deflate; server_no_context_takeover, permessage-deflate", /once, not 3 times$/],
    [
      { serverMaxWindowBits: 10, clientMaxWindowBits: 12 },
      "; client_max_window_bits=11; server_max_window_bits=9; client_no_context_takeover; server_no_context_takeover",
      "SC 9 11",
    ],
  ];
  for (const [options, response, outcome] of cases) {
    it(`${JSON.stringify(options)} and "${response}": ${outcome}`, () => {
      const confirmed = confirmPerMessageDeflate(parse(`permessage-deflate${response}`), options);
      if (typeof outcome === "string") {
        assert.ok(confirmed && !(confirmed instanceof HandshakeError), String(confirmed));
        assert.equal(summary(confirmed), outcome);
      } else {
        assert.ok(confirmed instanceof HandshakeError, "confirmed");
        assert.match(confirmed.message, /^the server must accept permessage-deflate /);
        assert.match(confirmed.message, outcome);
        assert.deepEqual([confirmed.code, confirmed.status], ["WS_ERR_UNEXPECTED_EXTENSION", 101]);
      }
    });
  }

  it("gives undefined when the server did not accept it", () => {
    assert.equal(confirmPerMessageDeflate([], {}), undefined);
    assert.equal(confirmPerMessageDeflate([], { serverNoContextTakeover: true }), undefined);
    assert.equal(confirmPerMessageDeflate(parse("x-mine; a=1"), {}), undefined, "the caller's own");
  });

  for (const parameter of ILLEGAL) {
    it(`fails the connection on ${parameter}`, () => {
      for (const options of [{}, { serverMaxWindowBits: 8, clientMaxWindowBits: 8 }]) {
        const response = `permessage-deflate; ${parameter}`;
        assert.equal(confirmPerMessageDeflate(parse(response), options) instanceof HandshakeError, true);
      }
    });
  }

  it("repeats a long parameter shortly", () => {
    const confirmed = confirmPerMessageDeflate(parse(`permessage-deflate; ${"a".repeat(10_000)}`), {});
    assert.ok(confirmed instanceof HandshakeError, "confirmed");
    assert.equal(confirmed.message.length < 250, true);
  });

  it("adds our settings for what we send", () => {
    const settings = { level: 1, memLevel: 2, threshold: 3 };
    const { level, memLevel, threshold } = confirmPerMessageDeflate(
      parse("permessage-deflate"),
      settings,
    ) as DeflateParameters;
    assert.deepEqual({ level, memLevel, threshold }, settings);
  });
});

describe("in a handshake", () => {
  const options = { serverMaxWindowBits: 10 };
  const offers = offerPerMessageDeflate(options);

  /** The client's outcome for the value of the response's header. */
  function judge(value: string) {
    const headers = responseHeaders({ "sec-websocket-extensions": value });
    const accepted = validateHandshakeResponse({ status: 101, headers }, { key: KEY, extensions: offers });
    return accepted.ok ? confirmPerMessageDeflate(accepted.extensions, options) : accepted;
  }

  it("both sides agree", () => {
    const request = buildHandshakeRequest({ host: "a", key: KEY, extensions: offers });
    const headers = parseHeaders(request.slice(request.indexOf("\r\n") + 2));
    assert.ok(!(headers instanceof HandshakeError), String(headers));
    const offer = judgeHandshakeRequest({ method: "GET", httpVersion: "1.1", url: "/", headers });
    assert.ok(offer.ok, String(offer));
    const accepted = acceptPerMessageDeflate(offer.extensions, { clientMaxWindowBits: 9 });
    assert.ok(accepted, "declined");
    const response = buildHandshakeResponse({ key: KEY, extensions: [accepted.response] });
    const [, value] = /Sec-WebSocket-Extensions: (.*)\r\n/.exec(response) ?? [];
    assert.equal(value, "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9");
    const confirmed = judge(value);
    assert.ok(confirmed && !(confirmed instanceof HandshakeError), String(confirmed));
    assert.deepEqual(negotiated(confirmed), negotiated(accepted.parameters));
    assert.deepEqual([confirmed.windowBits, accepted.parameters.windowBits], [9, 10], "each its own");
  });

  it("the names are judged before the parameters, and every stray one is an error", () => {
    for (const value of [
      "permessage-deflate, x-other",
      "x-other, permessage-deflate",
      "Permessage-Deflate",
      "permessage-deflate, permessage-deflate",
      "constructor",
    ]) {
      const outcome = judge(value);
      assert.ok(outcome instanceof HandshakeError, value);
      assert.equal(outcome.code, "WS_ERR_UNEXPECTED_EXTENSION");
    }
  });
});

/** Every combination that matters: unset, the least, one that others exceed, one that exceeds others, the greatest. */
const BITS = [undefined, 8, 10, 13, 15] as const;
const EVERY_OPTION: readonly PerMessageDeflateOptions[] = [false, true].flatMap((serverNoContextTakeover) =>
  [false, true].flatMap((clientNoContextTakeover) =>
    BITS.flatMap((serverMaxWindowBits) =>
      [...BITS, true, false].map((clientMaxWindowBits) => ({
        serverNoContextTakeover,
        clientNoContextTakeover,
        serverMaxWindowBits,
        clientMaxWindowBits,
      })),
    ),
  ),
);

/** What a client's and a server's options must lead to, said independently of who states what. */
function expectedSummary(client: PerMessageDeflateOptions, server: PerMessageDeflateOptions): string {
  const bits = (value: unknown) => (typeof value === "number" ? value : 15);
  return summary({
    serverNoContextTakeover: client.serverNoContextTakeover || server.serverNoContextTakeover || false,
    clientNoContextTakeover: client.clientNoContextTakeover || server.clientNoContextTakeover || false,
    serverMaxWindowBits: Math.min(bits(client.serverMaxWindowBits), bits(server.serverMaxWindowBits)),
    clientMaxWindowBits:
      client.clientMaxWindowBits === false
        ? 15
        : Math.min(bits(client.clientMaxWindowBits), bits(server.clientMaxWindowBits)),
  } as DeflateParameters);
}

describe("both sides agree", () => {
  const bits = fc.integer({ min: 8, max: 15 });
  const options: fc.Arbitrary<PerMessageDeflateOptions> = fc.record(
    {
      serverNoContextTakeover: fc.boolean(),
      clientNoContextTakeover: fc.boolean(),
      serverMaxWindowBits: bits,
      clientMaxWindowBits: fc.oneof(bits, fc.boolean()),
    },
    { requiredKeys: [] },
  );
  itHolds("of any options", 2000, fc.tuple(options, options), ([client, server]) => {
    const offers = parse(serializeExtensions(offerPerMessageDeflate(client)));
    const accepted = acceptPerMessageDeflate(offers, server);
    assert.ok(accepted, "declined");
    const confirmed = confirmPerMessageDeflate(parse(serializeExtensions([accepted.response])), client);
    assert.ok(confirmed && !(confirmed instanceof HandshakeError), String(confirmed));
    assert.deepEqual(negotiated(confirmed), negotiated(accepted.parameters));
    const own = { client: confirmed.windowBits, server: accepted.parameters.windowBits };
    assert.deepEqual(own, {
      client: ownWindow(client.clientMaxWindowBits, confirmed.clientMaxWindowBits),
      server: ownWindow(server.serverMaxWindowBits, confirmed.serverMaxWindowBits),
    });
    assert.equal(summary(confirmed), expectedSummary(client, server));
  });

  const parameter = fc.constantFrom(
    ...ILLEGAL,
    "server_no_context_takeover",
    "client_no_context_takeover",
    "server_max_window_bits=9",
    "client_max_window_bits",
    "client_max_window_bits=12",
  );
  const list = fc
    .array(fc.array(parameter, { maxLength: 4 }), { minLength: 1, maxLength: 3 })
    .map((all) => all.map((each) => ["permessage-deflate", ...each].join("; ")).join(", "));
  itHolds("or say that they do not, for any text", 2000, fc.tuple(list, options), ([value, given]) => {
    const accepted = acceptPerMessageDeflate(parse(value), given);
    if (accepted !== undefined) assert.match(summary(accepted.parameters), /^[S-][C-] \d+ \d+$/);
    const confirmed = confirmPerMessageDeflate(parse(value), given);
    if (confirmed instanceof HandshakeError) return;
    assert.match(summary(confirmed as DeflateParameters), /^[S-][C-] \d+ \d+$/);
  });
});

type Params = Record<string, number | true | undefined>;

/** Exported by ws, though not by its types. */
const { PerMessageDeflate, extension } = ws as unknown as {
  PerMessageDeflate: new (
    options: PerMessageDeflateOptions & { isServer?: boolean },
  ) => { offer(): Params; accept(configurations: unknown[]): Params };
  extension: { parse(text: string): Record<string, unknown[]>; format(extensions: object): string };
};

/** What ws says is in force. */
function wsSummary(params: Params): string {
  return summary({
    serverNoContextTakeover: params.server_no_context_takeover === true,
    clientNoContextTakeover: params.client_no_context_takeover === true,
    serverMaxWindowBits: params.server_max_window_bits ?? 15,
    clientMaxWindowBits: params.client_max_window_bits ?? 15,
  } as DeflateParameters);
}

/**
 * Every option of a client with every option of a server, 19,600 pairs each way. To ws an explicit false of
 * `serverNoContextTakeover` or `clientNoContextTakeover` forbids what the peer asks for; to us it is the default,
 * so ws gets undefined.
 */
describe("compared with ws", () => {
  const lenient = (options: PerMessageDeflateOptions): PerMessageDeflateOptions => ({
    ...options,
    serverNoContextTakeover: options.serverNoContextTakeover || undefined,
    clientNoContextTakeover: options.clientNoContextTakeover || undefined,
  });

  it("as a server, its answers to our offers are confirmed, and mean the same", () => {
    let acceptedCount = 0;
    for (const client of EVERY_OPTION) {
      const offered = serializeExtensions(offerPerMessageDeflate(client));
      for (const server of EVERY_OPTION) {
        const theirs = new PerMessageDeflate({ ...lenient(server), isServer: true });
        let params: Params;
        try {
          params = theirs.accept(extension.parse(offered)["permessage-deflate"]);
        } catch (error) {
          // It declines where it cannot have its way: a window of the client's that is smaller, or not in its hands.
          assert.match(String(error), /None of the extension offers can be accepted/);
          const { clientMaxWindowBits: limit } = server;
          assert.ok(typeof limit === "number", String(limit));
          const { clientMaxWindowBits: own = true } = client;
          assert.ok(own === false || (typeof own === "number" && own < limit), `${own} ${limit}`);
          continue;
        }
        acceptedCount++;
        const response = extension.format({ "permessage-deflate": params });
        const confirmed = confirmPerMessageDeflate(parse(response), client);
        const label = `${JSON.stringify(client)} ${JSON.stringify(server)} ${response}`;
        assert.ok(confirmed && !(confirmed instanceof HandshakeError), `${label}: ${confirmed}`);
        // A window that we announced and ws did not answer: we keep to it, ws does not count on it.
        const kept = { ...params };
        if (typeof client.clientMaxWindowBits === "number") {
          kept.client_max_window_bits ??= client.clientMaxWindowBits;
        }
        assert.equal(summary(confirmed), wsSummary(kept), label);
      }
    }
    assert.ok(acceptedCount > EVERY_OPTION.length ** 2 / 2, String(acceptedCount));
  });

  it("as a client, it confirms our answers, and means the same", () => {
    for (const client of EVERY_OPTION) {
      for (const server of EVERY_OPTION) {
        const theirs = new PerMessageDeflate(lenient(client));
        const offered = extension.format({ "permessage-deflate": theirs.offer() });
        const accepted = acceptPerMessageDeflate(parse(offered), server);
        const label = `${JSON.stringify(client)} ${JSON.stringify(server)} ${offered}`;
        assert.ok(accepted, label);
        const response = serializeExtensions([accepted.response]);
        const params = theirs.accept(extension.parse(response)["permessage-deflate"]);
        assert.equal(wsSummary(params), summary(accepted.parameters), `${label} ${response}`);
        assert.equal(summary(accepted.parameters), expectedSummary(client, server), label);
      }
    }
  });

  it("it takes values that RFC 7692 forbids, and we do not: leading zeros, signs, other bases", () => {
    for (const value of ["08", "+9", "9.0", "1e1", "0x9"]) {
      const offer = `permessage-deflate; server_max_window_bits=${value}`;
      const theirs = new PerMessageDeflate({ isServer: true });
      assert.ok(theirs.accept(extension.parse(offer)["permessage-deflate"]), value);
      assert.equal(acceptPerMessageDeflate(parse(offer), {}), undefined);
    }
  });
});
