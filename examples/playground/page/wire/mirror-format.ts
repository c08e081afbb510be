/** The format of /mirror: notes as JSON, and the bytes of a connection behind a byte that says who sent them. */

export const FROM_CLIENT = 0;
export const FROM_SERVER = 1;

export type MirrorNote =
  /** What to connect with: /echo?mirror=<id>. */
  | { readonly note: "id"; readonly id: string }
  | { readonly note: "request" | "response"; readonly head: string }
  /** The page did not keep up: later bytes of that connection are not shown. */
  | { readonly note: "lost" }
  | { readonly note: "end" };
