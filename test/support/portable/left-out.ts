/** Every test of kernel and codec that does not run away from Node, with the reason. All others do. */

export interface LeftOut {
  readonly file: string;
  /** Which of its tests, by their full names. Default: all. */
  readonly tests?: RegExp;
  readonly reason: string;
}

const NO_COLLECTOR = "calls V8's garbage collector, and asks it which objects are alive";
const NO_ACCOUNT = "asks Node how much memory its ArrayBuffers take";

export const LEFT_OUT: readonly LeftOut[] = [
  { file: "test/codec/allocator.test.ts", reason: "looks at the memory of child processes of Node" },
  { file: "test/codec/deflate/compression-limits.test.ts", reason: "limits the memory of a child process" },
  {
    file: "test/codec/deflate/compression-memory.test.ts",
    tests: /> isCompressionAvailable > says no/,
    reason: "runs child processes; the run without WebAssembly does the same here",
  },
  { file: "test/codec/deflate/compression-memory.test.ts", tests: /> watchHolding >/, reason: NO_COLLECTOR },
  {
    file: "test/codec/deflate/decompressor.test.ts",
    tests: /> stops a bomb where the limit is/,
    reason: NO_ACCOUNT,
  },
  { file: "test/codec/frame-decoder.test.ts", tests: /> counts \d+ bytes of payload/, reason: NO_ACCOUNT },
  { file: "test/codec/frame-decoder.test.ts", tests: /: what it holds on to /, reason: NO_COLLECTOR },
  { file: "test/codec/frame.test.ts", tests: /> keep no memory for a frame/, reason: NO_COLLECTOR },
  { file: "test/codec/host-fast.test.ts", reason: "makes Node look like another host" },
  { file: "test/codec/host.test.ts", reason: "makes Node look like a page; here is a page" },
  { file: "test/codec/payload-buffer.test.ts", tests: /> retains /, reason: NO_COLLECTOR },
  { file: "test/kernel/deflate/huffman.test.ts", reason: "compiles a part of the kernel, by Node's files" },
];

/** And of those of the codec, where it is the package's: what looks behind its doors. */
export const LEFT_OUT_OF_PACKAGE: readonly LeftOut[] = [
  {
    file: "test/codec/receive-buffer.test.ts",
    tests: /> is one region of the kernel's memory/,
    reason: "looks into the kernel",
  },
];

const NO_COMPRESSION = "there is no compression without WebAssembly";

/** And where there is no WebAssembly. */
export const LEFT_OUT_OF_REFERENCE: readonly LeftOut[] = [
  { file: "test/codec/deflate/compression.test.ts", reason: NO_COMPRESSION },
  { file: "test/codec/deflate/compressor.test.ts", reason: NO_COMPRESSION },
  { file: "test/codec/deflate/decompressor.test.ts", reason: NO_COMPRESSION },
];
