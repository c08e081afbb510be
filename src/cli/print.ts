/** Text for a terminal: text from outside must not control it. And colours, if they are wanted. */

import { styleText } from "node:util";
import type { Output, Shell } from "./shell.js";

/**
 * Control characters, among them the escape that begins a terminal's commands and the C1 ones that do so in
 * one character; characters that reverse the direction of writing, so that a line looks different; and
 * Unicode's own line ends.
 */
const UNSAFE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** A text as one line that moves no cursor: control characters become `\x1b` or `\u202e`. Tabs stay. */
export function escapeLine(text: string): string {
  return text.replace(UNSAFE, (character) => {
    if (character === "\t") return character;
    const code = character.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  });
}

/** The indentation of all lines of a text but the first, so that none of them looks like one of ours. */
const INDENT = "  ";

/** A text of several lines, each escaped by `escapeLine`, all but the first indented. */
export function escapeLines(text: string): string {
  return text.includes("\n") ? text.split("\n").map(escapeLine).join(`\n${INDENT}`) : escapeLine(text);
}

/** "1 byte", "1,234 bytes". */
export function count(amount: number, unit: string): string {
  return `${amount.toLocaleString("en")} ${unit}${amount === 1 ? "" : "s"}`;
}

export type Style = "bold" | "dim" | "red" | "green" | "cyan" | "yellow";

/** Writes text in a style, or plainly. */
export type Paint = (style: Style, text: string) => string;

/** Whether colours are wanted: on a terminal that has them, unless NO_COLOR (https://no-color.org) is set. */
export function wantsColour(output: Output, env: Shell["env"]): boolean {
  return output.isTTY === true && (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb";
}

/** It does not escape: escape texts before. */
export function painter(output: Output, env: Shell["env"]): Paint {
  if (!wantsColour(output, env)) return (_, text) => text;
  // Whether the output is a terminal is known here; Node would look at the process's own.
  return (style, text) => styleText(style, text, { validateStream: false });
}

/** What JSON consists of: strings, punctuation, and all between. */
const JSON_TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/**
 * JSON with a line for each member, numbers and strings as they came but for what would control a terminal. Undefined
 * for a text that is not JSON.
 */
export function prettyJson(text: string, paint: Paint): string | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  const tokens = escapeLine(text.replaceAll(/[\r\n]/g, " ")).match(JSON_TOKEN) ?? [];
  let depth = 0;
  let shown = "";
  const newLine = () => `\n${"  ".repeat(depth)}`;
  for (const [i, token] of tokens.entries()) {
    if (token === "{" || token === "[") {
      depth++;
      const isEmpty = tokens[i + 1] === "}" || tokens[i + 1] === "]";
      shown += isEmpty ? token : token + newLine();
    } else if (token === "}" || token === "]") {
      depth--;
      const isEmpty = tokens[i - 1] === "{" || tokens[i - 1] === "[";
      shown += isEmpty ? token : newLine() + token;
    } else if (token === ",") shown += `,${newLine()}`;
    else if (token === ":") shown += ": ";
    else if (!token.startsWith('"')) shown += paint("yellow", token);
    else shown += paint(tokens[i + 1] === ":" ? "cyan" : "green", token);
  }
  return shown;
}
