/** The protocol without I/O: the opening handshake (RFC 6455 §4). The same on every runtime. */

export { computeAccept, generateKey, isValidKey } from "./handshake-accept.js";
export {
  HandshakeError,
  type HandshakeErrorCode,
  type HandshakeErrorDetails,
  HandshakeErrorStatus,
} from "./handshake-error.js";
export {
  buildHandshakeRequest,
  type Credentials,
  type HandshakeRequestOptions,
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
export { judgeOrigin, type OriginPolicy } from "./origin.js";
