/**
 * /tunnel: a TCP connection for a page, which cannot open one. Binary messages are its bytes. It leads to this very
 * server, where the page came from, and nowhere else.
 */

import { once } from "node:events";
import net from "node:net";
import type { Connection, ConnectionHandlers } from "hawser";

/** Runs until either side ends. Both are read only as fast as the other takes it. */
async function pipe(page: Connection): Promise<void> {
  const { localAddress, localPort } = page.socket as net.Socket;
  const socket = net.connect(localPort as number, localAddress);
  socket.on("data", (bytes) => {
    if (page.send(bytes)) return;
    socket.pause();
    void page.drained().then(() => socket.resume());
  });
  socket.on("error", (error) => void page.close(1011, error.message));
  socket.on("close", () => void page.close(1000, "the TCP connection ended"));
  for await (const message of page) {
    if (!socket.write(message.data)) await Promise.race([once(socket, "drain"), page.closed]);
  }
  socket.end();
}

export const tunnel: ConnectionHandlers = { open: pipe };
