/** A `for await` loop over connections, as they open. Knows no connection. */

interface Waiter<Connection> {
  resolve(result: IteratorResult<Connection, void>): void;
  reject(reason: unknown): void;
}

/** The client that the loop is over. */
export interface LoopOwner {
  /** The loop asks for the next connection. */
  asked(): void;
  /** The loop was left. */
  left(): void;
}

export class ConnectionLoop<Connection> implements AsyncIterator<Connection, void> {
  readonly #owner: LoopOwner;
  /** The connection that `next` is to give. */
  #offered: Connection | undefined;
  /** Calls of `next` that have no result yet, in order. */
  readonly #waiters: Waiter<Connection>[] = [];
  /** How it ends: the error is thrown once. */
  #end: { readonly error: unknown; hasFailed: boolean } | undefined = undefined;

  constructor(owner: LoopOwner, connection: Connection | undefined) {
    this.#owner = owner;
    this.#offered = connection;
  }

  /** Whether the last connection is still at work. */
  get isBusy(): boolean {
    return this.#waiters.length === 0;
  }

  /** Gives a connection to the loop, which waits for one. */
  offer(connection: Connection): void {
    this.#offered = connection;
    this.#settle();
  }

  /** There will be no other connection. */
  end(hasFailed: boolean, error: unknown): void {
    this.#end = { hasFailed, error };
    this.#settle();
  }

  #settle(): void {
    while (this.#offered !== undefined || this.#end !== undefined) {
      const waiter = this.#waiters.shift();
      if (waiter === undefined) return;
      if (this.#offered !== undefined) {
        waiter.resolve({ value: this.#offered, done: false });
        this.#offered = undefined;
      } else if (this.#end?.hasFailed) {
        this.#end.hasFailed = false;
        waiter.reject(this.#end.error);
      } else {
        waiter.resolve({ value: undefined, done: true });
      }
    }
  }

  next(): Promise<IteratorResult<Connection, void>> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#settle();
      if (this.#waiters.length > 0) this.#owner.asked();
    });
  }

  async return(): Promise<IteratorResult<Connection, void>> {
    this.#owner.left();
    return { value: undefined, done: true };
  }
}
