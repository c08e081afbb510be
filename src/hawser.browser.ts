/**
 * `dist/hawser.browser.js`: one file for pages without a bundler. The connections and the codec of `hawser`, without
 * what would make the file twice as long and pages seldom need: the compression of payloads, which a browser's
 * WebSocket does by itself, and the protocol below a connection.
 */

export * from "./browser/index.js";
export {
  applyMask,
  CloseCode,
  decodeCloseBody,
  decodeFrame,
  encodeBinary,
  encodeClose,
  encodeCloseBody,
  encodeFrame,
  encodePing,
  encodePong,
  encodeText,
  FrameDecoder,
  FrameEncoder,
  generateMaskingKey,
  InvalidStateError,
  isControl,
  isValidCloseCode,
  isValidUtf8,
  kernelBackend,
  LimitError,
  mask,
  Opcode,
  PayloadBuffer,
  ProtocolError,
  Utf8Validator,
  unmask,
  utf8Length,
} from "./codec/index.js";
export { HandshakeError, isMessage, Message } from "./protocol/index.js";
