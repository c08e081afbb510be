/** A message in parts of about the same length: strings between characters, never inside one. */

export function splitMessage(data: string | Uint8Array, count: number): (string | Uint8Array)[] {
  if (typeof data !== "string") return cut(data.length, count).map(([from, to]) => data.subarray(from, to));
  const characters = [...data];
  return cut(characters.length, count).map(([from, to]) => characters.slice(from, to).join(""));
}

/** No part is empty, but for the only one of an empty message. */
function cut(length: number, count: number): [from: number, to: number][] {
  const parts = Math.max(1, Math.min(count, length));
  const at = (part: number) => Math.round((part * length) / parts);
  return Array.from({ length: parts }, (_, i) => [at(i), at(i + 1)]);
}
