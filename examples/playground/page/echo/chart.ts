/** Lines over time, drawn as they grow. Numbers beside it are text of the page, so that they keep their size. */

import { make, makeSvg } from "../dom.js";
import { roundUp } from "./scale.js";

export interface Series {
  readonly name: string;
  /** Of its line, and in the legend. */
  readonly className: string;
}

export interface Point {
  /** Seconds. */
  readonly at: number;
  /** One for each series. */
  readonly values: readonly number[];
}

const WIDTH = 100;
const HEIGHT = 100;

export class Chart {
  readonly #format: (value: number) => string;
  readonly #lines: readonly SVGPolylineElement[];
  readonly #top = make("span", { class: "top" });
  readonly #end = make("span", { class: "end" });
  readonly #svg: SVGSVGElement;
  #points: Point[] = [];

  /**
   * @param figure - where it goes.
   * @param title - a description of the chart.
   * @param format - how a value is written, with its unit.
   */
  constructor(
    figure: HTMLElement,
    title: string,
    series: readonly Series[],
    format: (value: number) => string,
  ) {
    this.#format = format;
    this.#lines = series.map(({ className }) =>
      makeSvg("polyline", { class: className, fill: "none", "vector-effect": "non-scaling-stroke" }),
    );
    const middle = HEIGHT / 2;
    this.#svg = makeSvg(
      "svg",
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        preserveAspectRatio: "none",
        role: "img",
        "aria-label": `${title}: nothing yet`,
      },
      makeSvg("path", {
        class: "grid",
        d: `M0 0H${WIDTH}M0 ${middle}H${WIDTH}M0 ${HEIGHT}H${WIDTH}`,
        "vector-effect": "non-scaling-stroke",
      }),
      ...this.#lines,
    );
    const legend = series.map(({ name, className }) => make("span", { class: `swatch ${className}` }, name));
    figure.replaceChildren(
      make(
        "figcaption",
        {},
        title,
        series.length > 1 ? make("span", { class: "legend" }, ...legend) : undefined,
      ),
      make("div", { class: "plot" }, this.#top, this.#svg, this.#end),
    );
  }

  clear(): void {
    this.#points = [];
    for (const line of this.#lines) line.setAttribute("points", "");
  }

  /** @param seconds - where the axis of time ends. */
  add(point: Point, seconds: number): void {
    this.#points.push(point);
    const greatest = roundUp(Math.max(...this.#points.flatMap(({ values }) => values)));
    const duration = Math.max(seconds, point.at);
    for (const [i, line] of this.#lines.entries()) {
      const places = this.#points.map(
        ({ at, values }) => `${(at / duration) * WIDTH},${HEIGHT - (values[i] / greatest) * HEIGHT}`,
      );
      line.setAttribute("points", places.join(" "));
    }
    this.#top.textContent = this.#format(greatest);
    this.#end.textContent = `${Math.round(duration)} s`;
  }

  /** Says in words what the lines show. */
  describe(text: string): void {
    this.#svg.setAttribute("aria-label", text);
  }
}
