/** The phases of an endpoint: every step in every phase, by calls and by bytes, against the table. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InvalidStateError } from "../../../src/codec/index.js";
import { Endpoint, type EndpointPhase, type EndpointState } from "../../../src/protocol/index.js";
import { type Step, TRANSITIONS } from "../../../src/protocol/session/endpoint-phase.js";
import { fromPeer } from "../../support/deflate.js";
import { CLOSE, closeBody, PING, TEXT } from "../../support/frames.js";
import { utf8 } from "../../support/hex.js";
import { describeFrames } from "../../support/wire.js";

type Side = "server" | "client";
type Act = (endpoint: Endpoint) => void;

const make = (role: Side) => new Endpoint({ role, autoClose: false });

function drain(endpoint: Endpoint): string[] {
  const types: string[] = [];
  for (let event: { type: string } | null; (event = endpoint.nextEvent()) !== null; ) types.push(event.type);
  return types;
}

/** Every way to bring a step about. */
const ACTS: Readonly<Record<Step, readonly Act[]>> = {
  sendClose: [(endpoint) => endpoint.close(1000), (endpoint) => endpoint.close()],
  receiveClose: [
    (endpoint) => {
      endpoint.receiveData(fromPeer(endpoint.role, { opcode: CLOSE, payload: closeBody(3000) }));
      drain(endpoint);
    },
  ],
  fail: [
    (endpoint) => endpoint.fail(1011),
    (endpoint) => {
      endpoint.receiveData(fromPeer(endpoint.role, { opcode: 5 }));
      drain(endpoint);
    },
  ],
  end: [(endpoint) => endpoint.receiveEof(), (endpoint) => endpoint.receiveEof(true)],
};
const STEPS = Object.keys(ACTS) as Step[];

/** The steps that lead to each phase. */
const WAYS: Readonly<Record<EndpointPhase, readonly (readonly Step[])[]>> = {
  open: [[]],
  "close-sent": [["sendClose"]],
  "close-received": [["receiveClose"]],
  "close-exchanged": [
    ["sendClose", "receiveClose"],
    ["receiveClose", "sendClose"],
  ],
  failed: [["fail"], ["sendClose", "fail"], ["sendClose", "receiveClose", "fail"]],
  ended: [["end"], ["sendClose", "end"], ["fail", "end"], ["receiveClose", "sendClose", "end"]],
};
const PHASES = Object.keys(WAYS) as EndpointPhase[];

/** A frame that breaks a rule is not looked at behind the peer's Close (§5.5.1): there the call alone fails. */
const isUnread = (phase: EndpointPhase, step: Step, act: Act) =>
  step === "fail" && act === ACTS.fail[1] && phase.match(/received|exchanged/) !== null;

interface Seen {
  readonly state: EndpointState;
  readonly closeSent: boolean;
  readonly failed: boolean;
  /** Of a server, of a client. */
  readonly wantsEnd: readonly [boolean, boolean];
}

const SEEN: Readonly<Record<EndpointPhase, Seen>> = {
  open: { state: "open", closeSent: false, failed: false, wantsEnd: [false, false] },
  "close-sent": { state: "closing", closeSent: true, failed: false, wantsEnd: [false, false] },
  "close-received": { state: "closing", closeSent: false, failed: false, wantsEnd: [false, false] },
  "close-exchanged": { state: "closing", closeSent: true, failed: false, wantsEnd: [true, false] },
  failed: { state: "closing", closeSent: true, failed: true, wantsEnd: [true, true] },
  ended: { state: "closed", closeSent: false, failed: false, wantsEnd: [true, true] },
};

/** Endpoints in a phase, by every way. */
function* inPhase(role: Side, phase: EndpointPhase): Generator<Endpoint> {
  for (const way of WAYS[phase]) {
    const endpoint = make(role);
    for (const step of way) ACTS[step][0](endpoint);
    assert.equal(endpoint.phase, phase);
    yield endpoint;
  }
}

