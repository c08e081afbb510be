/** The two sides of a connection (RFC 6455 §1.3). */

/** Which side we are. */
export type Role = "client" | "server";
