/**
 * `hawser/ws` in a browser: the WebSocket that is there. What a browser does not have throws when it is called, not
 * when it is imported.
 */

const Native = globalThis.WebSocket;

function missing(what: string): never {
  throw new Error(`a browser has no ${what}: hawser/ws gives its own WebSocket there`);
}

class WebSocketServer {
  constructor() {
    missing("WebSocketServer");
  }
}

class Receiver {
  constructor() {
    missing("Receiver");
  }
}

class Sender {
  constructor() {
    missing("Sender");
  }
}

class PerMessageDeflate {
  constructor() {
    missing("PerMessageDeflate");
  }
}

function createWebSocketStream(): never {
  return missing("createWebSocketStream");
}

const extension = { format: () => missing("extension.format"), parse: () => missing("extension.parse") };
const subprotocol = { parse: () => missing("subprotocol.parse") };

export {
  createWebSocketStream,
  extension,
  Native as WebSocket,
  PerMessageDeflate,
  Receiver,
  Sender,
  subprotocol,
  WebSocketServer,
};
export default Native;
// What `require("hawser/ws")` gives.
export { Native as "module.exports" };
