/** Mistakes that were made once, in the protocol. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { Endpoint } from "../../../src/protocol/index.js";
import { hex } from "../../support/hex.js";

it("what the peer did wrong is said, also when it is found after the end of the transport", () => {
  const endpoint = new Endpoint({ role: "client" });
  endpoint.receiveData(hex("81 01 41 83 00"));
  endpoint.receiveEof();
  assert.equal(String(endpoint.nextEvent()), "A");
  assert.equal(endpoint.nextEvent(), null);
  assert.equal(endpoint.error?.code, "WS_ERR_INVALID_OPCODE");
  assert.equal(endpoint.closeCode, 1006);
  assert.deepEqual(endpoint.takeOutput(), []);
});
