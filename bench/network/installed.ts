/**
 * Rivals that are not packages to depend on: Bun, and uWebSockets.js with its native addons (together some 360 MB).
 * `--rivals` installs them into build/rivals; from then on they take part.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** Found from the sources and from what `cores.ts` compiles alike: both lie as deep in the tree. */
const folder = fileURLToPath(new URL("../../build/rivals/", import.meta.url));

const bunPackage = `@oven/bun-${process.platform}-${process.arch === "arm64" ? "aarch64" : process.arch}`;
const UWS_PACKAGE = "uwebsockets";

/** Without their install scripts: both packages hold what they need. Says so when npm fails. */
export function installRivals(): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}package.json`, '{ "private": true }\n');
  for (const name of [bunPackage, UWS_PACKAGE]) {
    if (existsSync(`${folder}node_modules/${name}`)) continue;
    const options = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
    const { status } = spawnSync("npm", ["install", ...options, "--prefix", folder, name], {
      stdio: "inherit",
    });
    if (status !== 0) console.log(`NOT INSTALLED: ${name}`);
  }
}

/** Versions of those that are installed. */
export function installedVersions(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of [bunPackage, UWS_PACKAGE]) {
    const file = `${folder}node_modules/${name}/package.json`;
    if (existsSync(file)) found[name] = JSON.parse(readFileSync(file, "utf8")).version;
  }
  return found;
}

/** The executable of Bun. Throws where it is not installed. */
export function bunExecutable(): string {
  const file = `${folder}node_modules/${bunPackage}/bin/bun`;
  if (!existsSync(file)) throw new Error("not installed; --rivals installs it");
  return file;
}

/** The module uWebSockets.js. Throws where it is not installed, or has no addon for this Node. */
export function loadUws(): UwsModule {
  if (!existsSync(`${folder}node_modules/${UWS_PACKAGE}`))
    throw new Error("not installed; --rivals installs it");
  return createRequire(`${folder}package.json`)(UWS_PACKAGE);
}

/** The part of uWebSockets.js that a server needs. */
export interface UwsModule {
  App(): UwsApp;
  us_socket_local_port(socket: unknown): number;
}

interface UwsApp {
  ws(pattern: string, behavior: UwsBehavior): UwsApp;
  listen(host: string, port: number, listening: (socket: unknown) => void): UwsApp;
}

interface UwsBehavior {
  readonly maxPayloadLength: number;
  readonly maxBackpressure: number;
  message(socket: UwsSocket, message: ArrayBuffer, isBinary: boolean): void;
}

interface UwsSocket {
  send(message: ArrayBuffer | string, isBinary: boolean): number;
}
