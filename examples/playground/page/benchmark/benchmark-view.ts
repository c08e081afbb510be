/** The section Benchmark: bars as they come, and the numbers in a table. */

import { byId, chosen, make } from "../dom.js";
import { PACES, type Row, runBenchmark } from "./benchmark.js";

const form = byId("benchmark-form", HTMLFormElement);
const button = byId("benchmark-run", HTMLButtonElement);
const status = byId("benchmark-status", HTMLElement);
const table = byId("benchmark-table", HTMLTableElement);
const rowsBody = byId("benchmark-rows", HTMLTableSectionElement);

let running: AbortController | undefined;

/** "16 B", "8 KiB". */
function formatSize(bytes: number): string {
  return bytes >= 1024 ? `${bytes / 1024} KiB` : `${bytes} B`;
}

/** Nanoseconds with three digits that mean something. */
function formatTime(ns: number): string {
  if (ns < 1000) return `${ns.toPrecision(3)} ns`;
  const us = ns / 1000;
  return us < 1000 ? `${us.toPrecision(3)} µs` : `${Math.round(us).toLocaleString("en")} µs`;
}

/** The slower of the two fills the line. */
function bar(kind: "wasm" | "reference", ns: number, longest: number): HTMLElement {
  const element = make("span", { class: `bar ${kind}` });
  element.style.inlineSize = `${Math.max(1, (ns / longest) * 100)}%`;
  return element;
}

function rowOf({ name, size, wasm, reference, ratio }: Row): HTMLElement {
  const longest = Math.max(wasm, reference);
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, name),
    make("td", {}, formatSize(size)),
    make("td", {}, formatTime(wasm)),
    make("td", {}, formatTime(reference)),
    make("td", { class: "ratio" }, `${ratio.toPrecision(2)} ×`),
    make(
      "td",
      { class: "bars", "aria-hidden": "true" },
      bar("wasm", wasm, longest),
      bar("reference", reference, longest),
    ),
  );
}

async function run(signal: AbortSignal): Promise<void> {
  const pace = PACES[chosen(form, "pace")];
  table.hidden = false;
  rowsBody.replaceChildren();
  status.textContent = "Running…";
  const rows: Row[] = [];
  for await (const row of runBenchmark(pace, signal)) {
    rows.push(row);
    rowsBody.append(rowOf(row));
    status.textContent = `Running: ${row.name}, ${formatSize(row.size)} is done.`;
  }
  status.textContent = `Done: medians of ${pace.rounds} rounds; outputs match.`;
  keep(rows);
}

/** Where the last result is kept, for the next visit. */
const KEPT = "hawser benchmark";

function keep(rows: readonly Row[]): void {
  try {
    localStorage.setItem(KEPT, JSON.stringify({ at: Date.now(), rows }));
  } catch {
    // A page without storage shows no earlier result.
  }
}

/** Shows the result of the last visit, if there is one. */
function showKept(): void {
  try {
    const { at, rows } = JSON.parse(localStorage.getItem(KEPT) ?? "{}") as { at?: number; rows?: Row[] };
    if (at === undefined || rows === undefined) return;
    rowsBody.replaceChildren(...rows.map(rowOf));
    table.hidden = false;
    status.textContent = `Your last run, of ${new Date(at).toLocaleString("en")}.`;
  } catch {
    // Nothing usable is stored.
  }
}

export function startBenchmarkView(): void {
  showKept();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (running !== undefined) {
      running.abort();
      return;
    }
    const current = new AbortController();
    running = current;
    button.textContent = "Stop";
    run(current.signal)
      .catch((error: unknown) => {
        status.textContent = current.signal.aborted ? "Stopped." : `Failed: ${error}`;
      })
      .finally(() => {
        running = undefined;
        button.textContent = "Run";
      });
  });
}
