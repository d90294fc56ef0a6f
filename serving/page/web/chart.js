// Shared parts of the charts: scales, axes, and redrawing when the width changes.

import { draw, make } from "./dom.js";

const NICE = [1, 2, 2.5, 5, 10];

export function scale([from, until], [start, end]) {
  const span = until - from || 1;
  return (value) => start + ((value - from) / span) * (end - start);
}

/** Round numbers from at most `from` to at least `until`. */
export function ticks(from, until, count = 5) {
  const rough = (until - from) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = NICE.find((nice) => nice * power >= rough * 0.999) * power;
  const found = [];
  for (let value = Math.floor(from / step) * step; value < until + step * 0.999; value += step) {
    found.push(Number(value.toPrecision(12)));
  }
  return found;
}

/** A figure as wide as its place: `paint(width)` returns the SVG. */
export function drawing(label, paint, ...captions) {
  const place = make("div", { class: "drawing" });
  const figure = make("figure", {}, place, captions.length ? make("figcaption", {}, captions) : null);
  let drawn = 0;
  new ResizeObserver(([entry]) => {
    const width = Math.floor(entry.contentRect.width);
    if (width > 0 && width !== drawn) {
      drawn = width;
      place.replaceChildren(paint(width));
    }
  }).observe(place);
  figure.setAttribute("aria-label", label);
  return figure;
}

export function canvas(width, height, label, ...children) {
  return draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, ...children);
}

export function axisLeft(values, y, x0, x1, write) {
  return values.map((value) => [
    draw("line", { class: "grid", x1: x0, x2: x1, y1: y(value), y2: y(value) }),
    draw("text", { class: "tick", x: x0 - 6, y: y(value), dy: "0.32em", "text-anchor": "end" }, write(value)),
  ]);
}

export function axisBottom(values, x, y, write) {
  return values.map((value) => [
    draw("line", { class: "axis", x1: x(value), x2: x(value), y1: y, y2: y + 4 }),
    draw("text", { class: "tick", x: x(value), y: y + 16, "text-anchor": "middle" }, write(value)),
  ]);
}

export function path(points) {
  return points.map(([x, y], place) => `${place ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

/** Content that a button shows, such as the numbers of a chart as a table. */
export function behind(title, content) {
  return make("details", {}, make("summary", {}, title), content);
}
