/** `hawser`: everything, re-exported. */

export * from "./codec/index.js";
