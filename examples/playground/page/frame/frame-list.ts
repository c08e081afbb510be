/** A list of frames of which one is looked at: the last ones, newest at the end. */

import type { Role } from "hawser/codec";
import { make } from "../dom.js";
import { opcodeName, previewOf } from "./describe.js";
import { frameDetail } from "./frame-detail.js";
import type { Frame } from "./frame-stream.js";

/** How many are listed, and how many bytes they may have; the newest is listed however long it is. */
export const MOST_FRAMES = 200;
const MOST_BYTES = 1 << 25;

/** Pixels from the end that count as being there. */
const NEAR_END = 40;

const TITLES = { client: "Client to server", server: "Server to client" } as const;
const ARROWS = { client: "→", server: "←" } as const;

let lists = 0;

export class FrameList {
  readonly #list: HTMLElement;
  readonly #detail: HTMLElement;
  readonly #dropped: HTMLElement;
  readonly #name = `frames-${++lists}`;
  #droppedCount = 0;
  /** Bytes of each frame that is listed, and of all. */
  #lengths: number[] = [];
  #total = 0;
  /** Whether the newest frame is shown: until the user chooses one. */
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
    this.#lengths = [];
    this.#total = 0;
    this.#follows = true;
  }

  /**
   * @param senderOf - who sent a frame.
   * @param before - how many came before these, and are not to be listed.
   */
  add(frames: readonly Frame[], senderOf: (frame: Frame) => Role, before = 0): void {
    const isAtEnd = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < NEAR_END;
    const shown = frames.slice(-MOST_FRAMES);
    for (const frame of shown) {
      this.#list.append(this.#row(frame, senderOf(frame)));
      this.#lengths.push(frame.bytes.length);
      this.#total += frame.bytes.length;
    }
    this.#drop(before + frames.length - shown.length);
    const newest = shown.at(-1);
    if (this.#follows && newest !== undefined) {
      // A violation stays in view.
      const broken = shown.findIndex(({ violation }) => violation !== undefined);
      this.#follows = broken < 0;
      const frame = shown[broken] ?? newest;
      const row = this.#list.children[this.#list.childElementCount - shown.length + shown.indexOf(frame)];
      const radio = row?.querySelector("input");
      if (radio) radio.checked = true;
      this.#show(frame, senderOf(frame));
    }
    if (isAtEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** @param unlisted - how many were dropped before they were listed. */
  #drop(unlisted: number): void {
    this.#droppedCount += unlisted;
    const isTooMuch = () => this.#lengths.length > MOST_FRAMES || this.#total > MOST_BYTES;
    while (isTooMuch() && this.#lengths.length > 1) {
      this.#list.firstElementChild?.remove();
      this.#total -= this.#lengths.shift() as number;
      this.#droppedCount++;
    }
    if (this.#droppedCount === 0) return;
    const count = this.#droppedCount.toLocaleString("en");
    this.#dropped.textContent = `The last ${this.#lengths.length} frames; ${count} before them were dropped.`;
  }

  #show(frame: Frame, sender: Role): void {
    this.#detail.replaceChildren(...frameDetail(frame, TITLES[sender]));
  }

  /** Radio buttons: one stop of the Tab key, and the arrow keys go through the frames. */
  #row(frame: Frame, sender: Role): HTMLElement {
    const { header, bytes, violation, missing } = frame;
    const radio = make("input", { type: "radio", name: this.#name });
    radio.addEventListener("change", () => {
      this.#follows = false;
      this.#show(frame, sender);
    });
    const flags = [
      header.fin ? "FIN" : "",
      ...header.rsv.map((set, i) => (set ? `RSV${i + 1}` : "")),
      header.masked ? "MASK" : "",
    ];
    const state = violation ? violation.code : missing > 0n ? "incomplete" : "";
    return make(
      "label",
      { class: `row ${sender}${violation ? " broken" : ""}` },
      radio,
      make("span", { class: "arrow", title: TITLES[sender] }, ARROWS[sender]),
      make("span", { class: "opcode" }, opcodeName(header.opcode)),
      make("span", { class: "flags" }, flags.filter(Boolean).join(" ")),
      make("span", { class: "length" }, `${bytes.length.toLocaleString("en")} B`),
      make("span", { class: "preview" }, state === "" ? previewOf(frame) : state),
    );
  }
}
