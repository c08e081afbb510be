/**
 * `dist/hawser.client.js`: one file for pages without a bundler that only connect. The connections of `hawser`, and
 * clients that stay connected, without the codec and its WebAssembly: half as long as `hawser.browser.js`.
 */

export * from "./browser/index.js";
export { CloseCode, InvalidStateError, LimitError, type Role } from "./codec/index.js";
export {
  type AnyMessage,
  type BinaryMessage,
  type BufferLimits,
  type Bytes,
  ConnectionClosedError,
  type Counters,
  type DataMessage,
  type Fresh,
  HandshakeError,
  type HandshakeErrorCode,
  InvalidMessageError,
  isMessage,
  type Loss,
  Message,
  type MessageType,
  type OverflowPolicy,
  type QueryInit,
  type RetryLimits,
  type SendOptions,
  type StandardSchema,
  type StayClosed,
  type StayHandlers,
  type StayLimits,
  type StayState,
  type TextMessage,
  TypedConnection,
  type TypedOptions,
  typed,
} from "./protocol/index.js";
