// Calibration, predicted against observed, and cumulative gains.

import { axisBottom, axisLeft, behind, canvas, drawing, path, scale, ticks } from "./chart.js";
import { draw, table } from "./dom.js";
import { number, percent, range } from "./format.js";
import { percentTick } from "./life.js";

const LEFT = 52, RIGHT = 26, TOP = 30, BOTTOM = 42;
const WIDEST = 520;

export function reliabilityDrawing(bins) {
  const most = Math.max(...bins.flatMap((bin) => [bin.promised, bin.happened.high ?? bin.happened.value]));
  const label = `Predicted against observed in ${bins.length} bins; on the diagonal both are equal.`;
  return [
    drawing("Reliability diagram", (width) => square(width, label, ticks(0, most, 4), "predicted", "observed", (x, y) =>
      bins.map((bin) => [
        bin.happened.low === null ? null : draw("line", { class: "interval", x1: x(bin.promised), x2: x(bin.promised),
          y1: y(bin.happened.low), y2: y(bin.happened.high) }),
        draw("circle", { class: "dot", cx: x(bin.promised), cy: y(bin.happened.value), r: 4 },
          draw("title", {}, `predicted ${percent(bin.promised)}, observed ${percent(bin.happened.value)}, n ${number(bin.happened.n)}`)),
      ])), `Each dot is a group of ${counts(bins)} examples; its line is the 95 % interval of the observed share. On the diagonal, both agree.`),
    behind("The bins as a table", table("Predicted and observed",
      [{ title: "Predicted", number: true }, { title: "Observed", number: true }, { title: "Interval", className: "whole" },
        { title: "Conversions", number: true }, { title: "Examples", number: true }],
      bins.map((bin) => [percent(bin.promised), percent(bin.happened.value), range(bin.happened.low, bin.happened.high),
        number(bin.conversions), number(bin.happened.n)]), { hideCaption: true })),
  ];
}

function counts(bins) {
  const all = bins.map((bin) => bin.happened.n);
  const least = Math.min(...all), most = Math.max(...all);
  return least === most ? number(most) : `${number(least)} to ${number(most)}`;
}

export function gainsDrawing(curve) {
  const point = curve.find(([share]) => share >= 0.2);
  const label = `Cumulative gains: the first ${percent(point[0])} of the leads include ${percent(point[1])} of the conversions.`;
  return drawing("Cumulative gains", (width) => square(width, label, ticks(0, 1, 4), "leads called", "conversions among them", (x, y) =>
    draw("path", { class: "line", d: path(curve.map(([share, held]) => [x(share), y(held)])) })),
  "The diagonal is a random order of calls.");
}

function square(width, label, steps, across, upward, paint) {
  const side = Math.min(width, WIDEST), height = Math.round(side * 0.8);
  const x = scale([0, steps.at(-1)], [LEFT, side - RIGHT]);
  const y = scale([0, steps.at(-1)], [height - BOTTOM, TOP]);
  const write = percentTick(steps);
  return canvas(side, height, label,
    axisLeft(steps, y, LEFT, side - RIGHT, write), axisBottom(steps, x, height - BOTTOM, write),
    draw("line", { class: "diagonal", x1: x(0), y1: y(0), x2: x(steps.at(-1)), y2: y(steps.at(-1)) }),
    paint(x, y),
    draw("text", { class: "tick", x: (LEFT + side - RIGHT) / 2, y: height - 6, "text-anchor": "middle" }, across),
    draw("text", { class: "tick", x: 0, y: 12 }, upward));
}
