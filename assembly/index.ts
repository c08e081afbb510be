/**
 * The kernel's ABI: what `src/kernel/instance.ts` sees. Every export is a function of its arguments and
 * of linear memory; between calls, all state lies at the addresses of `memory.ts`.
 */

export { mask } from "./frame/mask";
export { scan } from "./frame/scan";
export { utf8ToUtf16, utf16ToUtf8, validateUtf8 } from "./frame/utf8";
