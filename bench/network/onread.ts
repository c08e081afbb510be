/** Reading from a server's socket into a buffer of one's own, as `net.connect` offers it by `onread`. */

import net from "node:net";

/**
 * Goes on with an accepted socket in a new one over the same handle, because only a socket that one makes takes
 * `onread`. For servers with `pauseOnConnect`: nothing was read yet.
 *
 * @param callback - gets how many bytes are in the buffer; the next read overwrites them.
 */
export function readInto(
  accepted: net.Socket,
  buffer: Buffer,
  callback: (length: number, socket: net.Socket) => void,
): net.Socket {
  const hollow = accepted as unknown as { _handle: unknown };
  const handle = hollow._handle;
  hollow._handle = null;
  const onread = {
    buffer,
    callback: (length: number) => {
      callback(length, socket);
      return true;
    },
  };
  const socket = new net.Socket({ handle, onread } as net.SocketConstructorOpts);
  return socket;
}
