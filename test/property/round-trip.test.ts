/** What the encoder of one side writes, the decoder of the other side reads, however it travels. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { FrameDecoder, FrameEncoder, type Opcode } from "../../src/codec/index.js";
import { eachBackend } from "../support/backends.js";
import { decodeChunks, seeFrame } from "../support/decoding.js";
import { arbitraryCuts, arbitraryFrames, arbitraryText, concat, cutAt } from "../support/frames.js";
import { toHex, utf8 } from "../support/hex.js";
import { itHolds } from "../support/property.js";

const arbitrarySides = fc.constantFrom(["client", "server"] as const, ["server", "client"] as const);

eachBackend("round trip", () => {
  itHolds(
    "frames",
    300,
    fc.tuple(arbitrarySides, arbitraryFrames("client"), arbitraryCuts),
    ([[sender, receiver], specs, cuts]) => {
      const encoder = new FrameEncoder({ role: sender });
      for (const { opcode, payload = "", fin = true } of specs) {
        encoder.frame(opcode as Opcode, payload, { fin });
      }
      const { frames, error } = decodeChunks(cutAt(encoder.take(), cuts), { role: receiver });
      assert.equal(error, undefined);
      assert.deepEqual(
        frames.map(({ opcode, fin, payload, masked }) => ({ opcode, fin, payload, masked })),
        specs.map(({ opcode, fin = true, payload = new Uint8Array(0) }) => ({
          opcode,
          fin,
          payload: toHex(payload),
          masked: sender === "client",
        })),
      );
    },
  );

  itHolds(
    "text, with lone surrogates mended",
    300,
    fc.tuple(
      arbitrarySides,
      fc.array(fc.oneof(arbitraryText, fc.string({ unit: "binary", maxLength: 40 })), { maxLength: 5 }),
      arbitraryCuts,
    ),
    ([[sender, receiver], texts, cuts]) => {
      const encoder = new FrameEncoder({ role: sender });
      for (const text of texts) encoder.text(text);
      const { frames, error } = decodeChunks(cutAt(encoder.take(), cuts), { role: receiver });
      assert.equal(error, undefined);
      assert.deepEqual(
        frames.map(({ text }) => text),
        texts.map((text) => Buffer.from(text).toString()),
      );
    },
  );

  itHolds(
    "an echo: decoded frames are encoded again while more arrives",
    100,
    fc.tuple(fc.array(arbitraryText, { maxLength: 8 }), arbitraryCuts),
    ([texts, cuts]) => {
      const client = new FrameEncoder({ role: "client" });
      for (const text of texts) client.text(text);
      const server = {
        decoder: new FrameDecoder({ role: "server" }),
        encoder: new FrameEncoder({ role: "server" }),
      };
      const echoed: Uint8Array[] = [];
      for (const chunk of cutAt(client.take(), cuts)) {
        server.decoder.push(chunk);
        while (server.decoder.next()) {
          // By turns as bytes and as a string, both out of memory that encoding uses too.
          const { payload } = echoed.length % 2 ? server.decoder : { payload: undefined };
          server.encoder.frame(1, payload ?? server.decoder.text());
          assert.equal(seeFrame(server.decoder).opcode, 1);
        }
        echoed.push(server.encoder.take());
      }
      const { frames, error } = decodeChunks([concat(echoed)], { role: "client" });
      assert.equal(error, undefined);
      assert.deepEqual(
        frames.map(({ payload }) => payload),
        texts.map((text) => toHex(utf8(text))),
      );
    },
  );
});
