/** What is measured: `dist/`, as users get it. `../hawser.ts` says why not `src/`. */

export interface HawserMessage {
  readonly type: string;
  readonly data: string | Uint8Array;
}

export interface HawserConnection {
  send(data: string | Uint8Array, options?: { type?: "text" | "binary" }): boolean;
}

export interface HawserServer {
  readonly port: number;
  broadcast(data: string | Uint8Array): number;
}

export interface Hawser {
  serve(options: {
    hostname?: string;
    port?: number;
    borrow?: boolean;
    text?: "string" | "bytes";
    message?(connection: HawserConnection, message: HawserMessage): void;
    error?(): void;
  }): Promise<HawserServer>;
}

const DOOR = new URL("../../dist/index.js", import.meta.url).href;

/** Imported when it is asked for: the other rivals' processes do not hold it. */
export async function hawser(): Promise<Hawser> {
  return (await import(DOOR)) as Hawser;
}

/** Whether dist/ has servers. */
export async function hasServe(): Promise<boolean> {
  return typeof (await hawser()).serve === "function";
}
