/** Our WebSocket fits where the platform's is wanted: compiled by `npm run check`, never run. */

import { WebSocket } from "../../src/index.js";

const socket: globalThis.WebSocket = new WebSocket("ws://localhost", { headers: { "x-key": "1" } });
export const Class: typeof globalThis.WebSocket = WebSocket;

socket.addEventListener("close", ({ code, reason }) => [code.toFixed(), reason.trim()]);
new Class("ws://localhost", ["chat"]).onmessage = ({ data }) => data;
// @ts-expect-error: there is no such type of bytes
new WebSocket("ws://localhost").binaryType = "nodebuffer";
// @ts-expect-error: text is always a string
new WebSocket("ws://localhost", { text: "bytes" });
