/** One frame in full: its header as RFC 6455 §5.2 draws it, each field's meaning, its payload. */

import { make } from "../dom.js";
import { countBytes, fieldsOf, isDataFrame, opcodeName, textOf } from "./describe.js";
import type { Frame, Violation } from "./frame-stream.js";
import { type Box, boxesOf } from "./header.js";
import { hexView } from "./hex-view.js";

const MOST_TEXT = 4096;
const BITS_PER_LINE = 32;

/** Everything about a frame. `title` says where it comes from. */
export function frameDetail(frame: Frame, title: string): HTMLElement[] {
  const { header, bytes, payload, inflated, violation, missing } = frame;
  const wrong = violation && violation.offset - frame.offset;
  const parts: HTMLElement[] = [
    make("h3", {}, `${title}: ${opcodeName(header.opcode)}, ${countBytes(bytes.length)}`),
  ];
  if (violation !== undefined) parts.push(violationNote(violation, wrong as number));
  if (missing > 0n) parts.push(make("p", { class: "note" }, `${countBytes(missing)} of it are not there`));

  parts.push(headerDrawing(boxesOf(header, bytes), wrong), fieldTable(frame));

  const boxes = boxesOf(header, bytes);
  const classOf = (index: number) => boxes.find(({ start, bits }) => start + bits.length > index * 8)?.field;
  const label = header.maskingKey === undefined ? "On the wire" : "On the wire, masked";
  parts.push(make("h4", {}, label), hexView(bytes, { label, wrong, classOf }));

  const inPayload = wrong !== undefined && wrong >= header.length ? wrong - header.length : undefined;
  if (header.maskingKey !== undefined && payload.length > 0) {
    parts.push(
      make("h4", {}, "Payload, unmasked"),
      hexView(payload, { label: "Payload, unmasked", wrong: inPayload }),
    );
  }
  if (inflated !== undefined) {
    const change = `Payload, decompressed: ${countBytes(payload.length)} became ${countBytes(inflated.length)}`;
    parts.push(make("h4", {}, change), hexView(inflated.bytes, { label: change }));
  }
  const text = inflated?.bytes ?? payload;
  if (text.length > 0 && (frame.message === "text" || !isDataFrame(header.opcode)))
    parts.push(...textView(frame, text));
  return parts;
}

function violationNote({ code, closeCode, message, offset, rule }: Violation, inFrame: number): HTMLElement {
  return make(
    "div",
    { class: "violation" },
    make(
      "p",
      {},
      make("strong", {}, `Byte ${inFrame} of this frame breaks a rule. `),
      `${rule.section}: ${rule.text}`,
    ),
    make(
      "p",
      {},
      make("code", {}, code),
      ` · close code ${closeCode} · byte ${offset.toLocaleString("en")} of the stream · “${message}”`,
    ),
    make("p", { class: "note" }, "Nothing behind that byte is decoded."),
  );
}

/** A list in the shape of the RFC's drawing: who hears it gets name and bits of one field after the other. */
function headerDrawing(boxes: readonly Box[], wrong: number | undefined): HTMLElement {
  const scale = make("div", { class: "scale", "aria-hidden": "true" });
  for (let bit = 0; bit < BITS_PER_LINE; bit++) scale.append(make("span", {}, String(bit % 10)));
  const list = make("ol", { class: "bits", "aria-label": "Header, bit by bit" });
  for (const { field, name, start, bits, isContinued } of boxes) {
    const end = start + bits.length;
    const isWrong = wrong !== undefined && start < (wrong + 1) * 8 && end > wrong * 8;
    const box = make(
      "li",
      { class: `box ${field}${isWrong ? " wrong" : ""}` },
      make("span", { class: "name" }, isContinued ? `${name}, continued` : name),
      make("span", { class: "digits" }, ...[...bits].map((bit) => make("span", {}, bit))),
    );
    box.style.gridColumn = `${(start % BITS_PER_LINE) + 1} / span ${bits.length}`;
    list.append(box);
  }
  return make("div", { class: "drawing" }, scale, list);
}

function fieldTable(frame: Frame): HTMLElement {
  const rows = fieldsOf(frame).map(({ name, value, meaning, section }) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, name),
      make("td", {}, make("code", {}, value)),
      make("td", {}, meaning),
      make("td", {}, `§${section}`),
    ),
  );
  const head = ["Field", "Value", "Meaning", "RFC 6455"].map((text) => make("th", { scope: "col" }, text));
  return make(
    "table",
    { class: "fields" },
    make("thead", {}, make("tr", {}, ...head)),
    make("tbody", {}, ...rows),
  );
}

function textView({ header }: Frame, bytes: Uint8Array): HTMLElement[] {
  // A Close begins with its code.
  const text = textOf(header.opcode === 0x8 ? bytes.subarray(2) : bytes);
  if (text === "") return [];
  const shown = text.slice(0, MOST_TEXT);
  const cut = text.length > shown.length ? `, the first ${MOST_TEXT} characters` : "";
  return [
    make("h4", {}, `As text${cut}`),
    make("pre", { class: "text", tabindex: "0", role: "group", "aria-label": "As text" }, shown),
  ];
}
