/** How short payloads get, beside zlib and pako at the same window: counted, not timed. */

import { MIX, messages } from "../../test/support/corpus.js";
import { FAST, TIGHT, through, total } from "./compression.js";
import {
  type Coder,
  hawserCompressor,
  pakoCompressor,
  type Setting,
  withTail,
  zlibKeptCompressor,
  zlibKeptDecompressor,
} from "./compressors.js";
import { check } from "./harness.js";

/** Bytes of one stream. */
export interface RatioResult {
  /** Of the corpus, or "mix": all together. */
  readonly kind: string;
  /** Of one message, about. */
  readonly size: number;
  readonly level: number;
  readonly takeover: boolean;
  readonly raw: number;
  readonly hawser: number;
  /** With a hash as large as zlib's is by default. */
  readonly hawserLargeHash: number;
  readonly zlib: number;
  readonly pako: number;
}

const ZLIB_MEM_LEVEL = 8;

const CASES = [
  { size: 200, count: 1000, takeover: true },
  { size: 1024, count: 300, takeover: true },
  { size: 1024, count: 300, takeover: false },
  { size: 65_536, count: 8, takeover: false },
  { size: 1_048_576, count: 1, takeover: false },
] as const;

export function compressionRatios(): RatioResult[] {
  return CASES.flatMap(({ size, count, takeover }) =>
    [FAST, TIGHT].flatMap((level) => {
      const kinds = MIX.map((kind): RatioResult => {
        const raw = messages(kind, size, count);
        const setting = { level, takeover, longest: Math.max(...raw.map(({ length }) => length)) };
        return { kind, size, level, takeover, raw: total(raw), ...lengths(raw, setting) };
      });
      return [...kinds, mixOf(kinds)];
    }),
  );
}

function lengths(raw: readonly Uint8Array[], setting: Setting) {
  const length = (coder: Coder) => {
    const payloads = through(coder, raw);
    const restored = through(zlibKeptDecompressor(setting), payloads.map(withTail));
    check("compression ratio", coder.name, restored, raw);
    return total(payloads);
  };
  return {
    hawser: length(hawserCompressor(setting)),
    hawserLargeHash: length(hawserCompressor(setting, ZLIB_MEM_LEVEL)),
    zlib: length(zlibKeptCompressor(setting)),
    pako: length(pakoCompressor(setting)),
  };
}

/** All kinds together; as many bytes of each, or nearly. */
function mixOf(kinds: readonly RatioResult[]): RatioResult {
  const sum = (of: (result: RatioResult) => number) => kinds.reduce((all, result) => all + of(result), 0);
  return {
    ...kinds[0],
    kind: "mix",
    raw: sum(({ raw }) => raw),
    hawser: sum(({ hawser }) => hawser),
    hawserLargeHash: sum(({ hawserLargeHash }) => hawserLargeHash),
    zlib: sum(({ zlib }) => zlib),
    pako: sum(({ pako }) => pako),
  };
}
