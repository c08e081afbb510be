/** The section Echo run: what to send, and how it goes, live. */

import { byId } from "../dom.js";
import { Chart } from "./chart.js";
import { type EchoOptions, runEcho, type Sample } from "./echo-run.js";

const form = byId("echo-form", HTMLFormElement);
const button = byId("echo-run", HTMLButtonElement);
const status = byId("echo-status", HTMLElement);

const LINE = { name: "messages a second", className: "line-a" };
const LINES = [
  { name: "p50", className: "line-a" },
  { name: "p99", className: "line-b" },
];

function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en");
}

function formatMs(ms: number): string {
  return `${ms < 10 ? Number(ms.toPrecision(2)) : formatCount(ms)} ms`;
}

function describe({ at, messages, perSecond, p50, p99 }: Sample): string {
  const times = messages === 0 ? "" : `; latency p50 ${formatMs(p50)}, p99 ${formatMs(p99)}`;
  return `${formatCount(messages)} messages in ${at.toFixed(1)} s: ${formatCount(perSecond)} a second${times}`;
}

function optionsOf(data: FormData): EchoOptions {
  return {
    size: Number(data.get("size")),
    inFlight: Number(data.get("in-flight")),
    seconds: Number(data.get("seconds")),
    compressed: data.has("echo-compressed"),
  };
}

export function startEchoView(): void {
  const rate = new Chart(byId("echo-rate", HTMLElement), "Messages a second", [LINE], formatCount);
  const latency = new Chart(byId("echo-latency", HTMLElement), "Latency", LINES, formatMs);
  let running: AbortController | undefined;

  const run = async (options: EchoOptions, signal: AbortSignal) => {
    byId("echo-charts", HTMLElement).hidden = false;
    rate.clear();
    latency.clear();
    status.textContent = "Running…";
    const whole = await runEcho(
      options,
      ({ at, perSecond, p50, p99 }) => {
        rate.add({ at, values: [perSecond] }, options.seconds);
        latency.add({ at, values: [p50, p99] }, options.seconds);
      },
      signal,
    );
    rate.describe(`Messages a second: ${formatCount(whole.perSecond)} on average`);
    latency.describe(`Latency: p50 ${formatMs(whole.p50)}, p99 ${formatMs(whole.p99)}`);
    const how = signal.aborted ? "Stopped" : whole.at < options.seconds ? "The connection closed" : "Done";
    status.textContent = `${how}: ${describe(whole)}.`;
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (running !== undefined) {
      running.abort();
      return;
    }
    running = new AbortController();
    button.textContent = "Stop";
    run(optionsOf(new FormData(form)), running.signal)
      .catch((error: unknown) => {
        status.textContent = `Failed: ${error instanceof Error ? error.message : error}`;
      })
      .finally(() => {
        running = undefined;
        button.textContent = "Run";
      });
  });
}
