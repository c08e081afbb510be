/** The peer Chromium: a page that our server serves, with the browser's WebSocket. */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { after } from "node:test";
import { type Browser, chromium as launcher, type Page } from "playwright-core";
import type { Closing, Payload, Peer, PeerConnection } from "../peer.js";

export const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";
/** Why tests cannot run here, if they cannot. */
export const skip = existsSync(EXECUTABLE) ? false : `there is no ${EXECUTABLE}`;

/** In a container, as root, without anything that asks the network for something else. */
export const ARGUMENTS =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking " +
  "--disable-component-update --disable-sync";

type Encoded = { readonly text: string } | { readonly bytes: string };

/** What ../page.js puts into the page. */
interface PagePeer {
  open(
    url: string,
    protocols: readonly string[],
  ): Promise<{ number: number; protocol: string; extensions: string }>;
  send(number: number, message: Encoded): void;
  receive(number: number): Promise<Encoded>;
  close(number: number, code?: number, reason?: string): void;
  closed(number: number): Promise<Closing>;
}

declare const hawserPeer: PagePeer;

let browser: Promise<Browser> | undefined;

after(async () => {
  await (await browser)?.close();
});

/** A page, in a context of its own. */
export async function newPage(url: string): Promise<Page> {
  browser ??= launcher.launch({ executablePath: EXECUTABLE, args: ARGUMENTS.split(" ") });
  const context = await (await browser).newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

/** A page that our server gave, with the peer in it. */
export async function openPage(url: string): Promise<Page> {
  const page = await newPage(url.replace(/^ws/, "http"));
  await page.addScriptTag({
    content: await readFile(new URL("../page.js", import.meta.url), "utf8"),
  });
  return page;
}

function encode(payload: Payload): Encoded {
  return typeof payload === "string" ? { text: payload } : { bytes: Buffer.from(payload).toString("base64") };
}

export async function connectFrom(
  page: Page,
  url: string,
  protocols: readonly string[] = [],
): Promise<PeerConnection> {
  const { number, protocol, extensions } = await page.evaluate(
    ([to, offered]) => hawserPeer.open(to, offered),
    [url, protocols] as const,
  );
  const closed = page.evaluate((n) => hawserPeer.closed(n), number);
  // It rejects when the page goes before.
  closed.catch(() => undefined);
  return {
    protocol,
    extensions,
    closed,
    send: (message) =>
      page.evaluate(([n, sent]) => hawserPeer.send(n, sent), [number, encode(message)] as const),
    async receive() {
      const received = await page.evaluate((n) => hawserPeer.receive(n), number);
      return "text" in received ? received.text : Buffer.from(received.bytes, "base64");
    },
    close: (code, reason) =>
      page.evaluate(([n, c, r]) => hawserPeer.close(n, c, r), [number, code, reason] as const),
    release: () => page.context().close(),
  };
}

export const chromium: Peer = {
  name: "Chromium",
  connect: async (url, { protocols = [] }) => connectFrom(await openPage(url), url, protocols),
  // Each is two calls from this process to the page.
  burst: 300,
  declines: false,
  // The WebSocket API sends no others.
  closeCodes: [1000, 3000, 4999],
};
