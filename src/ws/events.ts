/**
 * The EventTarget interface of a WebSocket: `addEventListener`, `onmessage`, and their events. Its listeners are also
 * listeners of the emitter, so `listeners()` and `removeAllListeners()` include them.
 */

import type { EventEmitter } from "node:events";

/** The emitter's listener that wraps a listener added here. */
interface Wrapped {
  (...values: never[]): void;
  [LISTENER]?: unknown;
  [IS_ATTRIBUTE]?: boolean;
}

const LISTENER: unique symbol = Symbol("hawser.listener");
/** Whether the listener is the value of an attribute such as `onopen`. */
const IS_ATTRIBUTE: unique symbol = Symbol("hawser.attribute");

/** An event of the type "open", and the base of the others. */
export class Event {
  readonly #type: string;
  readonly #target: EventEmitter | null;

  constructor(type: string, target: EventEmitter | null = null) {
    this.#type = type;
    this.#target = target;
  }

  get type(): string {
    return this.#type;
  }

  get target(): EventEmitter | null {
    return this.#target;
  }
}

export class CloseEvent extends Event {
  readonly #how: { readonly code?: number; readonly reason?: string; readonly wasClean?: boolean };

  constructor(
    type: string,
    how: { readonly code?: number; readonly reason?: string; readonly wasClean?: boolean } = {},
    target: EventEmitter | null = null,
  ) {
    super(type, target);
    this.#how = how;
  }

  get code(): number {
    return this.#how.code ?? 0;
  }

  get reason(): string {
    return this.#how.reason ?? "";
  }

  get wasClean(): boolean {
    return this.#how.wasClean ?? false;
  }
}

export class ErrorEvent extends Event {
  readonly #what: { readonly error?: unknown; readonly message?: string };

  constructor(
    type: string,
    what: { readonly error?: unknown; readonly message?: string } = {},
    target: EventEmitter | null = null,
  ) {
    super(type, target);
    this.#what = what;
  }

  get error(): unknown {
    return this.#what.error ?? null;
  }

  get message(): string {
    return this.#what.message ?? "";
  }
}

export class MessageEvent extends Event {
  readonly #data: unknown;

  constructor(
    type: string,
    { data = null }: { readonly data?: unknown } = {},
    target: EventEmitter | null = null,
  ) {
    super(type, target);
    this.#data = data;
  }

  get data(): unknown {
    return this.#data;
  }
}

/** Makes accessors enumerable, as in `ws`, so that `for (const name in event)` lists them. */
export function makeEnumerable(prototype: object, names: readonly string[]): void {
  for (const name of names) Object.defineProperty(prototype, name, { enumerable: true });
}

makeEnumerable(Event.prototype, ["target", "type"]);
makeEnumerable(CloseEvent.prototype, ["code", "reason", "wasClean"]);
makeEnumerable(ErrorEvent.prototype, ["error", "message"]);
makeEnumerable(MessageEvent.prototype, ["data"]);

/** The fields that tell whether both sides sent a Close. */
interface Closable extends EventEmitter {
  readonly _closeFrameReceived?: boolean;
  readonly _closeFrameSent?: boolean;
}

type Making = (target: Closable, ...values: never[]) => Event;

/** Functions that turn the arguments of an emitter event into an event object. */
const MAKERS: Readonly<Record<string, Making | undefined>> = {
  open: (target) => new Event("open", target),
  message: (target, data: unknown, isBinary: boolean) =>
    new MessageEvent("message", { data: isBinary ? data : String(data) }, target),
  error: (target, error: Error) => new ErrorEvent("error", { error, message: error.message }, target),
  close: (target, code: number, reason: Buffer) => {
    const wasClean = target._closeFrameReceived === true && target._closeFrameSent === true;
    return new CloseEvent("close", { code, reason: reason.toString(), wasClean }, target);
  },
};

/** A function, or an object with `handleEvent`. */
type Listener = ((event: never) => void) | { handleEvent(event: never): void };

function wrap(type: string, make: Making, listener: Listener, isAttribute: boolean): Wrapped {
  function wrapped(this: Closable, ...values: never[]): void {
    const event = make(this, ...values) as never;
    if (typeof listener === "function") listener.call(this, event);
    else listener.handleEvent(event);
  }
  Object.defineProperty(wrapped, "name", { value: `on${type}` });
  return Object.assign(wrapped, { [LISTENER]: listener, [IS_ATTRIBUTE]: isAttribute });
}

function add(
  emitter: EventEmitter,
  type: string,
  listener: Listener,
  once: boolean,
  isAttribute: boolean,
): void {
  const make = Object.hasOwn(MAKERS, type) ? MAKERS[type] : undefined;
  if (make === undefined) return;
  if (!isAttribute && find(emitter, type, (found) => found[LISTENER] === listener && !found[IS_ATTRIBUTE]))
    return;
  const wrapped = wrap(type, make, listener, isAttribute) as (...values: unknown[]) => void;
  if (once) emitter.once(type, wrapped);
  else emitter.on(type, wrapped);
}

function find(
  emitter: EventEmitter,
  type: string,
  matches: (found: Wrapped) => boolean,
): Wrapped | undefined {
  return (emitter.listeners(type) as Wrapped[]).find(matches);
}

export function addEventListener(
  this: EventEmitter,
  type: string,
  listener: Listener,
  options: { readonly once?: boolean | undefined } = {},
): void {
  add(this, type, listener, options.once === true, false);
}

export function removeEventListener(this: EventEmitter, type: string, listener: Listener): void {
  const found = find(this, type, (wrapped) => wrapped[LISTENER] === listener && !wrapped[IS_ATTRIBUTE]);
  if (found !== undefined) this.removeListener(type, found as never);
}

/** Gives a prototype the attributes `onopen`, `onmessage`, `onerror` and `onclose`. */
export function addAttributes(prototype: EventEmitter): void {
  for (const type of ["open", "error", "close", "message"]) {
    Object.defineProperty(prototype, `on${type}`, {
      enumerable: true,
      configurable: true,
      get(this: EventEmitter): unknown {
        return find(this, type, (wrapped) => wrapped[IS_ATTRIBUTE] === true)?.[LISTENER] ?? null;
      },
      set(this: EventEmitter, listener: unknown) {
        const found = find(this, type, (wrapped) => wrapped[IS_ATTRIBUTE] === true);
        if (found !== undefined) this.removeListener(type, found as never);
        if (typeof listener === "function") add(this, type, listener as Listener, false, true);
      },
    });
  }
}
