// The points curve of every feature above a histogram of the training examples, and a map of every pair.

import { behind, canvas, drawing, scale, ticks } from "./chart.js";
import { draw, make, table } from "./dom.js";
import { percent, points } from "./format.js";

const LEFT = 40, RIGHT = 8, TOP = 8, PLOT = 110, BARS = 34, GAP = 8, FOOT = 20;
const CELL = 20;
const LONGEST_NAME = 11;

export function curvesSection(terms) {
  const cards = terms.curves.map((curve) => [curve.label.toLowerCase(), curveCard(curve)]);
  const count = make("span", { class: "muted", role: "status" });
  const search = make("input", { id: "feature", type: "search", oninput: choose });
  choose();
  return [
    make("p", { class: "muted" },
      `Log-odds within ${terms.horizon_days} days against the average lead; the strongest feature comes first. ` +
      "The bars below show how often each value occurred in training."),
    make("p", { class: "field" }, make("label", { for: "feature" }, "Find a feature"), search, count),
    make("div", { class: "curves" }, cards.map(([, card]) => card)),
    terms.pairs.length ? [make("h3", {}, "Pairs of features"),
      make("p", { class: "muted" }, "Points of two features together, besides those of each alone."),
      make("div", { class: "curves" }, terms.pairs.map(pairCard))] : null,
  ];

  function choose() {
    const text = search.value.trim().toLowerCase();
    for (const [label, card] of cards) card.hidden = !label.includes(text);
    const shown = cards.filter(([, card]) => !card.hidden).length;
    count.textContent = `${shown} of ${cards.length}`;
  }
}

function curveCard(curve) {
  const strongest = curve.points.reduce((best, value, place) => Math.abs(value) > Math.abs(curve.points[best]) ? place : best, 0);
  const label = `${curve.label}: from ${points(Math.min(...curve.points))} to ${points(Math.max(...curve.points))}, strongest at ${curve.bins[strongest]}.`;
  return make("article", { class: "card" }, make("h3", {}, curve.label),
    drawing(curve.label, (width) => curveDrawing(curve, width, label)),
    behind("As a table", table(curve.label, [{ title: "Value", head: true }, { title: "Points", number: true },
      ...(curve.share ? [{ title: "Of the examples", number: true }] : [])],
    curve.bins.map((bin, place) => [place === 0 && curve.missing ? `${bin}: ${curve.missing}` : bin, points(curve.points[place], 3),
      ...(curve.share ? [percent(curve.share[place])] : [])]), { hideCaption: true })));
}

function curveDrawing(curve, width, label) {
  const count = curve.bins.length;
  const height = TOP + PLOT + (curve.share ? GAP + BARS : 0) + FOOT;
  const steps = ticks(Math.min(0, ...curve.points), Math.max(0, ...curve.points), 3);
  const x = scale([0, count], [LEFT, width - RIGHT]);
  const y = scale([steps[0], steps.at(-1)], [TOP + PLOT, TOP]);
  const floor = height - FOOT;
  const bars = curve.share ? scale([0, Math.max(...curve.share)], [0, BARS]) : null;
  return canvas(width, height, label,
    steps.map((value) => [
      draw("line", { class: value === 0 ? "axis" : "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
      draw("text", { class: "tick", x: LEFT - 5, y: y(value), dy: "0.32em", "text-anchor": "end" }, String(value).replace("-", "−"))]),
    draw("path", { class: "line", d: curve.points.map((value, place) =>
      `${place < 2 ? "M" : "L"}${x(place).toFixed(1)} ${y(value).toFixed(1)}H${x(place + 1).toFixed(1)}`).join("") }),
    bars ? curve.share.map((share, place) => draw("rect", { class: "share", x: x(place) + 0.5, width: Math.max(1, x(place + 1) - x(place) - 1),
      y: floor - bars(share), height: bars(share) })) : null,
    curve.bins.map((bin, place) => draw("rect", { class: "hit", x: x(place), width: x(place + 1) - x(place), y: TOP, height: floor - TOP },
      draw("title", {}, `${bin}: ${points(curve.points[place])}${curve.share ? `, ${percent(curve.share[place])} of the examples` : ""}`))),
    names(curve.bins, width).map(([place, anchor]) => draw("text", { class: "tick", y: height - 5, "text-anchor": anchor,
      x: anchor === "start" ? x(place) : anchor === "end" ? x(place + 1) : x(place + 0.5) }, short(curve.bins[place]))));
}

function names(bins, width) {
  const last = bins.length - 1;
  const most = Math.max(2, Math.floor((width - LEFT) / 78));
  if (last + 1 <= most) return bins.map((_, place) => [place, "middle"]);
  const chosen = new Set(Array.from({ length: most }, (_, place) => Math.round((place * last) / (most - 1))));
  return [...chosen].map((place) => [place, place === 0 ? "start" : place === last ? "end" : "middle"]);
}

function short(name) {
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name;
}

function pairCard(pair) {
  const [first, second] = pair.axes;
  const most = Math.max(...pair.points.flat().map(Math.abs)) || 1;
  const title = `${first.label} and ${second.label}`;
  const label = `${title}: from ${points(Math.min(...pair.points.flat()))} to ${points(Math.max(...pair.points.flat()))}.`;
  return make("article", { class: "card" }, make("h3", {}, title),
    drawing(title, (width) => {
      const side = Math.min(CELL, (width - 4) / second.bins.length);
      const tall = Math.min(CELL, Math.max(6, side));
      return canvas(width, first.bins.length * tall + 4, label, pair.points.map((row, a) => row.map((value, b) =>
        draw("rect", { class: value < 0 ? "cell lowers" : "cell raises", "fill-opacity": (Math.abs(value) / most).toFixed(3),
          x: (b * side).toFixed(1), y: (a * tall).toFixed(1), width: side.toFixed(1), height: tall.toFixed(1) },
        draw("title", {}, `${first.bins[a]} and ${second.bins[b]}: ${points(value)}`)))));
    }, `Down: ${first.label}. Across: ${second.label}. `,
    make("span", { class: "raises" }, "raises"), ", ", make("span", { class: "lowers" }, "lowers"), `, at most ${most.toFixed(2)}.`));
}
