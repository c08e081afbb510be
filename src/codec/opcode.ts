/** Opcodes (RFC 6455 §5.2, §11.8). */

/** The six opcodes that RFC 6455 defines; every other value is reserved. */
export const Opcode = {
  Continuation: 0x0,
  Text: 0x1,
  Binary: 0x2,
  Close: 0x8,
  Ping: 0x9,
  Pong: 0xa,
} as const;

export type Opcode = (typeof Opcode)[keyof typeof Opcode];

/**
 * Whether an opcode is that of a control frame: "Control frames are identified by opcodes where the most
 * significant bit of the opcode is 1" (§5.5). Reserved control opcodes count too.
 */
export function isControl(opcode: number): boolean {
  return (opcode & 0x8) !== 0;
}
