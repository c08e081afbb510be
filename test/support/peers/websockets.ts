/** The peer `websockets` of Python, both sides, in a process of its own. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { createFolder, removeFolder } from "../../system/package/support.js";
import { certificate } from "../certificate.js";
import type { Closing, Payload, Peer, PeerConnection } from "../peer.js";

const SCRIPT = fileURLToPath(new URL("../websockets_peer.py", import.meta.url));

/** The first Python that has the module: the system's may not be the first on the path. */
const python = ["python3", "/usr/bin/python3"].find(
  (command) => spawnSync(command, ["-c", "import websockets"]).status === 0,
);

type Encoded = { readonly text: string } | { readonly bytes: string };

function encode(payload: Payload): Encoded {
  return typeof payload === "string" ? { text: payload } : { bytes: Buffer.from(payload).toString("base64") };
}

function decode(payload: Encoded): Payload {
  return "text" in payload ? payload.text : Buffer.from(payload.bytes, "base64");
}

/** What an answer to a command may hold. */
interface Result {
  readonly connection: number;
  readonly server: number;
  readonly protocol: string;
  readonly extensions: string;
  readonly port: number;
}

/** The process that obeys. */
class Interpreter {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  #count = 0;

  constructor(command: string) {
    this.#child = spawn(command, [SCRIPT], { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      const { id, result, error } = JSON.parse(line);
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error));
    });
  }

  do<T = Result>(name: string, parameters: object): Promise<T> {
    const id = ++this.#count;
    this.#child.stdin!.write(`${JSON.stringify({ id, do: name, ...parameters })}\n`);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (result) => resolve(result as T), reject });
    });
  }

  stop(): void {
    this.#child.kill();
  }
}

function wrap(interpreter: Interpreter, { connection, protocol, extensions }: Result): PeerConnection {
  const command = <T = Result>(name: string, parameters: object = {}) =>
    interpreter.do<T>(name, { connection, ...parameters });
  return {
    protocol,
    extensions,
    closed: command<Closing>("closed"),
    send: (message) => command("send", { message: encode(message) }),
    sendFragments: (parts) => command("send_fragments", { parts: parts.map(encode) }),
    async ping(payload) {
      await command("ping", { payload });
    },
    receive: async () => decode(await command<Encoded>("receive")),
    close: (code, reason) => command("close", { code, reason }),
  };
}

let interpreter: Interpreter | undefined;
let folder: string | undefined;

export async function prepare(): Promise<Peer> {
  interpreter ??= new Interpreter(python!);
  const python3 = interpreter;
  const { key, cert } = await certificate();
  folder ??= await createFolder({ "key.pem": key, "cert.pem": cert });
  const [keyFile, certFile] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
  return {
    name: "websockets",
    connect: async (url, { protocols = [], compression }) =>
      wrap(python3, await python3.do("connect", { url, protocols, ca: certFile, compression })),
    async listen({ protocols = [], certificate: own, compression }) {
      const files = own === undefined ? {} : { key: keyFile, cert: certFile };
      const { server, port } = await python3.do("listen", { protocols, ...files, compression });
      return {
        url: `${own === undefined ? "ws" : "wss"}://127.0.0.1:${port}`,
        accept: async () => wrap(python3, await python3.do("accept", { server })),
        async close() {
          await python3.do("stop", { server });
        },
      };
    },
  };
}

after(async () => {
  interpreter?.stop();
  if (folder !== undefined) await removeFolder(folder);
});

/** Why tests cannot run here, if they cannot. */
export const skip = python === undefined ? "no python3 with the module websockets is installed here" : false;
