/** Lines that a user types or a script sends: text, or a command that begins with "/". */

import { readFile } from "node:fs/promises";
import { CloseCode, encodeCloseBody, MAX_CONTROL_PAYLOAD_LENGTH } from "../codec/index.js";
import type { Connection } from "../node/index.js";
import type { Message } from "../protocol/index.js";
import { type Display, payloadText } from "./display.js";
import { messageOf } from "./shell.js";

/** The text of /help. */
export const LINES_HELP = `\
  TEXT                   send a text message
  /text TEXT             the same, for text that begins with a slash
  /binary HEX            send a binary message, such as /binary 00 ff 10
  /file PATH             send a file as a binary message
  /ping [TEXT]           send a Ping, and time its Pong
  /close [CODE [REASON]] begin the closing handshake; default 1000
  /quit                  close with 1000, and leave
  /help                  this list
`;

/** A line that cannot be followed; nothing was sent. */
class LineError extends Error {
  override readonly name = "LineError";
}

export interface SessionOptions {
  /** Whether a terminal shows lines already, as they are typed; a line that cannot be followed is then no failure. */
  readonly isTyped: boolean;
  /** Whether a connection that ends is opened again, unless it was closed here. */
  readonly reconnects: boolean;
  /** Whether Pings are sent automatically: their Pongs are not shown. */
  readonly pings: boolean;
}

/** A conversation: lines become messages and frames, and received ones are shown. */
export class Session {
  /** Resolves when no connection will be opened any more, and the last one is closed. */
  readonly ended: Promise<void>;
  readonly #display: Display;
  readonly #options: SessionOptions;
  /** Pings that wait for their Pong, in order. */
  readonly #pings: { readonly text: string; readonly sentAt: number }[] = [];
  #connection: Connection | undefined;
  #hasFailed = false;
  /** Whether the reason for an end without a closing handshake was shown already. */
  #hasBroken = false;
  /** Whether we began the closing handshake. */
  #isClosing = false;
  #hasEnded = false;
  #end: () => void = () => {};
  /** Called when a connection opens, and when none will be. */
  readonly #waiting = new Set<() => void>();

