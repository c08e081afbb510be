/** What the section Send needs of a client, over either transport. */

export interface MessageOptions {
  /** In how many frames; short messages go in fewer. */
  readonly fragments: number;
  /** Whether a Ping goes between two fragments. */
  readonly pingBetween: boolean;
  /** Whether to compress; undefined: as the client thinks fit. */
  readonly compress: boolean | undefined;
}

export interface Ended {
  readonly code: number;
  readonly reason: string;
}

export interface Client {
  /** What only a client that has the protocol in its own hands can do. */
  readonly frames: FrameControls | undefined;
  send(data: string | Uint8Array, options: MessageOptions): void;
  close(code: number | undefined, reason: string): void;
  /** How the connection ended; never rejected. */
  readonly closed: Promise<Ended>;
}

export interface FrameControls {
  /** Whether compression was agreed on. */
  readonly canCompress: boolean;
  ping(payload: string): void;
  pong(payload: string): void;
  /** Puts bytes on the wire as they are. */
  raw(bytes: Uint8Array): void;
}

/** Where to connect: the echo, seen by the mirror of this id. */
export function echoPath(mirror: string, compressed: boolean): string {
  return `/echo?mirror=${mirror}${compressed ? "" : "&plain"}`;
}
