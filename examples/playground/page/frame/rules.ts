/** Which sentence of which section a violation breaks: for people, who want to read it up. */

import { isControl, type ProtocolError } from "hawser/codec";
import type { Header } from "./header.js";

export interface Rule {
  /** As "RFC 6455 §5.2". */
  readonly section: string;
  readonly text: string;
}

const CONTINUATION = 0x0;

function rule6455(section: string, text: string): Rule {
  return { section: `RFC 6455 §${section}`, text };
}

/** The rule that the frame with this header broke. */
export function ruleOf({ code, message }: ProtocolError, { opcode }: Header): Rule {
  switch (code) {
    case "WS_ERR_UNEXPECTED_RSV_2_3":
      return rule6455("5.2", "RSV2 and RSV3 must be 0 unless an extension gives them a meaning; none has.");
    case "WS_ERR_UNEXPECTED_RSV_1":
      return rule6455(
        "5.2",
        "RSV1 must be 0 unless an extension gives it a meaning: permessage-deflate does, on the first frame of a message.",
      );
    case "WS_ERR_INVALID_OPCODE":
      return opcodeRule(opcode);
    case "WS_ERR_EXPECTED_FIN":
      return rule6455("5.5", "Control frames must not be fragmented: FIN must be 1.");
    case "WS_ERR_EXPECTED_MASK":
      return rule6455("5.1", "A client must mask all frames that it sends to the server.");
    case "WS_ERR_UNEXPECTED_MASK":
      return rule6455("5.1", "A server must not mask any frames that it sends to the client.");
    case "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH":
      return message.endsWith("length 1")
        ? rule6455("5.5.1", "The body of a Close frame is empty, or begins with a code of two bytes.")
        : rule6455("5.5", "Control frames must have a payload of 125 bytes or less.");
    case "WS_ERR_INVALID_PAYLOAD_LENGTH":
      return message.includes("top bit")
        ? rule6455("5.2", "The most significant bit of a 64-bit length must be 0.")
        : rule6455("5.2", "The length must be encoded in the fewest bytes.");
    case "WS_ERR_INVALID_UTF8":
      return rule6455("8.1", "Text, and the reason of a Close, must be valid UTF-8.");
    case "WS_ERR_INVALID_CLOSE_CODE":
      return rule6455("7.4", "This close code must not stand in a Close frame.");
    case "WS_ERR_INVALID_COMPRESSED_DATA":
      return {
        section: "RFC 7692 §7.2.2",
        text: "The payload of a compressed message must be DEFLATE data.",
      };
    case "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH":
    case "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH":
      return rule6455("7.4.1", "The message is too big for the receiver, which may say so with 1009.");
    case "WS_ERR_NO_MEMORY":
      return rule6455("7.4.1", "The receiver ran into a condition of its own: 1011.");
  }
}

function opcodeRule(opcode: number): Rule {
  if (opcode === CONTINUATION)
    return rule6455("5.4", "A continuation frame must follow an unfinished message.");
  return (opcode & 0x7) > 2
    ? rule6455(
        "5.2",
        `Opcode 0x${opcode.toString(16)} is reserved for ${isControl(opcode) ? "control" : "data"} frames to come.`,
      )
    : rule6455("5.4", "The fragments of one message must not be interleaved with another message.");
}
