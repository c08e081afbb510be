/** Certificates that are given as files. */

import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { messageOf } from "./shell.js";
import { UsageError } from "./usage-error.js";

/** Files in PEM, each undefined if the option was not given. */
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Their contents, for Node. */
export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/**
 * Reads --ca, --cert and --key.
 *
 * @returns undefined if none was given.
 * @throws {UsageError} for a file that cannot be read or holds something else, and for a certificate without its key.
 */
export function readTls(files: TlsFiles): TlsMaterial | undefined {
  const { ca, cert, key } = files;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--cert and --key belong together: a certificate and its key");
  }
  if (ca === undefined && cert === undefined) return undefined;
  const material: TlsMaterial = {
    ...(ca !== undefined && { ca: read(ca, "--ca") }),
    ...(cert !== undefined && { cert: read(cert, "--cert") }),
    ...(key !== undefined && { key: read(key, "--key") }),
  };
  // Node takes a list of authorities that holds none.
  if (material.ca !== undefined && !material.ca.includes("-----BEGIN ")) {
    throw new UsageError("--ca must be a file of certificates in PEM: it has no BEGIN line");
  }
  try {
    createSecureContext(material);
  } catch (error) {
    throw new UsageError(
      `--ca, --cert and --key must be certificates and a key that fits, in PEM: ${messageOf(error)}`,
    );
  }
  return material;
}

function read(file: string, option: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UsageError(`${option} must be a file: ${messageOf(error)}`);
  }
}
