/** In a page: runs the cases over what the browser has. */

import { runCases, WEB_SOCKET_CASES } from "./cases.js";
import { STREAM_CASES } from "./stream-cases.js";

export const runWebSockets = (base: string) => runCases(WEB_SOCKET_CASES, { WebSocket, base });

/** What Chromium has, and TypeScript does not know. */
declare const WebSocketStream: never;
declare const WebSocketError: never;

export const runStreams = (base: string) => runCases(STREAM_CASES, { WebSocketStream, WebSocketError, base });