for (const role of ["server", "client"] as const) {
  describe(`the phases of a ${role}`, () => {
    for (const phase of PHASES) {
      it(`"${phase}" looks as it should`, () => {
        for (const { state, closeSent, failed, wantsEnd } of inPhase(role, phase)) {
          const expected = SEEN[phase];
          assert.deepEqual(
            { state, closeSent, failed, wantsEnd },
            { ...expected, wantsEnd: expected.wantsEnd[role === "server" ? 0 : 1] },
          );
        }
      });

      for (const step of STEPS) {
        const next = TRANSITIONS[phase][step];
        it(`"${phase}": ${step} ${next === undefined ? "does not happen" : `leads to "${next}"`}`, () => {
          for (const act of ACTS[step]) {
            for (const endpoint of inPhase(role, phase)) {
              endpoint.takeOutput();
              act(endpoint);
              const expected = isUnread(phase, step, act) ? phase : (next ?? phase);
              assert.equal(endpoint.phase, expected);
              const sent = describeFrames(endpoint.takeOutput());
              // A Close leaves with the step to send one, and with a failure before which none left.
              const closes = next !== undefined && (step === "sendClose" || step === "fail");
              const isFirst = phase === "open" || phase === "close-received";
              assert.equal(sent.length, closes && isFirst && expected === next ? 1 : 0, sent.join());
              assert.ok(sent.every((frame) => frame.startsWith("close")));
            }
          }
        });
      }

      it(`"${phase}": ${phase === "open" ? "messages are sent" : "no message is sent, nor a Ping"}`, () => {
        for (const endpoint of inPhase(role, phase)) {
          endpoint.takeOutput();
          const sends: Act[] = [
            (from) => from.send("x"),
            (from) => from.sendPart("x", { final: true }),
            (from) => from.reserve(1).fill("x"),
            (from) => from.ping(),
            (from) => from.pong(),
          ];
          for (const send of sends) {
            if (phase === "open") send(endpoint);
            else assert.throws(() => send(endpoint), InvalidStateError);
          }
          assert.equal(describeFrames(endpoint.takeOutput()).length, phase === "open" ? sends.length : 0);
          assert.equal(endpoint.queuedLength, 0);
        }
      });

      it(`"${phase}": bytes count, and are read while a Close may still come`, () => {
        for (const endpoint of inPhase(role, phase)) {
          endpoint.takeOutput();
          const before = endpoint.bytesIn;
          const bytes = fromPeer(role, { opcode: TEXT, payload: utf8("x") }, { opcode: PING });
          endpoint.receiveData(bytes);
          assert.equal(endpoint.bytesIn, before + bytes.length);
          const isRead = phase === "open" || phase === "close-sent";
          assert.deepEqual(drain(endpoint), isRead ? ["text", "ping"] : []);
          assert.deepEqual(describeFrames(endpoint.takeOutput()), phase === "open" ? ["pong"] : []);
        }
      });
    }

    it("with autoClose a Close of the peer is answered at once, and the two steps are one", () => {
      const endpoint = new Endpoint({ role });
      ACTS.receiveClose[0](endpoint);
      assert.equal(endpoint.phase, "close-exchanged");
      assert.deepEqual(describeFrames(endpoint.takeOutput()), ["close 3000"]);
    });

    it("after the end, earlier messages are delivered, its Close too, and no step follows", () => {
      const endpoint = make(role);
      const frames = [{ opcode: TEXT }, { opcode: PING }, { opcode: CLOSE, payload: closeBody(3000, "why") }];
      endpoint.receiveData(fromPeer(role, ...frames));
      endpoint.receiveEof();
      assert.deepEqual([endpoint.phase, endpoint.closeCode], ["ended", 1006]);
      assert.deepEqual(drain(endpoint), ["text", "ping", "close"]);
      const { phase, closeCode, closeReason, hasUnread, hasOutput } = endpoint;
      assert.deepEqual(
        [phase, closeCode, closeReason, hasUnread, hasOutput],
        ["ended", 3000, "why", false, false],
      );
    });

    it("after the end, nothing is delivered behind a violation that arrived before", () => {
      for (const [wrong, options] of [
        [{ opcode: 5 }, {}],
        [{ opcode: TEXT, payload: utf8("too long") }, { maxMessageSize: 7 }],
        [{ opcode: TEXT, fin: false, payload: utf8("too long") }, { maxMessageSize: 7 }],
      ] as const) {
        const endpoint = new Endpoint({ role, ...options });
        endpoint.receiveData(
          fromPeer(role, { opcode: TEXT }, wrong, { opcode: 0, payload: utf8("x") }, { opcode: PING }),
        );
        endpoint.receiveEof();
        assert.deepEqual(drain(endpoint), ["text"]);
        assert.ok(endpoint.error, "the violation");
        assert.deepEqual(drain(endpoint), []);
        assert.deepEqual([endpoint.hasUnread, endpoint.retainedLength], [false, 0]);
      }
    });
  });
}
