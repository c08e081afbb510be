/** A frame in words: what its fields say, and a line about the whole. */

import { decodeCloseBody, Opcode } from "hawser/codec";
import { formatHex } from "../decode/hex.js";
import type { Frame } from "./frame-stream.js";
import type { Header } from "./header.js";

/** A row of the table of fields. */
export interface Field {
  readonly name: string;
  readonly value: string;
  readonly meaning: string;
  /** Of RFC 6455. */
  readonly section: string;
}

const OPCODES: Readonly<Record<number, string>> = {
  [Opcode.Continuation]: "continuation",
  [Opcode.Text]: "text",
  [Opcode.Binary]: "binary",
  [Opcode.Close]: "close",
  [Opcode.Ping]: "ping",
  [Opcode.Pong]: "pong",
};

const PREVIEW_LENGTH = 60;

export function opcodeName(opcode: number): string {
  return OPCODES[opcode] ?? `reserved 0x${opcode.toString(16)}`;
}

export function isDataFrame(opcode: number): boolean {
  return opcode <= Opcode.Binary;
}

/** "1 byte", "5 bytes". */
export function countBytes(count: number | bigint): string {
  return `${count.toLocaleString("en")} ${BigInt(count) === 1n ? "byte" : "bytes"}`;
}

export function fieldsOf({ header, message, inflated }: Frame): Field[] {
  const { fin, rsv, opcode, masked, maskingKey, payloadLength } = header;
  const bit = (set: boolean) => (set ? "1" : "0");
  const isFirst = opcode === Opcode.Text || opcode === Opcode.Binary;
  const compressed =
    isFirst && inflated !== undefined ? "the message is compressed (RFC 7692 §6)" : "set, without a meaning";
  const fields: Field[] = [
    {
      name: "FIN",
      value: bit(fin),
      meaning: fin ? "the last frame of its message" : "more fragments follow",
      section: "5.4",
    },
    {
      name: "RSV1",
      value: bit(rsv[0]),
      meaning: rsv[0] ? compressed : "no extension uses it",
      section: "5.2",
    },
    {
      name: "RSV2",
      value: bit(rsv[1]),
      meaning: rsv[1] ? "set, without a meaning" : "no extension uses it",
      section: "5.2",
    },
    {
      name: "RSV3",
      value: bit(rsv[2]),
      meaning: rsv[2] ? "set, without a meaning" : "no extension uses it",
      section: "5.2",
    },
    {
      name: "opcode",
      value: `0x${opcode.toString(16)}`,
      meaning: opcodeMeaning(opcode, message),
      section: opcode < Opcode.Close ? "5.6" : "5.5",
    },
  ];
  if (masked === undefined) return fields;
  fields.push({
    name: "MASK",
    value: bit(masked),
    meaning: masked ? "masked, as every frame of a client" : "not masked, as every frame of a server",
    section: "5.1",
  });
  fields.push({
    name: "Payload len",
    value: String(header.length7),
    meaning: lengthMeaning(header),
    section: "5.2",
  });
  if (header.extendedLength > 0 && payloadLength !== undefined) {
    const bits = header.extendedLength * 8;
    fields.push({
      name: "Extended payload length",
      value: payloadLength.toLocaleString("en"),
      meaning: `${bits} bits, most significant byte first`,
      section: "5.2",
    });
  }
  if (maskingKey !== undefined) {
    fields.push({
      name: "Masking-key",
      value: formatHex(maskingKey),
      meaning: "byte i of the payload is XORed with byte i mod 4 of it",
      section: "5.3",
    });
  }
  return fields;
}

function opcodeMeaning(opcode: number, message: Frame["message"]): string {
  if (opcode === Opcode.Continuation) {
    return message === undefined ? "continuation, of nothing" : `continuation of a ${message} message`;
  }
  return opcodeName(opcode);
}

function lengthMeaning({ extendedLength, length7 }: Header): string {
  return extendedLength === 0
    ? countBytes(length7 as number)
    : `the length stands in the ${extendedLength} bytes that follow`;
}

/** What the frame carries, in a line. */
export function previewOf(frame: Frame): string {
  const { header, payload, message, inflated, violation } = frame;
  if (header.opcode === Opcode.Close && violation === undefined && frame.missing === 0n) {
    const { code, reason } = decodeCloseBody(payload);
    return code === undefined ? "no code" : `${code} ${reason}`.trim();
  }
  const bytes = inflated?.bytes ?? payload;
  const isText = message === "text" || (header.opcode > Opcode.Close && isPrintable(bytes));
  const shown = isText
    ? textOf(bytes.subarray(0, PREVIEW_LENGTH * 4)).slice(0, PREVIEW_LENGTH)
    : formatHex(bytes.subarray(0, PREVIEW_LENGTH / 3));
  const isWhole = bytes.length <= (isText ? PREVIEW_LENGTH : PREVIEW_LENGTH / 3);
  return isWhole ? shown : `${shown}…`;
}

function isPrintable(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
}

/** Bytes as text; invalid or cut UTF-8 is shown as U+FFFD. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
