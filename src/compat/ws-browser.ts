/**
 * `hawser/ws` in a browser: the WebSocket that is there. What a browser does not have throws when it is called, not
 * when it is imported.
 */

const Native = globalThis.WebSocket;

function missing(what: string): never {
  throw new Error(`a browser has no ${what}: hawser/ws gives its own WebSocket there`);
}

export class WebSocketServer {
  constructor() {
    missing("WebSocketServer");
  }
}

export class Receiver {
  constructor() {
    missing("Receiver");
  }
}

export class Sender {
  constructor() {
    missing("Sender");
  }
}

export class PerMessageDeflate {
  constructor() {
    missing("PerMessageDeflate");
  }
}

export function createWebSocketStream(): never {
  return missing("createWebSocketStream");
}

export const extension = {
  format: () => missing("extension.format"),
  parse: () => missing("extension.parse"),
};
export const subprotocol = { parse: () => missing("subprotocol.parse") };

export { Native as default, Native as "module.exports", Native as WebSocket };
