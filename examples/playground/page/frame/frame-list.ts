/** A list of frames of which one is looked at: the last ones, newest at the end. */

import { make } from "../dom.js";
import { opcodeName, previewOf } from "./describe.js";
import { frameDetail } from "./frame-detail.js";
import type { Frame } from "./frame-stream.js";

export type Sender = "client" | "server" | undefined;

const MOST_FRAMES = 200;

const TITLES = { client: "Client to server", server: "Server to client" } as const;
const ARROWS = { client: "→", server: "←" } as const;

let lists = 0;

export class FrameList {
  readonly #list: HTMLElement;
  readonly #detail: HTMLElement;
  readonly #dropped: HTMLElement;
  readonly #name = `frames-${++lists}`;
  #droppedCount = 0;
  /** Whether the newest frame is shown: until somebody chooses one. */
  #follows = true;

  /**
   * @param list - where the rows go.
   * @param detail - where the chosen frame is shown.
   * @param dropped - where it is said how many are not listed any more.
   */
  constructor(list: HTMLElement, detail: HTMLElement, dropped: HTMLElement) {
    this.#list = list;
    this.#detail = detail;
    this.#dropped = dropped;
  }

  clear(): void {
    this.#list.replaceChildren();
    this.#detail.replaceChildren();
    this.#dropped.textContent = "";
    this.#droppedCount = 0;
    this.#follows = true;
  }

  get length(): number {
    return this.#list.childElementCount;
  }

  add(frames: readonly Frame[], sender: Sender): void {
    const shown = frames.slice(-MOST_FRAMES);
    this.#droppedCount += frames.length - shown.length;
    const isAtEnd = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 40;
    for (const frame of shown) this.#list.append(this.#row(frame, sender));
    while (this.#list.childElementCount > MOST_FRAMES) {
      this.#list.firstElementChild?.remove();
      this.#droppedCount++;
    }
    if (this.#droppedCount > 0) {
      const count = this.#droppedCount.toLocaleString("en");
      this.#dropped.textContent = `The last ${MOST_FRAMES} frames; ${count} before them were dropped.`;
    }
    if (isAtEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** Radio buttons: one stop of the Tab key, and the arrow keys go through the frames. */
  #row(frame: Frame, sender: Sender): HTMLElement {
    const { header, bytes, violation, missing } = frame;
    const radio = make("input", { type: "radio", name: this.#name });
    const show = () => this.#detail.replaceChildren(...frameDetail(frame, sender ? TITLES[sender] : "Frame"));
    radio.addEventListener("change", () => {
      this.#follows = false;
      show();
    });
    const flags = [
      header.fin ? "FIN" : "",
      ...header.rsv.map((set, i) => (set ? `RSV${i + 1}` : "")),
      header.masked ? "MASK" : "",
    ];
    const state = violation ? violation.code : missing > 0n ? "incomplete" : "";
    const row = make(
      "label",
      { class: `row ${sender ?? ""}${violation ? " broken" : ""}` },
      radio,
      make("span", { class: "arrow", title: sender && TITLES[sender] }, sender ? ARROWS[sender] : "·"),
      make("span", { class: "opcode" }, opcodeName(header.opcode)),
      make("span", { class: "flags" }, flags.filter(Boolean).join(" ")),
      make("span", { class: "length" }, `${bytes.length.toLocaleString("en")} B`),
      make("span", { class: "preview" }, state === "" ? previewOf(frame) : state),
    );
    if (this.#follows) {
      radio.checked = true;
      show();
      // What is wrong stays in view when frames follow.
      if (violation !== undefined) this.#follows = false;
    }
    return row;
  }
}
