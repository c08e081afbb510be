/** Values as text for the logs. Two values have the same text if a user of the library cannot tell them apart. */

import { createHash } from "node:crypto";

const LONGEST = 80;

function shortened(bytes: Uint8Array): string {
  if (bytes.length <= LONGEST) return Buffer.from(bytes).toString("hex");
  return `${bytes.length} bytes, sha1 ${createHash("sha1").update(bytes).digest("hex").slice(0, 12)}`;
}

/** Ports that the system gave for this run are left out. */
export function withoutPort(text: string): string {
  return text.replace(/(127\.0\.0\.1|localhost|::1):\d{4,5}/g, "$1:<port>");
}

/** An error without its stack. */
function formatError(error: Error): string {
  const { code, errno } = error as NodeJS.ErrnoException;
  const kind =
    Object.prototype.toString.call(error) === "[object Error]" ? error.constructor.name : "not an Error";
  const message = withoutPort(error.message);
  return `${kind} ${code ?? "no code"}${errno === undefined ? "" : ` errno ${errno}`} ${JSON.stringify(message)}`;
}

/** An event of the WHATWG kind: everything that `for … in` finds. */
function formatEvent(event: object): string {
  const parts: string[] = [];
  for (const key in event) {
    const value = (event as Record<string, unknown>)[key];
    parts.push(`${key}: ${key === "target" ? (value?.constructor?.name ?? value) : format(value)}`);
  }
  return `${event.constructor.name} { ${parts.sort().join(", ")} }`;
}

export function format(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value.length > LONGEST
        ? `string of ${shortened(Buffer.from(value))}`
        : JSON.stringify(withoutPort(value));
    case "function":
      return `function ${value.name}`;
    case "object":
      break;
    default:
      return typeof value === "bigint" ? `${value}n` : String(value);
  }
  if (value === null) return "null";
  if (value instanceof Error) return formatError(value);
  if (Buffer.isBuffer(value)) return `Buffer ${shortened(value)}`;
  if (value instanceof Uint8Array) return `Uint8Array ${shortened(value)}`;
  if (value instanceof ArrayBuffer) return `ArrayBuffer ${shortened(new Uint8Array(value))}`;
  if (value instanceof Blob) return `Blob of ${value.size}, type ${JSON.stringify(value.type)}`;
  if (value instanceof Set) return `Set ${format([...value])}`;
  if (Array.isArray(value)) return `[${value.map(format).join(", ")}]`;
  if (/Event$/.test(value.constructor?.name ?? "")) return formatEvent(value);
  const entries = Object.entries(value).map(([key, member]) => `${key}: ${format(member)}`);
  return `{${entries.join(", ")}}`;
}
