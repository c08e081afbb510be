/**
 * A connection over a simulated transport, with its peer and its program, and its invariants.
 * `finish.ts` brings it to its end, and checks the invariants there.
 */

import assert from "node:assert/strict";
import {
  type Connection,
  createConnection,
  InvalidStateError,
  Message,
  prepareMessage,
} from "../../../src/index.js";
import { parameters } from "../../support/deflate.js";
import { PING, PONG } from "../../support/frames.js";
import { utf8 } from "../../support/hex.js";
import { SimulatedTransport } from "../../support/simulated-transport.js";
import type { Action, Call, HandlerName, Reaction, SendKind, Setup } from "./actions.js";
import { describe, Peer } from "./peer.js";
import { type Waiting, WireModel } from "./wire.js";

/** A Blob whose data comes when the test says so. */
interface HeldBlob {
  readonly place: Waiting | undefined;
  readonly settle: (isGood: boolean) => void;
}

const THROWN = "thrown by a handler";
/** Bytes of a Pong that waits, at most. Pongs do not stop the reading. */
const MOST_CONTROL = 40;
const STATES = ["open", "closing", "closed"];

export class World {
  readonly setup: Setup;
  readonly transport: SimulatedTransport;
  readonly peer: Peer;
  readonly wire: WireModel;
  readonly connection: Connection;
  /** Messages in the order in which they were handed out; undefined: asked for by `receive`, and not there yet. */
  readonly received: (string | undefined)[] = [];
  readonly told: string[] = [];
  readonly blobs: HeldBlob[] = [];
  readonly promises = new Map<string, { isSettled: boolean; value?: unknown; error?: unknown }>();
  /** Messages that arrived before the program ended the delivery, by an error, by `close` or by `terminate`. */
  kept: number | undefined = undefined;
  isTerminated = false;
  /** Violations found inside a handler. */
  flaw: unknown = undefined;
  /** Whether a handler failed, so that the connection does. */
  hasBug = false;
  messagesDropped = 0;
  /** Whether a send found no room, and the program was not told yet that there is some. */
  wantsDrain = false;
  /** Whether a handler took the memory of a chunk away: then the connection may fail. */
  isSpoiled = false;
  #echoes = false;
  readonly #reactions: Partial<Record<HandlerName, Reaction[]>> = {};
  #aborts: AbortController[] = [];
  /** Whether handlers get waiting messages of a closed connection. */
  #isSettingHandlers = false;
  /** Calls of `receive` that have not resolved. */
  #asking = 0;
  #calls = 0;
  #count = 0;
  #state = 0;

  constructor(setup: Setup) {
    const { role, transportMark, opened, handles, echoes, compresses, ending: _, ...options } = setup;
    this.setup = setup;
    this.transport = new SimulatedTransport(transportMark);
    this.peer = new Peer(role, this.transport);
    this.wire = new WireModel(role);
    this.#reactions.open = [opened];
    this.#echoes = echoes;
    let made: Connection | undefined;
    this.connection = createConnection(this.transport, {
      ...options,
      role,
      pingIntervalMs: 0,
      closeTimeoutMs: 0,
      deliverWhileClosing: handles && setup.deliverWhileClosing,
      perMessageDeflate: compresses ? parameters({ threshold: 20 }) : undefined,
      ...this.#handlers(handles),
      open: (connection) => {
        // The field is not set yet.
        (this as { connection: Connection }).connection = made = connection;
        return this.#tell("open", "");
      },
    });
    assert.equal(made, this.connection);
  }

  /** Whether `close` was reported. */
  get isClosed(): boolean {
    return this.told.some((told) => /^close /.test(told));
  }

  // Handlers ────────────────────────────────────────────────────────────────────────────────────

