/** `createWebSocketStream` of `ws`: a WebSocket as a Duplex. */

import { Duplex, type DuplexOptions } from "node:stream";
import type { WebSocket } from "./web-socket.js";

const CONNECTING = 0;
const CLOSED = 3;

/**
 * A stream of the messages of a WebSocket. Each written chunk is sent as one message, and ending the stream closes the
 * WebSocket. While the readable side is full, the WebSocket is paused.
 */
export function createWebSocketStream(webSocket: WebSocket, options: DuplexOptions = {}): Duplex {
  /** Whether to cut the WebSocket when the stream is destroyed: false if the WebSocket itself has failed. */
  let mustCut = true;
  const whenOpen = (action: () => void) => {
    if (webSocket.readyState === CONNECTING) webSocket.once("open", action);
    else action();
  };

  const duplex = new Duplex({
    ...options,
    autoDestroy: false,
    emitClose: false,
    objectMode: false,
    writableObjectMode: false,
    read() {
      if (webSocket.isPaused) webSocket.resume();
    },
    write(chunk, _encoding, callback) {
      whenOpen(() => webSocket.send(chunk, callback as (error?: Error) => void));
    },
    final(callback) {
      whenOpen(() => {
        const socket = webSocket._socket;
        // The handshake has failed; the "error" event reports that.
        if (socket === null) return;
        if (socket.writableFinished) {
          callback();
          if (duplex.readableEnded) duplex.destroy();
        } else {
          socket.once("finish", () => callback());
          webSocket.close();
        }
      });
    },
    destroy(error, callback) {
      const closed = () => process.nextTick(() => duplex.emit("close"));
      if (webSocket.readyState === CLOSED) {
        callback(error);
        closed();
        return;
      }
      let isTold = false;
      webSocket.once("error", (failed) => {
        isTold = true;
        callback(failed);
      });
      webSocket.once("close", () => {
        if (!isTold) callback(error);
        closed();
      });
      if (mustCut) webSocket.terminate();
    },
  });

  webSocket.on("message", (data, isBinary) => {
    const chunk = !isBinary && duplex.readableObjectMode ? data.toString() : data;
    if (!duplex.push(chunk)) webSocket.pause();
  });
  webSocket.once("error", (error) => {
    if (duplex.destroyed) return;
    mustCut = false;
    duplex.destroy(error);
  });
  webSocket.once("close", () => {
    if (!duplex.destroyed) duplex.push(null);
  });
  duplex.on("end", () => {
    if (!duplex.destroyed && duplex.writableFinished) duplex.destroy();
  });
  const onError = (error: Error) => {
    duplex.removeListener("error", onError);
    duplex.destroy();
    // Without another listener the error would be lost.
    if (duplex.listenerCount("error") === 0) duplex.emit("error", error);
  };
  duplex.on("error", onError);
  return duplex;
}
