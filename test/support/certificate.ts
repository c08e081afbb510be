/** A certificate for tests over TLS, made for each run by openssl: no private key lies in the repository. */

import { readFile } from "node:fs/promises";
import path from "node:path";
import { createFolder, removeFolder, run } from "../system/package/support.js";

export interface Certificate {
  /** Both in PEM. The certificate signs itself: it is its own authority. */
  readonly key: string;
  readonly cert: string;
}

let made: Promise<Certificate> | undefined;

/** A certificate for localhost and 127.0.0.1, the same for all tests of a process. */
export function certificate(): Promise<Certificate> {
  made ??= make();
  return made;
}

async function make(): Promise<Certificate> {
  const folder = await createFolder({});
  try {
    const subject = "/CN=localhost";
    const names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const files = ["-keyout", "key.pem", "-out", "cert.pem"];
    await run(
      "openssl",
      ["req", "-x509", ...curve, ...files, "-days", "2", "-subj", subject, "-addext", names],
      folder,
    );
    const [key, cert] = await Promise.all(
      ["key.pem", "cert.pem"].map((name) => readFile(path.join(folder, name), "utf8")),
    );
    return { key, cert };
  } finally {
    await removeFolder(folder);
  }
}
