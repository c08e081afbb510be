/**
 * `hawser/protocol`: the protocol without I/O: the opening handshake (RFC 6455 §4), messages and the closing
 * handshake (§5.4 to §7). The same on every runtime.
 */

export {
  assertByteCounts,
  type BufferLimits,
  bufferOverflow,
  checkBufferLimits,
  type OverflowPolicy,
} from "./buffer-limits.js";
export { type Bytes, toBytes } from "./bytes.js";
export { addCounters, type Counters, NO_COUNTERS } from "./counters.js";
export {
  DEFAULT_MAX_MESSAGE_SIZE,
  Endpoint,
  type EndpointOptions,
  type EndpointState,
} from "./endpoint.js";
export { asError, isThenable, runHandler } from "./handlers.js";
export { computeAccept, generateKey, isValidKey } from "./handshake-accept.js";
export {
  HandshakeError,
  type HandshakeErrorCode,
  type HandshakeErrorDetails,
  HandshakeErrorStatus,
} from "./handshake-error.js";
export {
  addQuery,
  buildHandshakeRequest,
  type Credentials,
  type HandshakeRequestOptions,
  listHandshakeHeaders,
  parseWebSocketUrl,
  type QueryInit,
  resolveWebSocketUrl,
  type WebSocketUrl,
} from "./handshake-request.js";
export {
  type AcceptedHandshake,
  type ExpectedHandshake,
  HandshakeReader,
  type HandshakeResponse,
  isValidHandshakeResponse,
  parseStatusLine,
  type ResponseHead,
  validateHandshakeResponse,
} from "./handshake-response.js";
export {
  buildHandshakeResponse,
  buildRefusal,
  type HandshakeOffer,
  type HandshakeRefusal,
  type HandshakeRequest,
  type HandshakeResponseOptions,
  type HandshakeServerOptions,
  judgeHandshakeRequest,
  type RefusalOptions,
} from "./handshake-server.js";
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
} from "./header-values.js";
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
} from "./headers.js";
export { Inbox, type InboxOwner } from "./inbox.js";
export { assertValidMessage, isMessage, Message, type MessageType, messageTooBig } from "./message.js";
export { MessageQueue } from "./message-queue.js";
export {
  type Fragments,
  MessageReader,
  type MessageReaderOptions,
  type ReadResult,
} from "./message-reader.js";
export type { SendOptions } from "./message-sender.js";
export { judgeOrigin, type OriginPolicy } from "./origin.js";
export { Output } from "./output.js";
export {
  acceptPerMessageDeflate,
  checkPerMessageDeflate,
  confirmPerMessageDeflate,
  type DeflateParameters,
  offerPerMessageDeflate,
  type PerMessageDeflateOptions,
} from "./permessage-deflate.js";
export { PingTracker } from "./ping-tracker.js";
export { PreparedMessage, type PrepareOptions, prepareMessage } from "./prepared-message.js";
export { isMisuse, openWithRetry, type RetryLimits } from "./retry.js";
