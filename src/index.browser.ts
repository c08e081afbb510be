/** `hawser` in a browser: what runs in a page, re-exported. Servers are not here, so that a build says so. */

export * from "./browser/index.js";
export * from "./codec/index.js";
export * from "./protocol/index.js";