  #handlers(handles: boolean) {
    const { setup } = this;
    const message = this.#guarded((_connection, message: Message) => {
      assert.ok(!this.isTerminated || this.#isSettingHandlers, "a message behind terminate");
      const what = describe(message.type, message.data);
      this.received.push(what);
      return this.#tell("message", what, message);
    });
    return {
      ...(handles ? { message } : {}),
      ping: this.#guarded((_connection, payload: Uint8Array) =>
        this.#tell("ping", `${Buffer.from(payload)}`),
      ),
      pong: this.#guarded((_connection, payload: Uint8Array) =>
        this.#tell("pong", `${Buffer.from(payload)}`),
      ),
      drain: this.#guarded(() => {
        assert.ok(this.wantsDrain, "drain, and no send found too much waiting");
        this.wantsDrain = false;
        return this.#tell("drain", "");
      }),
      error: this.#guarded((connection, error: Error) => {
        assert.equal(this.#calls, 0, "error inside of a call that sends");
        assert.equal(error, connection.error);
        return this.#tell("error", "");
      }),
      close: this.#guarded((connection, code: number, reason: string) => {
        const { closeCode, closeReason } = connection;
        assert.deepEqual([code, reason], [closeCode, closeReason], setup.role);
        return this.#tell("close", String(code));
      }),
    };
  }

  /** Keeps the error, which the connection would take for a bug of the handler. */
  #guarded<Args extends unknown[]>(handler: (connection: Connection, ...args: Args) => unknown) {
    return (connection: Connection, ...args: Args): unknown => {
      try {
        return handler(connection, ...args);
      } catch (thrown) {
        if (!(thrown instanceof Error && thrown.message === THROWN)) this.flaw ??= thrown;
        throw thrown;
      }
    };
  }

  /** A handler was called. */
  #tell(name: HandlerName, what: string, message?: Message): unknown {
    if (!this.#isSettingHandlers)
      assert.ok(!this.told.some((told) => /^close /.test(told)), `${name} behind close`);
    const isData = name === "message" || name === "ping" || name === "pong";
    if (isData) assert.ok(!this.connection.isPaused, `${name} while it is paused`);
    if (name === "error") assert.ok(!this.told.includes("error "), "a second error");
    this.told.push(`${name} ${what}`);
    const byDefault: Reaction | undefined = this.#echoes && name === "message" ? { do: "echo" } : undefined;
    const reaction = this.#reactions[name]?.shift() ?? byDefault;
    return reaction === undefined ? undefined : this.#react(name, reaction, message);
  }

  #react(name: HandlerName, reaction: Reaction, message: Message | undefined): unknown {
    const isFatal = name !== "error" && name !== "close";
    if (reaction.do === "throw") {
      if (isFatal) this.#fails();
      throw new Error(THROWN);
    }
    if (reaction.do === "reject") {
      const rejected = Promise.reject(new Error("rejected by a handler"));
      rejected.catch(() => isFatal && this.#fails());
      return rejected;
    }
    if (reaction.do === "transfer") {
      const data: unknown = message?.data;
      if (!(data instanceof Uint8Array) || this.setup.borrow) return undefined;
      this.isSpoiled = true;
      this.wire.closeCodes.add(1011);
      structuredClone(data.buffer, { transfer: [data.buffer as ArrayBuffer] });
    } else if (reaction.do === "echo") {
      if (message !== undefined)
        this.#accept(() => this.connection.send(message), message.type, message.bytes);
    } else {
      this.call(reaction);
    }
    return undefined;
  }

  /** A handler failed. */
  #fails(): void {
    if (this.isClosed || this.isTerminated) return;
    if (this.wire.closeCodes.size === 0 || this.connection.error === undefined)
      this.wire.closeCodes.add(1011);
    this.hasBug = true;
    this.#stop();
  }

  /** Nothing that arrives from now on is delivered. */
  #stop(): void {
    this.kept ??= this.connection.counters.messagesIn;
    this.wire.close();
  }

  // Calls of the program ────────────────────────────────────────────────────────────────────────

  call(call: Call): void {
    const { connection } = this;
    switch (call.do) {
      case "send":
        this.#send(call.kind, call.size);
        break;
      case "part":
        this.#sendPart(this.wire.begun ?? call.type, call.final, call.size);
        break;
      case "blob":
        this.blobs.shift()?.settle(call.isGood);
        break;
      case "ping":
        this.#ping();
        break;
      case "flush":
      case "pause":
      case "resume": {
        const method = call.do;
        this.#inCall(() => connection[method]());
        break;
      }
      case "sendPing":
        this.#sendControl("ping", PING);
        break;
      case "sendPong":
        this.#sendControl("pong", PONG);
        break;
      case "receive":
      case "abort":
        this.#receive(call.do === "abort");
        break;
      case "tryReceive":
        this.#tryReceive();
        break;
      case "drained":
        this.#drained();
        break;
      case "close":
        this.close(call.code);
        break;
      case "terminate":
        this.terminate();
        break;
      case "handlers":
        // Handlers are set once: nothing may be reported twice, then.
        if (this.connection.handlers.message !== undefined) break;
        this.#isSettingHandlers = connection.state === "closed";
        connection.handlers = this.#handlers(true);
        this.#isSettingHandlers = false;
        break;
    }
  }

  /** `error` is not told inside of it. */
  #inCall<T>(call: () => T): T {
    this.#calls++;
    try {
      return call();
    } finally {
      this.#calls--;
    }
  }

  /** A call that sends; what it accepted must be written. */
  #accept(
    send: () => boolean | undefined,
    type: string,
    bytes: Uint8Array,
    accepted: () => unknown = () => this.wire.message(type as "text", new Uint8Array(bytes)),
  ): void {
    const { connection } = this;
    const wasOpen = connection.state === "open" && !this.isTerminated;
    const { messagesIn, messagesDropped } = connection.counters;
    let more: boolean | undefined;
    try {
      more = this.#inCall(send);
    } catch (thrown) {
      assert.ok(thrown instanceof RangeError && this.setup.onOverflow === "throw", String(thrown));
      return;
    }
    if (more === undefined) {
      const isDropped = wasOpen && this.setup.onOverflow === "drop" && connection.state === "open";
      if (isDropped) this.wantsDrain = true;
      if (connection.counters.messagesDropped > messagesDropped) this.messagesDropped++;
      if (wasOpen && connection.state !== "open") {
        // The overflow ended it.
        this.wire.closeCodes.add(1013);
        this.kept ??= messagesIn;
        this.wire.close();
      } else {
        assert.ok(!wasOpen || isDropped, "nothing was sent, and the connection is open");
      }
      return;
    }
    assert.ok(wasOpen, "something was sent, and the connection is not open");
    if (!more) this.wantsDrain = true;
    accepted();
  }

  #send(kind: SendKind, size: number): void {
    const { connection } = this;
    const text = `${++this.#count}:${"é".repeat(size % 3)}${"y".repeat(size)}`;
    const bytes = utf8(text);
    switch (kind) {
      case "text":
        this.#accept(() => connection.send(text), "text", bytes);
        break;
      case "now":
        this.#accept(() => connection.sendNow(text), "text", bytes);
        break;
      case "prepared":
        this.#accept(() => connection.send(prepareMessage(text)), "text", bytes);
        break;
      case "uncopied":
        this.#accept(() => connection.send(bytes, { copy: false }), "binary", bytes);
        break;
      case "blob":
        this.#sendBlob(bytes);
        break;
      default: {
        // The program may change the bytes once the call returned.
        const given = new Uint8Array(bytes);
        const type = kind === "binary" ? "binary" : "text";
        this.#accept(() => connection.send(given, { type }), type, bytes);
        given.fill(0xff);
      }
    }
  }

  #sendBlob(bytes: Uint8Array<ArrayBuffer>): void {
    let place: Waiting | undefined;
    let settle: ((isGood: boolean) => void) | undefined;
    const data = new Promise<ArrayBuffer>((resolve, reject) => {
      settle = (isGood) => (isGood ? resolve(bytes.buffer) : reject(new Error("unreadable")));
    });
    // Before the connection does.
    const settled = (isGood: boolean) => {
      // Waiting frames were dropped when the closing began.
      if (this.connection.state !== "open" || this.isTerminated) this.wire.close();
      else if (place !== undefined) this.wire.settle(place, isGood);
      if (!isGood) this.#fails();
    };
    data.then(
      () => settled(true),
      () => settled(false),
    );
    const blob = { size: bytes.length, arrayBuffer: () => data } as unknown as Blob;
    this.#accept(
      () => this.connection.send(blob),
      "binary",
      bytes,
      () => {
        place = this.wire.message("binary", bytes, false);
        this.blobs.push({ place, settle: settle as (isGood: boolean) => void });
      },
    );
  }

  #sendPart(type: "text" | "binary", final: boolean, size: number): void {
    const text = `${++this.#count}:${"z".repeat(size)}`;
    const bytes = utf8(text);
    const { connection, wire } = this;
    const message = new Message(type === "text" ? text : bytes, type, !final);
    if (final && !wire.isSendingParts) {
      this.#accept(() => connection.sendAll(message), type, bytes);
      return;
    }
    const cannotBegin = !wire.isSendingParts && wire.isWaiting;
    this.#accept(
      () => {
        try {
          return connection.sendAll(message);
        } catch (thrown) {
          // A Blob that was sent before is not read yet.
          if (!(thrown instanceof InvalidStateError) || !cannotBegin) throw thrown;
          return true;
        }
      },
      type,
      bytes,
      () => cannotBegin || wire.part(type, bytes, final),
    );
  }

  #sendControl(type: "ping" | "pong", opcode: number): void {
    const payload = utf8(`${type === "ping" ? "o" : "u"}${++this.#count}`);
    const message = new Message(payload, type);
    this.#accept(
      () => this.connection.sendAll(message),
      type,
      payload,
      () => this.wire.control(opcode, payload),
    );
  }

  #ping(): void {
    const payload = `o${++this.#count}`;
    // Not told by a value whether it was sent.
    this.#accept(
      () => {
        const { state } = this.connection;
        this.wire.control(PING, utf8(payload), true);
        this.track(payload, this.connection.ping(payload));
        if (state !== "open" || this.connection.state !== "open" || this.isTerminated) return undefined;
        this.wantsDrain = true;
        return true;
      },
      "ping",
      utf8(payload),
      () => undefined,
    );
  }

  #receive(aborts: boolean): void {
    const controller = new AbortController();
    const at = this.received.push(undefined) - 1;
    const asked = this.connection.receive(aborts ? { signal: controller.signal } : {});
    this.track(`receive ${++this.#count}`, asked);
    this.#asking++;
    asked.then(
      (message) => {
        this.#asking--;
        if (message !== undefined) this.received[at] = describe(message.type, message.data as string);
      },
      () => {
        this.#asking--;
      },
    );
    if (aborts) this.#aborts.push(controller);
    else for (const other of this.#aborts.splice(0)) other.abort(new Error("aborted"));
  }

  /** Takes a message; returns whether there was one. */
  #tryReceive(): boolean {
    const at = this.received.push(undefined) - 1;
    const message = this.connection.tryReceive();
    if (message === undefined) return false;
    this.received[at] = describe(message.type, message.data as string);
    return true;
  }

  /** Takes all messages that wait. */
  receiveAll(): void {
    while (this.#tryReceive()) {}
  }

  #drained(): void {
    this.wantsDrain = true;
    this.track(`drained ${++this.#count}`, this.connection.drained());
  }

  close(code: number): void {
    const { connection } = this;
    const wasOpen = connection.state === "open" && !this.isTerminated;
    const { messagesIn } = connection.counters;
    const isGood = code !== 1004 && code !== 999;
    try {
      // Messages that were read and not delivered are dropped, or delivered by the call itself.
      if (isGood && wasOpen) {
        this.wire.closeCodes.add(code === 1006 ? 1011 : code);
        this.wire.close();
      }
      if (isGood && !(this.setup.deliverWhileClosing && this.setup.handles)) this.kept ??= messagesIn;
      this.track(`close ${++this.#count}`, connection.close(code));
      assert.ok(isGood, `${code} was accepted`);
    } catch (thrown) {
      assert.ok(thrown instanceof RangeError && !isGood, String(thrown));
    }
  }

  terminate(): void {
    this.#stop();
    this.isTerminated = true;
    this.connection.terminate();
  }

  track(name: string, promise: Promise<unknown>): void {
    const entry: { isSettled: boolean; value?: unknown; error?: unknown } = { isSettled: false };
    this.promises.set(name, entry);
    promise.then(
      (value) => Object.assign(entry, { isSettled: true, value }),
      (error: unknown) => Object.assign(entry, { isSettled: true, error }),
    );
  }

  // The transport and its peer ──────────────────────────────────────────────────────────────────

  /** Does what an action says; of those that need no waiting. */
  act(action: Action): void {
    const { transport, peer } = this;
    switch (action.do) {
      case "peer":
        peer.send(action.sends, action.size, action.leave, action.piece, this.setup.compresses);
        break;
      case "answer": {
        const payload = this.wire.pings.at(-1);
        if (payload !== undefined) peer.pong(payload);
        peer.give();
        break;
      }
      case "rest":
        peer.give();
        break;
      case "end":
        peer.end();
        break;
      case "hold":
      case "step":
      case "letGo":
        transport[action.do]();
        break;
      case "destroy":
        transport.destroy();
        break;
      case "fail":
        transport.destroy(new Error("the transport failed"));
        break;
      case "react":
        (this.#reactions[action.to] ??= []).push(action.by);
        break;
      case "tick":
      case "turn":
        break;
      default:
        this.call(action);
    }
  }

  /** Handlers do nothing any more. */
  forgetReactions(): void {
    this.#echoes = false;
    for (const reactions of Object.values(this.#reactions)) reactions.length = 0;
  }

  // Invariants ────────────────────────────────────────────────────────────────────

  check(): void {
    if (this.flaw !== undefined) throw this.flaw;
    const { connection, transport, wire, peer } = this;
    const { bytesIn, bytesOut, messagesDropped } = connection.counters;
    const stop = peer.stop;
    // What breaks a rule is found before it is whole.
    if (stop?.by === "violation") for (const code of [1002, 1007]) wire.closeCodes.add(code);
    else if (stop !== undefined && stop.end <= transport.takenLength) wire.closeCodes.add(3000);
    wire.read(transport.written.splice(0));
    assert.equal(bytesIn, transport.takenLength, "bytesIn");
    assert.equal(bytesOut, transport.handedLength, "bytesOut");
    assert.equal(messagesDropped, this.messagesDropped, "messagesDropped");
    assert.ok(connection.bufferedAmount >= 0, "bufferedAmount");
    if (!transport.destroyed) {
      assert.ok(
        connection.bufferedAmount >= transport.writableLength,
        "bufferedAmount of bytes in the transport",
      );
    }
    this.#checkReading();
    const state = STATES.indexOf(connection.state);
    assert.ok(state >= this.#state, `from ${STATES[this.#state]} back to ${connection.state}`);
    this.#state = state;
    this.#checkReceived();
    this.#checkControl("ping");
    this.#checkControl("pong");
  }

  /** Nothing more is read while too much waits for the peer. */
  #checkReading(): void {
    const { transport, setup } = this;
    const mark = Math.max(setup.pauseReadingAt, setup.highWaterMark, setup.transportMark, 1);
    const isHeld = transport.isHeld && transport.writableLength >= mark + MOST_CONTROL;
    if (!isHeld || transport.destroyed || this.connection.state !== "open") return;
    assert.equal(transport.readableFlowing, false, "it is read, although much waits for the peer");
  }

  /** Messages in the order in which they were sent, each once. */
  #checkReceived(): void {
    // The place of a message that was asked for is kept, and filled when the promise resolves.
    if (this.#asking > 0) return;
    const received = this.received.filter((message) => message !== undefined);
    const sent = this.sentMessages();
    received.forEach((message, i) => {
      assert.equal(message, sent[i], `message ${i}`);
    });
    if (this.kept !== undefined)
      assert.ok(received.length <= this.kept, "a message behind the end of delivery");
  }

  #checkControl(name: "ping" | "pong"): void {
    const told = this.told.filter((each) => each.startsWith(`${name} `)).map((each) => each.slice(5));
    const sent = this.peer.events.filter(({ kind }) => kind === name).map(({ what }) => what);
    assert.deepEqual(told, sent.slice(0, told.length), `each ${name} once, and in order`);
  }

  /** Messages that the peer sent whole, as far as the connection has read. */
  sentMessages(): string[] {
    return this.peer.events
      .filter(({ kind, end }) => kind === "message" && end <= this.transport.takenLength)
      .map(({ what }) => what);
  }
}
