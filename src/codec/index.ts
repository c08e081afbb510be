/** `hawser/codec`: frames, masking, UTF-8 and close bodies; no I/O, the same on every runtime. */

export type { BytesClass } from "./bytes.js";
export {
  type CloseBody,
  decodeCloseBody,
  encodeCloseBody,
  MAX_CONTROL_PAYLOAD_LENGTH,
} from "./close-body.js";
export { CloseCode, isValidCloseCode } from "./close-code.js";
export { compress, decompress } from "./deflate/compression.js";
export { isCompressionAvailable } from "./deflate/compression-memory.js";
export { Compressor, type CompressorOptions } from "./deflate/compressor.js";
export {
  Decompressor,
  type DecompressorOptions,
  type PayloadPlace,
} from "./deflate/decompressor.js";
export { InvalidStateError, LimitError, ProtocolError, type ProtocolErrorCode } from "./errors.js";
export {
  type DecodeFrameOptions,
  decodeFrame,
  type EncodeFrameOptions,
  encodeBinary,
  encodeClose,
  encodeFrame,
  encodePing,
  encodePong,
  encodeText,
  type Frame,
  type FrameDecodeResult,
} from "./frame.js";
export { DEFAULT_MAX_FRAME_SIZE, FrameDecoder, type FrameDecoderOptions } from "./frame-decoder.js";
export { type FrameBits, FrameEncoder, type FrameEncoderOptions } from "./frame-encoder.js";
export { hostSha1, setAllocatorWarming, utf8Length } from "./host.js";
export { applyMask, generateMaskingKey, mask, unmask } from "./masking.js";
export { isControl, Opcode } from "./opcode.js";
export { PayloadBuffer, reuse } from "./payload-buffer.js";
export type { Role } from "./role.js";
export { isValidUtf8, Utf8Validator } from "./utf8.js";
export { provideWebAssembly, type WebAssemblyModules } from "./web-assembly.js";
export { kernelBackend, receiveBuffer } from "./workspace.js";
