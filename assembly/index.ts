/**
 * The kernel's ABI: what `src/kernel/instance.ts` sees. Every export is a function of its arguments and
 * of linear memory; there is no state between calls but what lies at the addresses of `memory.ts`.
 */

export { scan } from "./frame";
export { mask } from "./mask";
export { utf8ToUtf16, validateUtf8 } from "./utf8";
