/** `hawser`: everything, re-exported. */

export * from "./codec/index.js";
export * from "./node/index.js";
export * from "./protocol/index.js";
