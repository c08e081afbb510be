/** A hex dump as elements: offsets, bytes, text; one byte marked, if one is wrong. */

import { make } from "../dom.js";
import { countBytes } from "./describe.js";
import { asciiOf, type HexRow, hexRows, ROW_LENGTH } from "./hex-rows.js";

const MOST_ROWS = 64;

export interface HexViewOptions {
  readonly label: string;
  /** The byte that broke a rule. */
  readonly wrong?: number | undefined;
  /** What colours a byte: a class, by its place. */
  readonly classOf?: (index: number) => string | undefined;
}

export function hexView(bytes: Uint8Array, { label, wrong, classOf }: HexViewOptions): HTMLElement {
  const { before, rows, behind } = hexRows(bytes, MOST_ROWS, wrong);
  // One line alone is as short as it may be; of several the texts stand below each other.
  const columns = rows.length > 1 ? ROW_LENGTH : (rows[0]?.bytes.length ?? 0);
  const lines = rows.map((row) => hexLine(row, columns, wrong, classOf));
  // It may be wider than the page is, and then scrolls: also by keyboard.
  const dump = make("pre", { class: "hex", tabindex: "0", role: "group", "aria-label": label }, ...lines);
  return make(
    "div",
    {},
    before > 0 ? make("p", { class: "note" }, `${countBytes(before)} before are not shown`) : undefined,
    dump,
    behind > 0 ? make("p", { class: "note" }, `${countBytes(behind)} more are not shown`) : undefined,
  );
}

function hexLine(
  { offset, bytes }: HexRow,
  columns: number,
  wrong: number | undefined,
  classOf: HexViewOptions["classOf"],
): HTMLElement {
  const digits = make("span", { class: "bytes" });
  const text = make("span", { class: "ascii" });
  for (const [column, byte] of bytes.entries()) {
    const index = offset + column;
    const gap = column === 0 ? "" : column === ROW_LENGTH / 2 ? "  " : " ";
    const hex = byte.toString(16).padStart(2, "0");
    if (index === wrong) {
      const title = "This byte breaks a rule";
      digits.append(gap, make("mark", { title }, hex));
      text.append(make("mark", { title }, asciiOf(byte)));
    } else {
      digits.append(gap, make("span", { class: classOf?.(index) }, hex));
      text.append(make("span", { class: classOf?.(index) }, asciiOf(byte)));
    }
  }
  const width = (count: number) => count * 3 + (count > ROW_LENGTH / 2 ? 1 : 0);
  const padding = " ".repeat(width(columns) - width(bytes.length));
  const offsetText = offset.toString(16).padStart(6, "0");
  return make(
    "span",
    { class: "line" },
    make("span", { class: "offset" }, offsetText),
    "  ",
    digits,
    `${padding}  `,
    text,
    "\n",
  );
}
