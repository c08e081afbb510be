/** The section Decode: hex that is pasted, a file that is chosen or dropped. */

import type { Role } from "hawser/codec";
import { byId, chosen, make } from "../dom.js";
import { countBytes } from "../frame/describe.js";
import { FrameList, MOST_FRAMES } from "../frame/frame-list.js";
import type { Frame } from "../frame/frame-stream.js";
import { decodeCapture } from "./decode.js";
import { EXAMPLES, type Example } from "./examples.js";
import { formatHex, parseCapture, parseHex } from "./hex.js";

/** A file that is longer is decoded, but its hex is not put into the field. */
const MOST_SHOWN = 64 << 10;
const MOST_READ = 16 << 20;

/** Who sent a frame that this side reads; where either may, its mask tells. */
function senderOf({ header }: Frame, reader: Role | "any"): Role {
  if (reader === "any") return header.masked === true ? "client" : "server";
  return reader === "server" ? "client" : "server";
}

const section = byId("decode", HTMLElement);
const form = byId("decode-form", HTMLFormElement);
const field = byId("hex", HTMLTextAreaElement);
const fileInput = byId("capture", HTMLInputElement);
const compressed = byId("decode-compressed", HTMLInputElement);
const summary = byId("decode-summary", HTMLElement);

export class DecodeView {
  readonly #list = new FrameList(
    byId("decode-frames", HTMLElement),
    byId("decode-detail", HTMLElement),
    byId("decode-dropped", HTMLElement),
  );
  /** The bytes of a file that is too long for the field, until the user edits the field. */
  #file: Uint8Array | undefined = undefined;

  constructor() {
    const select = byId("example", HTMLSelectElement);
    select.append(...EXAMPLES.map(({ name }, i) => make("option", { value: String(i) }, name)));
    select.addEventListener("change", () => this.#load(EXAMPLES[Number(select.value)]));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#decode();
    });
    form.addEventListener("change", (event) => {
      if (event.target !== select && event.target !== fileInput) this.#decode();
    });
    field.addEventListener("input", () => {
      this.#file = undefined;
    });
    fileInput.addEventListener("change", () => {
      const file = fileInput.files?.[0];
      if (file !== undefined) void this.#read(file);
    });
    this.#listenForDrops();
    this.#load(EXAMPLES[0]);
  }

  /** On the whole page: beside this section, too, a browser would leave the page for the file. */
  #listenForDrops(): void {
    document.addEventListener("dragover", (event) => {
      // Text goes where it is dropped.
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      section.classList.add("dropping");
    });
    document.addEventListener("dragleave", () => section.classList.remove("dropping"));
    document.addEventListener("drop", (event) => {
      section.classList.remove("dropping");
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      section.scrollIntoView({ block: "nearest" });
      const [file] = event.dataTransfer.files;
      if (file !== undefined) void this.#read(file);
    });
  }

  #load({ hex, reader, isCompressed = false }: Example): void {
    field.value = hex;
    this.#file = undefined;
    compressed.checked = isCompressed;
    for (const radio of form.querySelectorAll<HTMLInputElement>("input[name=reader]")) {
      radio.checked = radio.value === reader;
    }
    this.#decode();
  }

  async #read(file: File): Promise<void> {
    if (file.size > MOST_READ) {
      // The summary is only about the new capture.
      this.#file = undefined;
      field.value = "";
      this.#list.clear();
      this.#say(
        `${file.name} has ${countBytes(file.size)}: more than ${countBytes(MOST_READ)} are not read.`,
      );
      return;
    }
    const bytes = parseCapture(new Uint8Array(await file.arrayBuffer()));
    this.#file = bytes;
    field.value =
      bytes.length <= MOST_SHOWN ? formatHex(bytes) : `# ${countBytes(bytes.length)} of ${file.name}`;
    this.#decode();
  }

  #decode(): void {
    const bytes = this.#file ?? parseHex(field.value);
    this.#list.clear();
    if (!(bytes instanceof Uint8Array)) {
      this.#say(`Line ${bytes.line}, column ${bytes.column}: ${bytes.message}.`);
      return;
    }
    const reader = chosen(form, "reader") as Role | "any";
    const { frames, count, summary: said } = decodeCapture(bytes, reader, compressed.checked, MOST_FRAMES);
    this.#list.add(frames, (frame) => senderOf(frame, reader), count - frames.length);
    this.#say(said);
  }

  #say(text: string): void {
    summary.textContent = text;
  }
}
