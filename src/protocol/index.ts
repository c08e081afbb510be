/**
 * `hawser/protocol`: the protocol without I/O: the opening handshake (RFC 6455 §4), messages and the closing
 * handshake (§5.4 to §7). The same on every runtime.
 */

export { type AbortLike, assertSignal, whenAborted } from "./connection/abort-signal.js";
export {
  assertByteCounts,
  type BufferLimits,
  bufferOverflow,
  checkBufferLimits,
  type OverflowPolicy,
  readsTooSlowly,
} from "./connection/buffer-limits.js";
export {
  assertCloseInfo,
  clampToUnsignedShort,
  readCloseInfo,
  type WebSocketCloseInfo,
} from "./connection/close-info.js";
export { addCounters, type Counters, NO_COUNTERS } from "./connection/counters.js";
export { askFresh, type Fresh, freshNames, override, type WithFresh } from "./connection/fresh.js";
export { asError, isThenable, nameOf, runHandler } from "./connection/handlers.js";
export { Inbox, type InboxOwner } from "./connection/inbox.js";
export {
  assertFunctions,
  assertHandlers,
  assertKnownOptions,
  isPlainObject,
  type OptionHints,
} from "./connection/known-options.js";
export { MessageQueue } from "./connection/message-queue.js";
export {
  IncomingStreams,
  type MessageStream,
  type StreamOwner,
} from "./connection/message-stream.js";
export {
  claimMessages,
  failureOf,
  isOrderly,
  type MessageSink,
  type MessageSource,
  messageStreams,
  type Streamable,
  type StreamRules,
  sendWithRoom,
} from "./connection/message-streams.js";
export { PingTracker } from "./connection/ping-tracker.js";
export { isMisuse, openWithRetry, type RetryHost, type RetryLimits } from "./connection/retry.js";
export { type StayHandlers, Staying } from "./connection/stay.js";
export type { StayClosed, StayHost, StayState } from "./connection/stay-host.js";
export {
  ConnectionClosedError,
  checkStayLimits,
  type Loss,
  STAY_LIMITS,
  type StayLimits,
} from "./connection/stay-options.js";
export {
  isClean,
  StreamOpening,
  type StreamOpeningHost,
  type WebSocketStreamClosed,
} from "./connection/stream-opening.js";
export { TypedConnection, type TypedOptions, typed } from "./connection/typed.js";
export {
  defineWebSocketError,
  type WebSocketErrorConstructor,
  type WebSocketErrorLike,
  webSocketError,
} from "./connection/web-socket-error.js";
export { computeAccept, generateKey, isValidKey } from "./handshake/accept.js";
export {
  buildHandshakeResponse,
  buildRefusal,
  type HandshakeResponseOptions,
  type RefusalOptions,
} from "./handshake/answer.js";
export {
  acceptPerMessageDeflate,
  checkPerMessageDeflate,
  confirmPerMessageDeflate,
  type DeflateParameters,
  offerPerMessageDeflate,
  type PerMessageDeflateOptions,
} from "./handshake/deflate-offer.js";
export {
  HandshakeError,
  type HandshakeErrorCode,
  type HandshakeErrorDetails,
  HandshakeErrorStatus,
} from "./handshake/handshake-error.js";
export {
  assertHeaderValue,
  assertToken,
  type Extension,
  type ExtensionInit,
  type ExtensionParameterValue,
  isToken,
  listIncludes,
  listProtocols,
  parseExtensions,
  parseProtocols,
  serializeExtensions,
} from "./handshake/header-values.js";
export {
  DEFAULT_MAX_HEAD_LENGTH,
  DEFAULT_MAX_HEADER_COUNT,
  decodeHead,
  encodeHead,
  getHeader,
  getHeaderValues,
  type HeaderInit,
  type HeaderRecord,
  type HeadLimits,
  type HttpHeaders,
  parseHeaders,
} from "./handshake/headers.js";
export {
  type HandshakeOffer,
  type HandshakeRefusal,
  type HandshakeRequest,
  type HandshakeServerOptions,
  judgeHandshakeRequest,
} from "./handshake/judgement.js";
export { checkOriginPolicy, judgeOrigin, type OriginPolicy } from "./handshake/origin.js";
export {
  buildHandshakeRequest,
  type HandshakeRequestOptions,
  listHandshakeHeaders,
} from "./handshake/request.js";
export {
  type AcceptedHandshake,
  type ExpectedHandshake,
  HandshakeReader,
  type HandshakeResponse,
  isValidHandshakeResponse,
  parseStatusLine,
  type ResponseHead,
  validateHandshakeResponse,
} from "./handshake/response.js";
export {
  addQuery,
  type Credentials,
  parseWebSocketUrl,
  printWebSocketUrl,
  type QueryInit,
  resolveWebSocketUrl,
  type WebSocketUrl,
} from "./handshake/url.js";
export { type Bytes, toBytes } from "./session/bytes.js";
export { Endpoint } from "./session/endpoint.js";
export { DEFAULT_MAX_MESSAGE_SIZE, type EndpointOptions } from "./session/endpoint-options.js";
export type { EndpointPhase, EndpointState } from "./session/endpoint-phase.js";
export { FrameQueue } from "./session/frame-queue.js";
export {
  InvalidMessageError,
  isInvalidMessage,
  type SchemaIssue,
  type StandardSchema,
  toJson,
} from "./session/json.js";
export {
  type AnyMessage,
  assertValidMessage,
  type BinaryMessage,
  type DataMessage,
  isMessage,
  Message,
  type MessageType,
  messageTooBig,
  type TextMessage,
} from "./session/message.js";
export type { MessageInit, PartOptions, Place, SendOptions } from "./session/message-framer.js";
export {
  type Fragments,
  MessageReader,
  type MessageReaderOptions,
  type ReadResult,
} from "./session/message-reader.js";
export { type BatchItem, PreparedBatch } from "./session/prepared-batch.js";
export { PreparedMessage, type PrepareOptions, prepareMessage } from "./session/prepared-message.js";
