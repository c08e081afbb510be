/**
 * Shows a conversation. Standard output has received messages and nothing else: on a terminal behind a mark and with
 * nothing that controls it, through a pipe as they came. All else goes to standard error.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isValidUtf8 } from "../codec/index.js";
import { UsageError } from "./options.js";
import { count, escapeLine, escapeLines, type Paint, painter, prettyJson } from "./print.js";
import type { Output, Shell } from "./shell.js";

/** How binary messages are shown. */
export type BinaryAs =
  | { readonly form: "hex" | "base64" | "raw" }
  /** Each becomes a file of its own in this folder. */
  | { readonly form: "file"; readonly folder: string };

/** Parses `--binary`. */
export function binaryAs(text: string): BinaryAs {
  if (text === "hex" || text === "base64" || text === "raw") return { form: text };
  const [form, folder] = text.split(/:(.*)/s);
  if (form === "file" && folder !== "") return { form, folder: folder ?? "." };
  throw new UsageError(`--binary must be hex, base64, raw, file or file:FOLDER, not "${text}"`);
}

export type Direction = "<" | ">";

/** The mark of a direction, in words for where no terminal is. */
const WORDS = { "<": "received", ">": "sent" } as const;

/** A line that is being typed, which must not be written over. */
export interface Prompt {
  /** Removes it from the screen. */
  hide(): void;
  /** Puts it back, with the text typed so far. */
  show(): void;
}

export interface DisplayOptions {
  readonly binary: BinaryAs;
  /** Show text that is JSON with a line for each member, on a terminal. */
  readonly json?: boolean | undefined;
  /** Show no notes and no control frames. */
  readonly quiet?: boolean | undefined;
}

/** Writes a conversation. */
export class Display {
  /** Set while a user types. */
  prompt: Prompt | undefined;
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #paint: Paint;
  readonly #paintError: Paint;
  readonly #options: DisplayOptions;
  #files = 0;

  constructor(shell: Shell, options: DisplayOptions) {
    this.#stdout = shell.stdout;
    this.#stderr = shell.stderr;
    this.#paint = painter(shell.stdout, shell.env);
    this.#paintError = painter(shell.stderr, shell.env);
    this.#options = options;
  }

  /** A message that came. `from` names its sender, where there are several. */
  received(data: string | Uint8Array, from = ""): void {
    const { form } = this.#options.binary;
    if (form === "raw") this.#write(this.#stdout, data);
    else if (this.#stdout.isTTY !== true) {
      this.#write(this.#stdout, `${typeof data === "string" ? data : this.#bytes(data)}\n`);
    } else {
      const mark = this.#paint("cyan", "<");
      const sender = from === "" ? "" : `${this.#paint("dim", from)} `;
      this.#write(
        this.#stdout,
        `${sender}${mark} ${typeof data === "string" ? this.#text(data) : this.#binary(data)}\n`,
      );
    }
  }

  /** A message that went, for a terminal that has not shown it as it was typed. */
  sent(data: string | Uint8Array): void {
    if (this.#stderr.isTTY !== true) return;
    const text =
      typeof data === "string"
        ? escapeLines(data)
        : this.#paintError("dim", `[binary] ${count(data.length, "byte")}`);
    this.#say(`${this.#paintError("green", ">")} ${text}`);
  }

  /** A control frame that came or went. */
  control(direction: Direction, name: "ping" | "pong" | "close", detail: string): void {
    const isTerminal = this.#stderr.isTTY === true;
    const mark = isTerminal
      ? this.#paintError(direction === "<" ? "cyan" : "green", direction)
      : WORDS[direction];
    const label = isTerminal ? `[${name}]` : name;
    this.#say(
      `${mark} ${this.#paintError("dim", `${label}${detail === "" ? "" : ` ${escapeLine(detail)}`}`)}`,
    );
  }

  /** A note that is not part of the conversation. May have several lines; is ours, so it is not escaped. */
  note(text: string): void {
    this.#say(text);
  }

  /** An answer to a question of the user's, or output that --debug asks for: shown even if all is to be quiet. */
  answer(text: string): void {
    this.#write(this.#stderr, `${text}\n`);
  }

  /** An error. */
  problem(text: string): void {
    this.answer(this.#paintError("red", escapeLines(text)));
  }

  #say(text: string): void {
    if (this.#options.quiet !== true) this.answer(text);
  }

  #write(output: Output, data: string | Uint8Array): void {
    this.prompt?.hide();
    output.write(data);
    this.prompt?.show();
  }

  #text(text: string): string {
    const pretty = this.#options.json === true ? prettyJson(text, this.#paint) : undefined;
    return pretty === undefined ? escapeLines(text) : pretty.replaceAll("\n", "\n  ");
  }

  #binary(bytes: Uint8Array): string {
    return `${this.#paint("dim", `[binary] ${count(bytes.length, "byte")}:`)} ${escapeLine(this.#bytes(bytes))}`;
  }

  /** Bytes in hex or base64, or the name of the file that has them now. */
  #bytes(bytes: Uint8Array): string {
    const { binary } = this.#options;
    if (binary.form === "file") return this.#save(bytes, binary.folder);
    const { buffer, byteOffset, length } = bytes;
    return Buffer.from(buffer, byteOffset, length).toString(binary.form === "base64" ? "base64" : "hex");
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
