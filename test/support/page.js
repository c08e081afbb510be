/** What test/support/peers/chromium.ts puts into a page: WebSockets by number, told from outside what to do. */

const sockets = [];

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** Large payloads: only the browser's own encoder is fast enough. */
function base64Of(buffer) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.readAsDataURL(new Blob([buffer]));
  });
}

const encode = async (data) =>
  typeof data === "string" ? { text: data } : { bytes: data.byteLength === 0 ? "" : await base64Of(data) };

globalThis.hawserPeer = {
  /** Resolves with the number of the connection once it is open; rejects if it closes instead. */
  open(url, protocols) {
    const socket = new WebSocket(url, protocols);
    socket.binaryType = "arraybuffer";
    const arrived = [];
    const waiting = [];
    socket.onmessage = ({ data }) => {
      if (waiting.length > 0) waiting.shift()(data);
      else arrived.push(data);
    };
    const closed = new Promise((resolve) => {
      socket.onclose = ({ code, reason }) => resolve({ code, reason });
    });
    const receive = () =>
      arrived.length > 0 ? arrived.shift() : new Promise((resolve) => waiting.push(resolve));
    return new Promise((resolve, reject) => {
      closed.then(({ code }) => reject(new Error(`closed with ${code}`)));
      socket.onopen = () => {
        sockets.push({ socket, closed, receive });
        resolve({ number: sockets.length - 1, protocol: socket.protocol, extensions: socket.extensions });
      };
    });
  },
  send(number, { text, bytes }) {
    sockets[number].socket.send(text ?? bytesOf(bytes));
  },
  async receive(number) {
    return encode(await sockets[number].receive());
  },
  close(number, code, reason) {
    sockets[number].socket.close(code, reason);
  },
  closed(number) {
    return sockets[number].closed;
  },
};
