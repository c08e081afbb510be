/** Shows a conversation: `<` marks received messages, `>` sent ones, and no received text controls the terminal. */

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isValidUtf8 } from "../codec/index.js";
import { UsageError } from "./options.js";
import { count, escapeLine, escapeLines, type Paint, painter } from "./print.js";
import type { Output, Shell } from "./shell.js";

/** How binary messages are shown. */
export type BinaryAs =
  | { readonly form: "hex" | "base64" }
  /** Each becomes a file of its own in this folder. */
  | { readonly form: "file"; readonly folder: string };

/** Parses `--binary-as`. */
export function binaryAs(text: string): BinaryAs {
  if (text === "hex" || text === "base64") return { form: text };
  const [form, folder] = text.split(/:(.*)/s);
  if (form === "file" && folder !== "") return { form, folder: folder ?? "." };
  throw new UsageError(`--binary-as must be hex, base64, file or file:FOLDER, not "${text}"`);
}

export type Direction = "<" | ">";

/** A line that is being typed, which must not be written over. */
export interface Prompt {
  /** Removes it from the screen. */
  hide(): void;
  /** Puts it back, with the text typed so far. */
  show(): void;
}

/** Writes a conversation to the output: a terminal, a file or a pipe. */
export class Display {
  /** Set while a user types. */
  prompt: Prompt | undefined;
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #paint: Paint;
  readonly #paintError: Paint;
  readonly #binaryAs: BinaryAs;
  #files = 0;

  constructor(shell: Shell, binaryAs: BinaryAs) {
    this.#stdout = shell.stdout;
    this.#stderr = shell.stderr;
    this.#paint = painter(shell.stdout, shell.env);
    this.#paintError = painter(shell.stderr, shell.env);
    this.#binaryAs = binaryAs;
  }

  /** A data message that came or went. */
  message(direction: Direction, data: string | Uint8Array): void {
    if (typeof data === "string") this.#line(direction, escapeLines(data));
    else if (direction === "<") this.#line(direction, this.#binary(data));
    else this.#line(direction, this.#paint("dim", `[binary] ${count(data.length, "byte")}`));
  }

  /** A control frame that came or went. */
  control(direction: Direction, name: "ping" | "pong" | "close", detail: string): void {
    this.#line(direction, this.#paint("dim", `[${name}]${detail === "" ? "" : ` ${escapeLine(detail)}`}`));
  }

  /** A note that is not part of the conversation. May have several lines; is ours, so it is not escaped. */
  note(text: string): void {
    this.#write(this.#stdout, text);
  }

  /** An error. */
  problem(text: string): void {
    this.#write(this.#stderr, this.#paintError("red", escapeLine(text)));
  }

  #line(direction: Direction, text: string): void {
    this.#write(this.#stdout, `${this.#paint(direction === "<" ? "cyan" : "green", direction)} ${text}`);
  }

  #write(output: Output, text: string): void {
    this.prompt?.hide();
    output.write(`${text}\n`);
    this.prompt?.show();
  }

  #binary(bytes: Uint8Array): string {
    const label = this.#paint("dim", `[binary] ${count(bytes.length, "byte")}:`);
    if (this.#binaryAs.form === "file")
      return `${label} ${escapeLine(this.#save(bytes, this.#binaryAs.folder))}`;
    const { buffer, byteOffset, length } = bytes;
    return `${label} ${Buffer.from(buffer, byteOffset, length).toString(this.#binaryAs.form)}`;
  }

  /** Writes a message to a file that was not there before. */
  #save(bytes: Uint8Array, folder: string): string {
    mkdirSync(folder, { recursive: true });
    for (;;) {
      const file = path.join(folder, `message-${String(++this.#files).padStart(4, "0")}.bin`);
      try {
        writeFileSync(file, bytes, { flag: "wx" });
        return file;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
    }
  }
}

/** The payload of a Ping or Pong: text if it is, else hex. */
export function payloadText(payload: Uint8Array): string {
  if (isValidUtf8(payload)) return new TextDecoder("utf-8", { ignoreBOM: true }).decode(payload);
  return `0x${Buffer.from(payload).toString("hex")}`;
}
