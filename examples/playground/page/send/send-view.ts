/** The section Send: which client, what it sends, and how it ends. */

import { parseHex } from "../decode/hex.js";
import { allow, byId, type Control, chosen, make } from "../dom.js";
import { openMirror } from "../wire/mirror.js";
import type { WireView } from "../wire/wire-view.js";
import { BROKEN_FRAMES } from "./broken-frames.js";
import { connectByBrowser } from "./browser-client.js";
import type { Client } from "./client.js";
import { connectByPage } from "./page-client.js";

const NOT_CONNECTED = "Not connected.";
const NOT_IN_BROWSERS = "A browser's WebSocket does not let a page do this: choose “hawser in this page”.";

const NOT_AGREED = "Compression was not agreed on when this connection was opened.";
const ONE_FRAME = "There is nothing between: the message goes in one frame.";

const connectForm = byId("connect-form", HTMLFormElement);
const messageForm = byId("message-form", HTMLFormElement);
const controlForm = byId("control-form", HTMLFormElement);
const rawForm = byId("raw-form", HTMLFormElement);
const closeForm = byId("close-form", HTMLFormElement);
const fragments = byId("fragments", HTMLInputElement);
const connectButton = byId("connect", HTMLButtonElement);
const status = byId("connection-status", HTMLElement);
const problem = byId("send-problem", HTMLElement);

/** Every control of a form, or those in an element. */
function controlsIn(element: HTMLElement): Control[] {
  return [...element.querySelectorAll<Control>("button, input, select, textarea")];
}

export class SendView {
  readonly #wire: WireView;
  #client: Client | undefined = undefined;
  /** Aborted when another connection begins: what belongs to an earlier one comes too late to matter. */
  #current = new AbortController();

  constructor(wire: WireView) {
    this.#wire = wire;
    this.#listen();
    this.#update();
  }

  #listen(): void {
    connectForm.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#client === undefined) void this.connect();
      else this.#attempt((client) => client.close(1000, ""));
    });
    // Another client, or another wish for compression, is another connection.
    connectForm.addEventListener("change", () => void this.connect());
    fragments.addEventListener("input", () => this.#update());
    this.#onSubmit(messageForm, (client, data, submitter) => {
      this.#sendMessage(client, data);
      // On a phone the list is below the form. The page's own first message has no submitter, and does not scroll.
      if (submitter !== undefined) this.#wire.reveal();
    });
    this.#onSubmit(controlForm, (client, data, submitter) => {
      const payload = String(data.get("control-payload"));
      if (submitter === "pong") client.frames?.pong(payload);
      else client.frames?.ping(payload);
    });
    this.#onSubmit(rawForm, (client, data) => {
      const bytes = bytesOf(String(data.get("raw")));
      if (bytes.length === 0) throw new RangeError("There are no bytes to send.");
      client.frames?.raw(bytes);
    });
    this.#onSubmit(closeForm, (client, data) => {
      const code = String(data.get("code"));
      client.close(code === "" ? undefined : Number(code), String(data.get("reason")));
    });
    byId("broken-frames", HTMLElement).append(
      ...BROKEN_FRAMES.map(({ name, bytes }) => {
        const button = make("button", { type: "button" }, name);
        button.addEventListener("click", () => this.#attempt((client) => client.frames?.raw(bytes)));
        return make("li", {}, button);
      }),
    );
  }

  #onSubmit(
    form: HTMLFormElement,
    act: (client: Client, data: FormData, submitter: string | undefined) => void,
  ): void {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const { value } = (event.submitter ?? {}) as Partial<HTMLButtonElement>;
      this.#attempt((client) => act(client, new FormData(form), value));
    });
  }

  /** Does something with the client; what that makes no sense of is shown, not thrown. */
  #attempt(act: (client: Client) => void): void {
    problem.textContent = "";
    if (this.#client === undefined) return;
    try {
      act(this.#client);
    } catch (error) {
      problem.textContent = messageOf(error);
    }
  }

  #sendMessage(client: Client, data: FormData): void {
    const text = String(data.get("message"));
    const compress = { default: undefined, yes: true, no: false }[String(data.get("compress"))];
    client.send(data.get("type") === "binary" ? bytesOf(text) : text, {
      fragments: Number(data.get("fragments") ?? 1),
      pingBetween: data.has("ping-between"),
      compress,
    });
  }

  /**
   * Opens a connection with the chosen client; closes the one that is open.
   *
   * @param greets - whether to send the message of the form once the connection is open.
   */
  async connect(greets = false): Promise<void> {
    this.#current.abort();
    const current = new AbortController();
    this.#current = current;
    this.#client?.close(1000, "another client");
    this.#client = undefined;
    this.#wire.reset();
    this.#say("Connecting…");
    const say = (text: string) => {
      if (!current.signal.aborted) this.#say(text);
    };
    const compressed = byId("compressed", HTMLInputElement).checked;
    const open = chosen(connectForm, "client") === "page" ? connectByPage : connectByBrowser;
    try {
      const client = await open(await openMirror(this.#wire, current.signal), compressed);
      if (current.signal.aborted) {
        client.close(1000, "another client");
        return;
      }
      this.#client = client;
      say("Connected.");
      if (greets) messageForm.requestSubmit();
      const { code, reason } = await client.closed;
      if (this.#client === client) this.#client = undefined;
      say(`Closed: ${code}${reason === "" ? "" : `, “${reason}”`}.`);
    } catch (error) {
      say(`Not connected: ${messageOf(error)}`);
    }
  }

  #say(text: string): void {
    status.textContent = text;
    this.#update();
  }

  /** Which controls work now. */
  #update(): void {
    const client = this.#client;
    const focused = document.activeElement;
    connectButton.textContent = client === undefined ? "Connect" : "Disconnect";
    connectButton.classList.toggle("primary", client === undefined);
    const closed = client === undefined ? NOT_CONNECTED : undefined;
    const framesOnly = closed ?? (client?.frames === undefined ? NOT_IN_BROWSERS : undefined);
    for (const form of [messageForm, closeForm])
      for (const control of controlsIn(form)) allow(control, closed);
    for (const element of [controlForm, rawForm, byId("broken-frames", HTMLElement)]) {
      for (const control of controlsIn(element)) allow(control, framesOnly);
    }
    allow(fragments, framesOnly);
    const oneFrame = Number(fragments.value) > 1 ? undefined : ONE_FRAME;
    allow(byId("ping-between", HTMLInputElement), framesOnly ?? oneFrame);
    const notAgreed = client?.frames?.canCompress === true ? undefined : NOT_AGREED;
    allow(byId("compress", HTMLSelectElement), framesOnly ?? notAgreed);
    byId("browser-note", HTMLElement).hidden = client === undefined || client.frames !== undefined;
    // Who has just broken a rule by keyboard goes on from here, not from the top of the page.
    if (focused?.matches(":disabled")) connectButton.focus();
  }
}

function bytesOf(text: string): Uint8Array {
  const bytes = parseHex(text);
  if (bytes instanceof Uint8Array) return bytes;
  throw new SyntaxError(`Not hex: ${bytes.message}, in line ${bytes.line}, column ${bytes.column}.`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
