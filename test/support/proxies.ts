/** nginx and HAProxy as Debian has them, in front of a server on loopback. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import { freePort, until } from "./sockets.js";

/** Seconds after which a proxy ends a tunnel in which nothing moves. */
export const TUNNEL_SECONDS = 4;

export interface ReverseProxy {
  readonly name: string;
  /** The executable, undefined where it is not installed. */
  readonly command: string | undefined;
  readonly args: (config: string, folder: string) => readonly string[];
  readonly config: (port: number, upstream: number, folder: string) => string;
}

function find(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(path.delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
}

const nginx: ReverseProxy = {
  name: "nginx",
  command: find("nginx"),
  args: (config, folder) => ["-c", config, "-p", folder, "-e", path.join(folder, "error.log")],
  config: (port, upstream, folder) => `
    daemon off;
    master_process off;
    pid ${folder}/nginx.pid;
    error_log ${folder}/error.log;
    events {}
    http {
      access_log off;
      client_body_temp_path ${folder}/body;
      proxy_temp_path ${folder}/proxy;
      fastcgi_temp_path ${folder}/fastcgi;
      uwsgi_temp_path ${folder}/uwsgi;
      scgi_temp_path ${folder}/scgi;
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass http://127.0.0.1:${upstream};
          proxy_http_version 1.1;
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection "upgrade";
          proxy_set_header Host $http_host;
          proxy_read_timeout ${TUNNEL_SECONDS}s;
          proxy_send_timeout ${TUNNEL_SECONDS}s;
          proxy_buffer_size 4k;
        }
      }
    }`,
};

const haproxy: ReverseProxy = {
  name: "HAProxy",
  command: find("haproxy"),
  args: (config) => ["-db", "-f", config],
  config: (port, upstream) => `
global
  tune.bufsize 4096
  tune.maxrewrite 1024
defaults
  mode http
  timeout connect 10s
  timeout client 10s
  timeout server 10s
  timeout tunnel ${TUNNEL_SECONDS}s
frontend front
  bind 127.0.0.1:${port}
  default_backend back
backend back
  server hawser 127.0.0.1:${upstream}
`,
};

export const PROXIES: readonly ReverseProxy[] = [nginx, haproxy];

/** Starts a proxy in front of a port. It and its files are gone after the test. */
export async function startProxy(
  t: TestContext,
  proxy: ReverseProxy,
  upstream: number,
): Promise<{ port: number; child: ChildProcess }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "hawser-proxy-"));
  const port = await freePort();
  const config = path.join(folder, "proxy.conf");
  await writeFile(config, proxy.config(port, upstream, folder));
  const child = spawn(proxy.command as string, [...proxy.args(config, folder)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  t.after(async () => {
    child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });
  let isListening = false;
  const knock = () => {
    const socket = net.connect(port, "127.0.0.1", () => {
      isListening = true;
      socket.destroy();
    });
    socket.on("error", () => undefined);
  };
  await until(
    () => {
      if (child.exitCode !== null) throw new Error(`${proxy.name} exited: ${said}`);
      if (!isListening) knock();
      return isListening;
    },
    `${proxy.name} listens: ${said}`,
    60_000,
  );
  return { port, child };
}
