/** Frames that break a rule each: what no client may send to a server, and how the codec calls it. */

import { encodeFrame, Opcode, type ProtocolErrorCode } from "hawser/codec";
import { parseHex } from "../decode/hex.js";

export interface BrokenFrame {
  readonly name: string;
  readonly code: ProtocolErrorCode;
  readonly bytes: Uint8Array;
}

/** Where a frame is masked, it is with the key of RFC 6455 §5.7; over it 48 65 6c 6c 6f is 7f 9f 4d 51 58. */
const KEY = "37 fa 21 3d";
const MASK = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);

function hex(text: string): Uint8Array {
  const bytes = parseHex(text);
  if (!(bytes instanceof Uint8Array)) throw new SyntaxError(`${bytes.message} in ${text}`);
  return bytes;
}

export const BROKEN_FRAMES: readonly BrokenFrame[] = [
  { name: "No mask", code: "WS_ERR_EXPECTED_MASK", bytes: hex("81 05 48 65 6c 6c 6f") },
  { name: "Reserved opcode 3", code: "WS_ERR_INVALID_OPCODE", bytes: hex(`83 85 ${KEY} 7f 9f 4d 51 58`) },
  { name: "RSV2 is set", code: "WS_ERR_UNEXPECTED_RSV_2_3", bytes: hex(`a1 85 ${KEY} 7f 9f 4d 51 58`) },
  {
    name: "Continuation of nothing",
    code: "WS_ERR_INVALID_OPCODE",
    bytes: hex(`80 85 ${KEY} 7f 9f 4d 51 58`),
  },
  {
    name: "A message inside another",
    code: "WS_ERR_INVALID_OPCODE",
    bytes: hex(`01 85 ${KEY} 7f 9f 4d 51 58  81 85 ${KEY} 7f 9f 4d 51 58`),
  },
  {
    name: "Invalid UTF-8",
    code: "WS_ERR_INVALID_UTF8",
    // "../etc/" with an overlong slash, c0 af.
    bytes: encodeFrame(Opcode.Text, hex("2e 2e c0 af 65 74 63 2f"), { mask: MASK }),
  },
  { name: "Ping in fragments", code: "WS_ERR_EXPECTED_FIN", bytes: hex(`09 80 ${KEY}`) },
  {
    name: "Ping of 126 bytes",
    code: "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
    bytes: hex(`89 fe 00 7e ${KEY}${" 37 fa 21 3d".repeat(31)} 37 fa`),
  },
  {
    name: "Length not minimal",
    code: "WS_ERR_INVALID_PAYLOAD_LENGTH",
    bytes: hex(`81 fe 00 05 ${KEY} 7f 9f 4d 51 58`),
  },
  { name: "Close of one byte", code: "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH", bytes: hex(`88 81 ${KEY} 34`) },
  // 1005 stands for a Close without a code: it is never sent.
  { name: "Close with 1005", code: "WS_ERR_INVALID_CLOSE_CODE", bytes: hex(`88 82 ${KEY} 34 17`) },
];
