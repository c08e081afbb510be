/**
 * The events of a WebSocket, and the handlers in its `on…` attributes. Event classes are Node's if it has them, so that
 * `instanceof` works. For versions of Node that lack one, it is defined here.
 */

/** The event for `close` listeners. */
export interface CloseEvent extends Event {
  /** Whether the closing handshake was complete (§7.1.4). */
  readonly wasClean: boolean;
  /** §7.1.5: 1005 for a Close without a code, 1006 without a Close. */
  readonly code: number;
  readonly reason: string;
}

/**
 * The event for `error` listeners. Node sets the members and browsers do not; they are optional so that the type fits
 * both.
 */
export interface ErrorEvent extends Event {
  readonly message?: string;
  readonly error?: unknown;
}

class OwnCloseEvent extends Event implements CloseEvent {
  readonly wasClean: boolean;
  readonly code: number;
  readonly reason: string;

  constructor(type: string, { wasClean = false, code = 0, reason = "" }: Partial<CloseEvent> = {}) {
    super(type);
    this.wasClean = wasClean;
    this.code = code;
    this.reason = reason;
  }

  get [Symbol.toStringTag](): string {
    return "CloseEvent";
  }
}

class OwnErrorEvent extends Event implements ErrorEvent {
  readonly message: string;
  readonly error: unknown;

  constructor(type: string, { message = "", error }: Partial<ErrorEvent> = {}) {
    super(type);
    this.message = message;
    this.error = error;
  }

  get [Symbol.toStringTag](): string {
    return "ErrorEvent";
  }
}

class OwnMessageEvent extends Event {
  readonly data: unknown;
  readonly origin: string;
  readonly lastEventId = "";
  readonly source = null;
  readonly ports = [];

  constructor(type: string, { data, origin = "" }: { data?: unknown; origin?: string } = {}) {
    super(type);
    this.data = data;
    this.origin = origin;
  }

  get [Symbol.toStringTag](): string {
    return "MessageEvent";
  }
}

type EventClass = new (type: string, init: object) => Event;

/** The global class of that name if it extends the host's Event, which a polyfill's class may not. */
function hostClass(name: string, own: EventClass): EventClass {
  const { [name]: given } = globalThis as unknown as Record<string, unknown>;
  return typeof given === "function" && given.prototype instanceof Event ? (given as EventClass) : own;
}

export function closeEvent(code: number, reason: string, wasClean: boolean): Event {
  return new (hostClass("CloseEvent", OwnCloseEvent))("close", { code, reason, wasClean });
}

export function errorEvent(error: Error): Event {
  return new (hostClass("ErrorEvent", OwnErrorEvent))("error", { message: error.message, error });
}

export function messageEvent(data: unknown, origin: string): Event {
  return new (hostClass("MessageEvent", OwnMessageEvent))("message", { data, origin });
}

interface Attribute {
  callback: object;
  readonly listener: (event: Event) => void;
}

/**
 * Event handler attributes of one target (HTML §8.1.8.1). A new handler takes the place of the old one in the order of
 * listeners, unless the attribute was set to null in between.
 */
export class HandlerAttributes {
  readonly #target: EventTarget;
  readonly #attributes = new Map<string, Attribute>();

  constructor(target: EventTarget) {
    this.#target = target;
  }

  get(type: string): object | null {
    return this.#attributes.get(type)?.callback ?? null;
  }

  /** @param value - an object that is not a function is kept but not called; a primitive value counts as null. */
  set(type: string, value: unknown): void {
    const attribute = this.#attributes.get(type);
    const isObject = typeof value === "function" || (typeof value === "object" && value !== null);
    if (!isObject) {
      this.#attributes.delete(type);
      if (attribute !== undefined) this.#target.removeEventListener(type, attribute.listener);
    } else if (attribute !== undefined) {
      attribute.callback = value;
    } else {
      const target = this.#target;
      const added: Attribute = {
        callback: value,
        listener(event) {
          const { callback } = added;
          if (typeof callback === "function") callback.call(target, event);
        },
      };
      this.#attributes.set(type, added);
      target.addEventListener(type, added.listener);
    }
  }
}
