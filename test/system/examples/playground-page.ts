/** The playground in Chromium: opened, watched, and read as a person reads it. */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Locator, Page } from "playwright-core";
import { newPage } from "../../support/peers/chromium.js";

export interface Playground {
  readonly page: Page;
  /** Events that should not happen: errors in the console, exceptions, requests to other hosts or that fail. */
  readonly problems: string[];
}

/** Opens the page that a server serves, and waits until it is connected. `quiet`: it sends no message by itself. */
export async function openPlayground(url: string, path = "/?quiet"): Promise<Playground> {
  const site = url.replace(/^ws/, "http");
  const page = await newPage("about:blank");
  const problems: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  const judge = (what: string) => {
    if (new URL(what).host !== new URL(site).host) problems.push(`a request to ${what}`);
  };
  page.on("request", (request) => judge(request.url()));
  page.on("websocket", (socket) => judge(socket.url()));
  page.on("requestfailed", (request) => problems.push(`no answer to ${request.url()}`));
  page.on("response", (response) => {
    if (response.status() >= 400) problems.push(`${response.status()} for ${response.url()}`);
  });
  page.setDefaultTimeout(15_000);
  await page.setViewportSize({ width: 1360, height: 900 });
  await page.goto(new URL(path, site).href);
  await says(page, "connection-status", /^Connected\.$/);
  return { page, problems };
}

/** The same for as long as a test runs; in the end nothing must have happened that should not. */
export async function openFor(t: TestContext, url: string, path?: string): Promise<Page> {
  const { page, problems } = await openPlayground(url, path);
  t.after(async () => {
    await page.context().close();
    assert.deepEqual(problems, []);
  });
  return page;
}

export async function send(page: Page, message: string): Promise<void> {
  await page.fill("#message", message);
  await page.click("text=Send message");
}

/** Waits until an element says so; returns what it says. */
export async function says(page: Page, id: string, wanted: RegExp): Promise<string> {
  const element = page.locator(`#${id}`, { hasText: wanted });
  await element.waitFor();
  return (await element.textContent()) ?? "";
}

/** The rows of a list of frames, once there are so many: sender, opcode, flags, length and preview of each. */
export async function framesOf(page: Page, list: "wire" | "decode", count: number): Promise<string[][]> {
  const rows = page.locator(`#${list}-frames .row`);
  await rows.nth(count - 1).waitFor();
  return textsOf(rows, "span");
}

/** The same without lengths, a line each: "→ text FIN MASK Hello". */
export async function linesOf(page: Page, list: "wire" | "decode", count: number): Promise<string[]> {
  const rows = await framesOf(page, list, count);
  return rows.map(([sender, opcode, flags, , preview]) =>
    [sender, opcode, flags, preview].filter(Boolean).join(" "),
  );
}

/** Of each element what the parts of it say that a selector finds. */
export function textsOf(elements: Locator, parts: string): Promise<string[][]> {
  return elements.evaluateAll(
    (found, selector) =>
      found.map((element) => [...element.querySelectorAll(selector)].map((part) => part.textContent ?? "")),
    parts,
  );
}

/** WCAG 2.2, 1.4.3: the least contrast of text. */
const LEAST_CONTRAST = 4.5;

/** What the page says in colours that are too alike; controls that are out of reach are exempt. */
export async function faintTexts(page: Page): Promise<string[]> {
  const texts = await page.locator("body *").evaluateAll((elements) => {
    const found: { text: string; color: string; ground: string }[] = [];
    for (const element of elements) {
      const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim());
      if (!own || element.closest(":disabled, label:has(:disabled)") || !element.checkVisibility()) continue;
      let behind: Element | null = element;
      while (behind && getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)")
        behind = behind.parentElement;
      found.push({
        text: (element.textContent ?? "").trim().slice(0, 40),
        color: getComputedStyle(element).color,
        ground: behind === null ? "rgb(255, 255, 255)" : getComputedStyle(behind).backgroundColor,
      });
    }
    return found;
  });
  return texts
    .filter(({ color, ground }) => contrast(color, ground) < LEAST_CONTRAST)
    .map(({ text, color, ground }) => `${text}: ${color} on ${ground}`);
}

function contrast(color: string, ground: string): number {
  const [darker, lighter] = [luminance(color), luminance(ground)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

/** WCAG 2.2: relative luminance. */
function luminance(color: string): number {
  const [red, green, blue] = (color.match(/[\d.]+/g) ?? []).map((part) => {
    const share = Number(part) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