  constructor(display: Display, options: SessionOptions) {
    this.#display = display;
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#end = () => {
        this.#hasEnded = true;
        this.#wake();
        resolve();
      };
    });
  }

  /** Whether another line can be followed. */
  get isOpen(): boolean {
    return this.#connection?.state === "open";
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Whether the connection ended without a closing handshake, or a line of a script could not be followed. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Resolves once a connection is open: true; or once none will be. */
  async ready(): Promise<boolean> {
    while (!this.isOpen && !this.#hasEnded && this.#options.reconnects && !this.#isClosing) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
    return this.isOpen;
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  opened(connection: Connection): void {
    this.#connection = connection;
    this.#hasBroken = false;
    this.#wake();
  }

  received(message: Message): void {
    try {
      this.#display.received(message.data);
    } catch (error) {
      this.#fail(`cannot save a message: ${messageOf(error)}`);
    }
  }

  pinged(payload: Uint8Array): void {
    this.#display.control("<", "ping", payloadText(payload));
    this.#display.control(">", "pong", payloadText(payload));
  }

  ponged(payload: Uint8Array): void {
    const text = payloadText(payload);
    const index = this.#pings.findIndex((ping) => ping.text === text);
    if (index < 0 && text === "" && this.#options.pings) return;
    // §5.5.3: a Pong may be for the latest of several Pings alone, and it may be for none.
    const ping = this.#pings.splice(0, index + 1).at(-1);
    const time = ping === undefined ? "" : `(${(performance.now() - ping.sentAt).toFixed(2)} ms)`;
    this.#display.control("<", "pong", `${text} ${time}`.trim());
  }

  failed(error: Error): void {
    this.#hasBroken = true;
    this.#lose(error.message);
  }

  closed(code: number, reason: string): void {
    if (code !== CloseCode.AbnormalClosure) {
      this.#display.control("<", "close", `${code} ${reason}`.trimEnd());
    } else if (!this.#hasBroken) {
      this.#lose("the connection was lost: no Close frame came (1006)");
    }
    this.#pings.length = 0;
    if (this.#isClosing || !this.#options.reconnects) this.#end();
  }

  /** No connection can be opened again. */
  giveUp(error: unknown): void {
    this.#fail(messageOf(error));
    this.#end();
  }

  /** A connection that is opened again makes no failure of its end. */
  #lose(message: string): void {
    if (this.#options.reconnects && !this.#isClosing) this.#display.problem(message);
    else this.#fail(message);
  }

  /** Follows a line, or shows its error; resolves when there is room for the next one. */
  async enter(line: string): Promise<void> {
    try {
      const [, name, rest = ""] = /^\/(\S*)\s?(.*)$/s.exec(line) ?? [];
      if (name === undefined) await this.#sendText(line);
      else await this.#command(name, rest);
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      // A user sees the error and goes on; a script needs the exit code.
      if (this.#options.isTyped) this.#display.problem(error.message);
      else this.#fail(error.message);
    }
  }

  /** Sends bytes as one binary message; resolves when there is room for the next one. */
  async sendRaw(bytes: Uint8Array): Promise<void> {
    await this.#send(bytes);
  }

  /** Says that a line comes too late, unless we closed. */
  leave(line: string): void {
    if (!this.#isClosing) this.#fail(`the connection closed before this was sent: ${line}`);
  }

  /** Resolves when the time is over, or the connection closed. */
  async wait(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const isOver = new Promise<void>((resolve) => {
      if (ms !== Infinity) timer = setTimeout(resolve, ms);
    });
    await Promise.race([isOver, this.ended]);
    clearTimeout(timer);
  }

  /** Begins the closing handshake, and resolves when the connection is closed. None is opened any more. */
  async close(code = 1000, reason = ""): Promise<void> {
    const isAway = this.#options.reconnects && this.#connection?.state !== "open";
    this.#isClosing = true;
    if (isAway && this.#connection?.state !== "closing") this.#end();
    if (this.isOpen) {
      this.#display.control(">", "close", `${code} ${reason}`.trimEnd());
    }
    void this.#connection?.close(code, reason);
    await this.ended;
  }

  #fail(message: string): void {
    this.#hasFailed = true;
    this.#display.problem(message);
  }

  async #command(name: string, rest: string): Promise<void> {
    switch (name) {
      case "text":
        return this.#sendText(rest);
      case "binary":
        return this.#sendBinary(bytesOfHex(rest));
      case "file":
        return this.#sendBinary(await contentOf(rest.trim()));
      case "ping":
        return this.#ping(rest);
      case "close":
        return this.#close(rest.trim());
      case "quit":
        return this.close();
      case "help":
        return this.#display.answer(LINES_HELP.trimEnd());
      default:
        throw new LineError(
          `there is no /${name}; /help lists what there is, and /text sends text that begins with a slash`,
        );
    }
  }

  async #sendText(text: string): Promise<void> {
    if (!this.#options.isTyped) this.#display.sent(text);
    await this.#send(text);
  }

  async #sendBinary(bytes: Uint8Array): Promise<void> {
    this.#display.sent(bytes);
    await this.#send(bytes);
  }

  /** Resolves when there is room to send, or when nothing more can be sent. */
  async #send(data: string | Uint8Array): Promise<void> {
    const connection = this.#connection;
    if (connection?.send(data) === false) await Promise.race([connection.drained(), this.ended]);
  }

  #ping(text: string): void {
    const length = Buffer.byteLength(text);
    if (length > MAX_CONTROL_PAYLOAD_LENGTH) {
      throw new LineError(
        `the text of a Ping must have at most ${MAX_CONTROL_PAYLOAD_LENGTH} bytes, not ${length}`,
      );
    }
    if (!this.#options.isTyped) this.#display.control(">", "ping", text);
    this.#pings.push({ text, sentAt: performance.now() });
    this.#connection?.ping(text).catch(() => {
      // The connection closed before the Pong came, and that is shown.
    });
  }

  async #close(rest: string): Promise<void> {
    const [, digits, reason = ""] = /^(\S+)\s*(.*)$/s.exec(rest) ?? [undefined, "1000"];
    const code = Number(digits);
    try {
      encodeCloseBody(code, reason);
    } catch (error) {
      throw new LineError(messageOf(error));
    }
    await this.close(code, reason);
  }
}

function bytesOfHex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s+/g, "");
  if (digits === "" || digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) {
    throw new LineError('/binary must have pairs of hex digits, such as "/binary 00 ff 10"');
  }
  return Buffer.from(digits, "hex");
}

async function contentOf(file: string): Promise<Uint8Array> {
  if (file === "") throw new LineError("/file must have the path of a file");
  try {
    return await readFile(file);
  } catch (error) {
    throw new LineError(`cannot read that file: ${messageOf(error)}`);
  }
}
