/** The section Wire: the handshake of a connection, and its frames, both ways. */

import type { Role } from "hawser/codec";
import { byId } from "../dom.js";
import { countBytes } from "../frame/describe.js";
import { FrameList } from "../frame/frame-list.js";
import type { Frame } from "../frame/frame-stream.js";
import type { MirrorSink } from "./mirror.js";

/** Frames that arrive within this time after a message was sent belong to it. */
const REVEAL_MS = 3000;

export class WireView implements MirrorSink {
  readonly #list = new FrameList(
    byId("wire-frames", HTMLElement),
    byId("wire-detail", HTMLElement),
    byId("wire-dropped", HTMLElement),
  );
  #revealUntil = 0;
  readonly #note = byId("wire-note", HTMLElement);
  /** Of each side, what its unfinished frame has so far. */
  readonly #waiting = {
    client: byId("wire-waiting-client", HTMLElement),
    server: byId("wire-waiting-server", HTMLElement),
  };
  readonly #heads = {
    request: byId("wire-request", HTMLElement),
    response: byId("wire-response", HTMLElement),
  };

  constructor() {
    byId("wire-clear", HTMLButtonElement).addEventListener("click", () => this.#list.clear());
  }

  /** Scrolls the page so that the newest frame can be seen, now and when the answer arrives. */
  reveal(): void {
    this.#revealUntil = performance.now() + REVEAL_MS;
    this.#reveal();
  }

  #reveal(): void {
    if (performance.now() > this.#revealUntil) return;
    byId("wire-frames", HTMLElement).scrollIntoView({ block: "nearest", behavior: "instant" });
  }

  /** Another connection begins. */
  reset(): void {
    this.#list.clear();
    this.#note.textContent = "";
    for (const text of [...Object.values(this.#heads), ...Object.values(this.#waiting)])
      text.textContent = "";
  }

  handshake(which: "request" | "response", head: string): void {
    this.#heads[which].textContent = head.trimEnd();
  }

  frames(frames: readonly Frame[], sender: Role): void {
    this.#list.add(frames, () => sender);
    this.#reveal();
  }

  waiting(length: number, sender: Role): void {
    this.#waiting[sender].textContent =
      length === 0 ? "" : `From the ${sender}: ${countBytes(length)} of a frame that lacks its end.`;
  }

  lost(): void {
    this.#note.textContent = "This page did not keep up with the server: later frames are not shown.";
  }

  ended(): void {
    if (this.#note.textContent === "") this.#note.textContent = "The connection has ended.";
  }
}
