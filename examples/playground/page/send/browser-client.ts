/** The client that this browser has: whole messages, and what it does with frames is its own affair. */

import { connect } from "hawser";
import { type Client, echoPath } from "./client.js";

export async function connectByBrowser(mirror: string, compressed: boolean): Promise<Client> {
  // The section Wire shows the answers.
  const connection = await connect(echoPath(mirror, compressed), { message() {} });
  return {
    frames: undefined,
    send: (data) => void connection.send(data),
    close: (code, reason) => void connection.close(code, reason),
    closed: connection.closed,
  };
}
