/** `hawser` in a browser: what runs in a page, re-exported. */

export * from "./codec/index.js";
