/**
 * A handler that computes for a long time and sends on the way, as a language model does with its tokens. What
 * `send` queues leaves when the handler returns: all at once, at the end. What `sendNow` sends has left when it
 * returns.
 *
 *     node --import tsx examples/stream-tokens.ts
 *
 * The server is a process of its own: its handler lets nothing else run.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Connection, connect, type Message, serve } from "hawser";

const TOKENS = ["A ", "hawser ", "ties ", "a ", "ship ", "to ", "its ", "mooring."];
const COMPUTE_MS = 60;

/** Stands for a computation that never waits. */
function computeToken(index: number): string {
  for (const until = performance.now() + COMPUTE_MS; performance.now() < until; );
  return TOKENS[index];
}

function answer(connection: Connection, prompt: Message): void {
  const how = prompt.data === "sendNow" ? "sendNow" : "send";
  for (let i = 0; i < TOKENS.length; i++) connection[how](computeToken(i));
  connection[how]("");
}

async function ask(connection: Connection, how: "send" | "sendNow"): Promise<void> {
  const start = performance.now();
  connection.send(how);
  console.log(`${how}:`);
  for await (const message of iterate(connection)) {
    console.log(`  ${String(Math.round(performance.now() - start)).padStart(4)} ms  ${message}`);
  }
}

/** Messages up to an empty one. */
async function* iterate(connection: Connection): AsyncGenerator<Message> {
  for (let message: Message | undefined; (message = await connection.receive())?.data; ) yield message;
}

if (process.send === undefined) {
  const child = fork(fileURLToPath(import.meta.url));
  const [url] = (await once(child, "message")) as [string];
  const connection = await connect(url);
  await ask(connection, "send");
  await ask(connection, "sendNow");
  await connection.close();
  child.kill();
} else {
  const server = await serve({ hostname: "127.0.0.1", message: answer });
  process.send(server.url);
}
