/**
 * The ABI of the compression module: what `src/kernel/compression.ts` sees. It is apart from the framing kernel,
 * so that programs that do not compress never load it. Every export is a function of its arguments and of linear
 * memory; what a stream remembers lies in its block (`compression-memory.ts`).
 */

export {
  deflate,
  deflateDrop,
  deflateInit,
  deflateLength,
  deflateReset,
  deflateSkip,
  deflateSlide,
} from "./deflate/deflate";
export { inflate, inflateInit } from "./deflate/inflate";
export { validateUtf8 } from "./frame/utf8";
