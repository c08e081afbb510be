/** Callbacks among the options of TLS: what they throw fails one handshake, and is seen. */

import assert from "node:assert/strict";
import { it } from "node:test";
import tls from "node:tls";
import { connect } from "../../src/index.js";
import { certificate } from "../support/certificate.js";
import { listen } from "../support/connections.js";
import { until } from "../support/sockets.js";

const mine = new Error("a bug of the user's");

const throws = () => {
  throw mine;
};

for (const [name, misbehave] of [
  ["SNICallback", throws],
  ["SNICallback", () => Promise.reject(mine)],
  ["ALPNCallback", throws],
  ["pskCallback", throws],
] as const) {
  it(`${name} ${misbehave === throws ? "throws" : "rejects"}: one handshake fails`, async (t) => {
    const told: unknown[] = [];
    const { key, cert } = await certificate();
    let isBad = true;
    const good = {
      SNICallback: (_: string, done: (error: null) => void) => done(null),
      pskCallback: () => null,
    };
    const callback = (...given: never[]) => {
      if (isBad) return misbehave();
      return (good as Record<string, (...all: never[]) => unknown>)[name]?.(...given);
    };
    const server = await listen(t, {
      tls: {
        key,
        cert,
        [name]: callback,
        ...(name === "pskCallback" && { ciphers: "PSK+HIGH:HIGH", maxVersion: "TLSv1.2" }),
      },
      onError: (error) => told.push(error),
    });
    const socket = tls.connect({
      port: server.port,
      host: "127.0.0.1",
      ca: cert,
      servername: "localhost",
      ALPNProtocols: ["http/1.1"],
      checkServerIdentity: () => undefined,
      ...(name === "pskCallback" && {
        pskCallback: () => ({ psk: Buffer.alloc(16), identity: "me" }),
        ciphers: "PSK",
        maxVersion: "TLSv1.2",
      }),
    });
    socket.on("error", () => {});
    // `once` of node:events would reject for the error.
    await new Promise((resolve) => socket.once("close", resolve));
    assert.deepEqual(told, [mine]);
    isBad = false;
    // Others are served; no name and no protocol is asked for here.
    const connection = await connect(server.url, { tls: { ca: cert } });
    assert.equal((await connection.close()).code, 1000);
    await until(() => server.connections.size === 0);
  });
}
