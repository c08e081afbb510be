/** PerMessageDeflate: offers, answers and their judgement, by the options of ws. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { extension, PerMessageDeflate } from "../../src/ws/index.js";

const offersOf = (header: string) => extension.parse(header)["permessage-deflate"];
const plain = (params: object) => ({ ...params });

describe("a client", () => {
  test("offers what its options say", () => {
    assert.deepEqual(new PerMessageDeflate().offer(), { client_max_window_bits: true });
    const all = {
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      serverMaxWindowBits: 10,
      clientMaxWindowBits: 11,
    };
    assert.deepEqual(new PerMessageDeflate(all).offer(), {
      server_no_context_takeover: true,
      client_no_context_takeover: true,
      server_max_window_bits: 10,
      client_max_window_bits: 11,
    });
  });

  const WRONG: readonly [header: string, options: object, message: string][] = [
    ["permessage-deflate; other", {}, 'Unknown parameter "other"'],
    [
      "permessage-deflate; server_max_window_bits=7",
      {},
      'Invalid value for parameter "server_max_window_bits": 7',
    ],
    [
      "permessage-deflate; client_max_window_bits",
      {},
      'Invalid value for parameter "client_max_window_bits": true',
    ],
    [
      "permessage-deflate; client_max_window_bits=12",
      { clientMaxWindowBits: 11 },
      'Unexpected or invalid parameter "client_max_window_bits"',
    ],
    [
      "permessage-deflate; client_no_context_takeover",
      { clientNoContextTakeover: false },
      'Unexpected parameter "client_no_context_takeover"',
    ],
  ];
  for (const [header, options, message] of WRONG) {
    test(`refuses the answer ${header}`, () => {
      assert.throws(() => new PerMessageDeflate(options).accept(offersOf(header)), { message });
    });
  }
});

describe("a server", () => {
  test("answers the first offer that its options allow", () => {
    const offers = offersOf(
      "permessage-deflate; server_max_window_bits=9, permessage-deflate; server_max_window_bits=12",
    );
    const server = new PerMessageDeflate({ isServer: true, serverMaxWindowBits: 11 });
    assert.deepEqual(plain(server.accept(offers)), { server_max_window_bits: 11 });
    assert.equal(server.params?.server_max_window_bits, 11);
    const strict = new PerMessageDeflate({ isServer: true, serverNoContextTakeover: false });
    assert.throws(
      () => strict.accept(offersOf("permessage-deflate; server_no_context_takeover")),
      /None of the extension offers can be accepted/,
    );
  });

  test("compresses and inflates, and cleans up", () => {
    const deflate = new PerMessageDeflate({ isServer: true });
    deflate.accept([{}]);
    const got: string[] = [];
    for (const text of ["hello hello", "hello again"]) {
      deflate.compress(text, true, (_, data) => {
        deflate.decompress(data as Buffer, true, (error, inflated) => got.push(String(error ?? inflated)));
      });
    }
    assert.deepEqual(got, ["hello hello", "hello again"]);
    deflate.decompress(Buffer.from([0x07]), true, (error) => {
      assert.equal((error as NodeJS.ErrnoException).code, "Z_DATA_ERROR");
    });
    deflate.cleanup();
  });
});

test("extension.format writes what extension.parse reads", () => {
  const header = 'a; b=c; d, a, e; f="g"';
  assert.equal(extension.format(extension.parse(header) as never), "a; b=c; d, a, e; f=g");
  for (const wrong of ["", "a,", "a b", "a; =", "é"])
    assert.throws(() => extension.parse(wrong), SyntaxError);
});
