/** Memory over time, as a picture for the documentation. */

import type { SoakSample } from "./run.js";

const WIDTH = 720;
const HEIGHT = 260;
const LEFT = 60;
const BOTTOM = 36;
const TOP = 28;

/** An SVG of the resident memory of both processes. */
export function chartOf(samples: readonly SoakSample[], title: string): string {
  const last = samples.at(-1)?.seconds ?? 1;
  const most = Math.max(...samples.flatMap(({ serverRss, clientRss }) => [serverRss, clientRss])) / 2 ** 20;
  const top = Math.ceil(most / 100) * 100;
  const x = (seconds: number) => LEFT + ((WIDTH - LEFT - 16) * seconds) / last;
  const y = (mib: number) => HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - TOP) * mib) / top;
  const line = (color: string, of: (sample: SoakSample) => number) => {
    const points = samples.map(
      (sample) => `${x(sample.seconds).toFixed(1)},${y(of(sample) / 2 ** 20).toFixed(1)}`,
    );
    return `<polyline fill="none" stroke="${color}" stroke-width="2" points="${points.join(" ")}"/>`;
  };
  const text = (at: number, height: number, content: string, more = "") =>
    `<text x="${at.toFixed(1)}" y="${height.toFixed(1)}" ${more}>${content}</text>`;
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<line x1="${LEFT}" x2="${WIDTH - 16}" y1="${y(top * share).toFixed(1)}" y2="${y(top * share).toFixed(1)}" stroke="#8884"/>` +
      text(LEFT - 6, y(top * share) + 4, `${top * share}`, 'text-anchor="end"'),
  );
  const minutes = Array.from({ length: 6 }, (_, i) => (last * i) / 5);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#777">`,
    `<title>${title}</title>`,
    text(LEFT, 16, title),
    ...grid,
    ...minutes.map((at) => text(x(at), HEIGHT - 16, `${Math.round(at)} s`, 'text-anchor="middle"')),
    line("#2a7de1", ({ serverRss }) => serverRss),
    line("#e1862a", ({ clientRss }) => clientRss),
    text(WIDTH - 190, TOP + 14, "server, MiB resident", 'fill="#2a7de1"'),
    text(WIDTH - 190, TOP + 30, "clients, MiB resident", 'fill="#e1862a"'),
    "</svg>\n",
  ].join("\n");
}
