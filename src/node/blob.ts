/** Blobs among the messages to send: their bytes come later, and reading them may fail. */

import { type PreparedMessage, prepareMessage, toBytes } from "../protocol/index.js";

/** As much of a Blob or a File as is used, so that those of any make will do. */
export type BlobLike = Pick<Blob, "size" | "arrayBuffer">;

export function isBlob(data: unknown): data is BlobLike {
  if (typeof data !== "object" || data === null) return false;
  const { size, arrayBuffer } = data as Partial<BlobLike>;
  return typeof arrayBuffer === "function" && Number.isSafeInteger(size) && (size as number) >= 0;
}

/** The bytes of a Blob. Rejects, and never throws, where it does not give any. */
export async function readBlob(blob: BlobLike): Promise<Uint8Array> {
  const bytes: unknown = await blob.arrayBuffer();
  return toBytes(bytes, "a Blob that gives bytes");
}

/** A Blob that goes to many connections: read and encoded once, when the first of them wants it. */
export class SharedBlob implements BlobLike {
  readonly size: number;
  readonly #blob: BlobLike;
  readonly #type: "text" | "binary";
  #message: Promise<PreparedMessage> | undefined = undefined;

  constructor(blob: BlobLike, type: "text" | "binary" = "binary") {
    this.size = blob.size;
    this.#blob = blob;
    this.#type = type;
  }

  get message(): Promise<PreparedMessage> {
    this.#message ??= readBlob(this.#blob).then((bytes) => prepareMessage(bytes, { type: this.#type }));
    return this.#message;
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return this.#blob.arrayBuffer();
  }
}
