/** Compression between hawser and itself, every set of parameters; and one server with clients of every kind. */

import assert from "node:assert/strict";
import { type Connection, connect, Message, prepareMessage, serve } from "../../../src/index.js";
import {
  agreedBy,
  combinations,
  describe,
  each,
  fewerCombinations,
  noise,
  talk,
  testStreams,
  timed,
} from "../../support/compression.js";
import { messages, sample } from "../../support/corpus.js";
import { Arrivals, type Closing, type Payload, type Peer, type PeerConnection } from "../../support/peer.js";
import { faye } from "../../support/peers/faye-websocket.js";
import { undici } from "../../support/peers/undici.js";
import { ws } from "../../support/peers/ws.js";

function wrap(connection: Connection): PeerConnection {
  const closed = connection.closed as Promise<Closing>;
  return {
    protocol: connection.protocol,
    extensions: connection.extensions,
    closed,
    async send(data, compress) {
      if (!connection.send(data, { compress })) await connection.drained();
    },
    sendFragments(parts, compress) {
      for (const [i, part] of parts.entries()) {
        const type = typeof part === "string" ? "text" : "binary";
        connection.sendAll(new Message(part, type, i < parts.length - 1), { compress });
        connection.ping().catch(() => undefined);
      }
    },
    receive: async () => (await connection.receive())?.data as Payload,
    close: (code, reason) => void connection.close(code, reason),
  };
}

/** Ourselves, as others see us. */
const hawser: Peer = {
  name: "hawser",
  connect: async (url, { compression }) =>
    wrap(await connect(url, { perMessageDeflate: compression, maxFrameSize: 1 << 21 })),
  async listen({ compression }) {
    const accepted = new Arrivals<PeerConnection>();
    const server = await serve({
      hostname: "127.0.0.1",
      perMessageDeflate: compression,
      maxFrameSize: 1 << 21,
      open: (connection) => accepted.push(wrap(connection)),
    });
    return { url: server.url, accept: () => accepted.next(), close: () => server.close({ timeoutMs: 0 }) };
  },
};

testStreams("itself", () => hawser, ["server", "client"]);

describe("every set of parameters, hawser and itself", () => {
  const settings = [{}, { level: 9, memLevel: 9 }, { level: 6, memLevel: 1 }, { level: 4, threshold: 0 }];

  for (const role of ["server", "client"] as const) {
    timed(`wanted by the ${role === "server" ? "client" : "server"}`, () =>
      each(role === "server" ? combinations() : fewerCombinations(), async (theirs, i) => {
        const ours = settings[i % settings.length];
        await talk(role, hawser, { ours, theirs }, agreedBy(theirs), i);
      }),
    );
  }
});

describe("a broadcast", () => {
  timed("reaches clients of every kind, each with its agreed parameters", async (t) => {
    const opened = new Arrivals<Connection>();
    const byPath = new Map(combinations().map((options, i) => [`/${i}`, options]));
    const server = await serve({
      hostname: "127.0.0.1",
      perMessageDeflate: { threshold: 100 },
      authorize: (_request, { path }) => ({ perMessageDeflate: byPath.get(path) }),
      open: (connection) => opened.push(connection),
    });
    t.after(() => server.close({ timeoutMs: 0 }));
    const kinds: readonly [peer: Peer, path: string, compression: boolean | undefined][] = [
      [ws, "", true],
      [ws, "", false],
      [undici, "", undefined],
      [faye, "", true],
      [faye, "", false],
      [hawser, "", true],
      [hawser, "", false],
      // Some of the sets of parameters, the smallest windows and those without takeover among them.
      ...[1, 9, 10, 40, 83, 100, 171, 250, 323].flatMap((i): [Peer, string, boolean][] => [
        [ws, `/${i}`, true],
        [hawser, `/${i}`, true],
      ]),
    ];
    const peers: PeerConnection[] = [];
    for (const [peer, path, compression] of kinds) {
      peers.push(await peer.connect(`${server.url}${path}`, { compression }));
      await opened.next();
    }
    assert.equal(server.connections.size, kinds.length);
    assert.ok(new Set(peers.map(({ extensions }) => extensions)).size > 8, "they agreed on different things");

    const texts = messages("json", 200, 6).map((bytes) => new TextDecoder().decode(bytes));
    const far = noise(200, 1);
    const sent: Payload[] = [];
    const broadcast = (data: Payload, compress?: boolean) => {
      sent.push(data);
      const count = server.broadcast(data, compress === undefined ? {} : { compress });
      assert.equal(count, kinds.length);
    };
    const toEach = (data: Payload, options: object) => {
      sent.push(data);
      for (const connection of server.connections) connection.send(data, options);
    };
    broadcast(far);
    for (const text of texts) {
      broadcast(text);
      // Each refers to the broadcast, and the next broadcast refers to nothing.
      toEach(`${text}!`, {});
      broadcast(text.slice(0, 50));
      broadcast(text, false);
      toEach(text, { compress: true });
    }
    broadcast("");
    broadcast(sample("random", 700), true);
    for (const length of [300, 5000, 9000, 33_000]) {
      broadcast(sample("html", length));
      toEach(far, { compress: true });
    }
    const prepared = prepareMessage(texts[0]);
    for (const connection of server.connections) connection.send(prepared);
    sent.push(texts[0]);

    for (const [i, peer] of peers.entries()) {
      for (const [j, data] of sent.entries()) {
        const arrived = await Promise.race([
          peer.receive(),
          peer.closed.then(({ code }) => `closed ${code}`),
        ]);
        const isSame =
          typeof data === "string" ? arrived === data : Buffer.compare(arrived as Uint8Array, data) === 0;
        assert.ok(isSame, `${kinds[i][0].name}${kinds[i][1]} ${peer.extensions}, message ${j}: ${arrived}`);
      }
    }
  });
});
