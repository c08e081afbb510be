/**
 * The measured code: `dist/`, as users get it. Not `src/` through tsx, whose compiler wraps every function
 * made in a hot loop in a call that gives it its name; the reference kernel ran 100 times slower for it.
 */

export * from "../../dist/codec/index.js";
export * as layout from "../../dist/kernel/index.js";
export { type Kernel, kernel, selectKernel } from "../../dist/kernel/index.js";
