/**
 * Stands in for Buffer in tests that run where there is none, by hand. Tests name it as they would name Node's;
 * the codec, which looks for a global one, finds none.
 */

type Encoding = "utf8" | "latin1" | "hex" | "utf16le";

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function decode(bytes: Uint8Array, encoding: Encoding): string {
  switch (encoding) {
    case "hex": {
      let text = "";
      for (let i = 0; i < bytes.length; i++) text += HEX[bytes[i]];
      return text;
    }
    case "latin1": {
      let text = "";
      for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]);
      return text;
    }
    case "utf16le": {
      let text = "";
      for (let i = 0; i + 1 < bytes.length; i += 2)
        text += String.fromCharCode(bytes[i] | (bytes[i + 1] << 8));
      return text;
    }
    case "utf8":
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  }
}

class PortableBuffer extends Uint8Array {
  static override from(value: unknown, ...rest: unknown[]): PortableBuffer {
    if (typeof value === "string") {
      if (rest[0] !== undefined && rest[0] !== "utf8") throw new TypeError(`no encoding ${rest[0]} here`);
      return PortableBuffer.from(new TextEncoder().encode(value));
    }
    // Of any realm.
    if (Object.prototype.toString.call(value) === "[object ArrayBuffer]") {
      return new PortableBuffer(
        value as ArrayBuffer,
        rest[0] as number | undefined,
        rest[1] as number | undefined,
      );
    }
    const bytes = value as ArrayLike<number>;
    const copy = new PortableBuffer(bytes.length);
    copy.set(bytes);
    return copy;
  }

  static alloc(length: number, fill: number | string = 0): PortableBuffer {
    return new PortableBuffer(length).fill(typeof fill === "string" ? fill.charCodeAt(0) : fill);
  }

  static allocUnsafeSlow(length: number): PortableBuffer {
    return new PortableBuffer(length);
  }

  static concat(parts: readonly Uint8Array[], length = parts.reduce((sum, part) => sum + part.length, 0)) {
    const whole = new PortableBuffer(length);
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  static isBuffer(value: unknown): boolean {
    return value instanceof PortableBuffer;
  }

  static compare(a: Uint8Array, b: Uint8Array): -1 | 0 | 1 {
    const common = Math.min(a.length, b.length);
    for (let i = 0; i < common; i++) if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
    return a.length === b.length ? 0 : a.length < b.length ? -1 : 1;
  }

  equals(other: Uint8Array): boolean {
    return PortableBuffer.compare(this, other) === 0;
  }

  override includes(wanted: number | string): boolean {
    if (typeof wanted === "number") return super.includes(wanted);
    return decode(this, "latin1").includes(decode(PortableBuffer.from(wanted), "latin1"));
  }

  override toString(encoding: Encoding = "utf8"): string {
    return decode(this, encoding);
  }

  write(text: string, encoding: "utf16le"): void {
    if (encoding !== "utf16le") throw new TypeError(`no encoding ${encoding} here`);
    for (let i = 0; i < text.length; i++) this.writeUInt16LE(text.charCodeAt(i), 2 * i);
  }

  writeUInt16LE(value: number, at: number): void {
    new DataView(this.buffer, this.byteOffset).setUint16(at, value, true);
  }

  writeUInt32LE(value: number, at: number): void {
    new DataView(this.buffer, this.byteOffset).setUint32(at, value, true);
  }

  writeFloatLE(value: number, at: number): void {
    new DataView(this.buffer, this.byteOffset).setFloat32(at, value, true);
  }
}

export { PortableBuffer as Buffer };

/** The oracle of the tests of UTF-8: what the host itself takes for text. */
export function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
