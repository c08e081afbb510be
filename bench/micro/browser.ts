/**
 * `npm run bench:browser`: the codec in Chromium, compiled to WebAssembly against the reference in plain JavaScript.
 * Opens the playground, presses the button of its benchmark, and prints its table.
 */

import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { start } from "../../test/system/examples/playground-support.js";
import { describeEnvironment } from "../environment.js";
import { formatTable } from "./report.js";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

const USAGE = `npm run bench:browser -- [options]

  --quick   shorter and fewer rounds: for a first look, not for a claim
  --help

CHROMIUM says where Chromium is, if not at /usr/bin/chromium.`;

const { values } = parseArgs({
  options: { quick: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
});

if (values.help || !existsSync(executablePath)) {
  console.log(values.help ? USAGE : `there is no ${executablePath}\n\n${USAGE}`);
  process.exit(values.help ? 0 : 1);
}

/** Long enough for the thorough pace on a slow machine. */
const LONGEST_RUN_MS = 180_000;

const { cpu, cores, platform, commit, loadAverage } = await describeEnvironment();
const server = await start(0);
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
});
try {
  const page = await browser.newPage();
  await page.goto(server.url.replace(/^ws/, "http"));
  await page.selectOption("#benchmark select", values.quick ? "quick" : "thorough");
  await page.click("#benchmark-run");
  const status = page.locator("#benchmark-status", { hasText: /^(Done|Failed)/ });
  await status.waitFor({ timeout: LONGEST_RUN_MS });
  const said = (await status.textContent()) ?? "";
  if (!said.startsWith("Done")) throw new Error(said);

  const rows = await page
    .locator("#benchmark-table tr")
    .evaluateAll((elements) =>
      elements.map((row) =>
        [...row.querySelectorAll(":is(th, td):not(.bars)")].map((cell) => cell.textContent ?? ""),
      ),
    );
  console.log(
    `Chromium ${browser.version()}, ${cpu} x ${cores}, ${platform}, commit ${commit}, load ${loadAverage.toFixed(2)}`,
  );
  console.log(`${said}\n\n${formatTable(rows[0], rows.slice(1))}`);
} finally {
  await browser.close();
  server.child.kill();
}
