// A lead's probability over its life, with its interactions on the same time axis.

import { axisLeft, behind, canvas, drawing, path, scale, ticks } from "./chart.js";
import { draw, make, table } from "./dom.js";
import { day, moment, percent, range, time, words } from "./format.js";

const LEFT = 76, RIGHT = 14, TOP = 10, PLOT = 200, LANE = 22;
const LANES = [["inbound", "Inbound"], ["outbound", "Outbound"], ["", "Other"]];
const DAY_WIDTH = 112;

export function lifeDrawing(life, interactions) {
  const points = life.points.filter((point) => point.probability !== null)
    .map((point) => ({ ...point, at: Date.parse(point.as_of) }));
  if (points.length < 2) return make("p", { class: "empty" }, "No line yet: the lead is too young.");
  // The line has a point right before each jump; the cursor skips it.
  const stops = points.filter((point, place) => place === points.length - 1 || points[place + 1].at - point.at > 1);
  // An interaction that was sent late moves the line when it becomes known.
  const marks = interactions.map((row) => ({ ...row, at: Date.parse(row.available_at ?? row.occurred_at) }))
    .sort((first, second) => first.at - second.at);
  const lanes = LANES.filter(([direction]) => marks.some((mark) => laneOf(mark) === direction));
  const reading = make("output", { class: "reading", "aria-live": "polite" });
  let chosen = stops.length - 1;
  const label = `Probability from ${percent(points[0].probability)} on ${day(points[0].as_of)} to ` +
    `${percent(points.at(-1).probability)} on ${day(points.at(-1).as_of)}, with ${marks.length} interactions.`;

  const figure = drawing("Probability over the life of the lead", paint, reading,
    make("span", { class: "muted" }, "Point at the line, or use the arrow keys, to read it."));
  const place = figure.querySelector(".drawing");
  place.tabIndex = 0;
  place.setAttribute("role", "group");
  place.setAttribute("aria-label", `${label} Arrow keys move along the line.`);
  place.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -stops.length, End: stops.length }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    choose(chosen + step);
  });
  let moveCursor = () => {};

  function choose(stop) {
    chosen = Math.min(stops.length - 1, Math.max(0, stop));
    const point = stops[chosen], before = stops[chosen - 1];
    const since = marks.filter((mark) => mark.at <= point.at && mark.at > (before?.at ?? -Infinity));
    const kinds = since.map((mark) => words(mark.kind));
    reading.replaceChildren(make("strong", {}, percent(point.probability)),
      point.probability_low === null ? "" : ` (${range(point.probability_low, point.probability_high)})`, ` as of ${moment(point.as_of)}`,
      kinds.length ? make("bdi", {}, ` · ${kinds.slice(0, 4).join(", ")}${kinds.length > 4 ? ` and ${kinds.length - 4} more` : ""}`) : "");
    moveCursor(point);
  }

  function paint(width) {
    const height = TOP + PLOT + lanes.length * LANE + 30;
    const x = scale([points[0].at, points.at(-1).at], [LEFT, width - RIGHT]);
    const most = Math.max(...points.map((point) => point.probability_high ?? point.probability));
    const steps = ticks(0, most, 4);
    const y = scale([0, steps.at(-1)], [TOP + PLOT, TOP]);
    const line = points.map((point) => [x(point.at), y(point.probability)]);
    const ranged = points.filter((point) => point.probability_low !== null);
    const area = [...ranged.map((point) => [x(point.at), y(point.probability_high)]),
      ...ranged.toReversed().map((point) => [x(point.at), y(point.probability_low)])];
    const cursor = draw("g", { class: "cursor" }, draw("line", { y1: TOP, y2: height - 30 }), draw("circle", { r: 4 }));
    const drawn = canvas(width, height, label,
      axisLeft(steps, y, LEFT, width - RIGHT, percentTick(steps)),
      area.length ? draw("path", { class: "area", d: `${path(area)}Z` }) : null,
      draw("path", { class: "line", d: path(line) }),
      lanes.map(([direction, title], place) => lane(marks, direction, title, x, TOP + PLOT + (place + 0.5) * LANE + 4, width - RIGHT)),
      days(points[0].at, points.at(-1).at, x, height - 26, width), cursor);
    moveCursor = (point) => {
      cursor.firstChild.setAttribute("x1", x(point.at));
      cursor.firstChild.setAttribute("x2", x(point.at));
      cursor.lastChild.setAttribute("cx", x(point.at));
      cursor.lastChild.setAttribute("cy", y(point.probability));
    };
    drawn.addEventListener("pointermove", (event) => {
      const at = event.clientX - drawn.getBoundingClientRect().left;
      const distances = stops.map((point) => Math.abs(x(point.at) - at));
      choose(distances.indexOf(Math.min(...distances)));
    });
    choose(chosen);
    return drawn;
  }

  return [figure, behind("The line as a table", table("Probability over the life of the lead",
    [{ title: "As of", head: true }, { title: "Probability", number: true }, { title: "Plausible range" }, { title: "Band" }, { title: "Stage" }],
    [...stops, ...life.points.filter((point) => point.probability === null)].map((point) => [time(point.as_of), percent(point.probability),
      range(point.probability_low, point.probability_high), point.band ?? "none", point.stage ?? point.status]),
    { hideCaption: true }))];
}

function laneOf(mark) {
  return LANES.some(([direction]) => direction === mark.direction) ? mark.direction : "";
}

function lane(marks, direction, title, x, y, end) {
  return draw("g", { class: `lane ${direction}` },
    draw("line", { class: "grid", x1: LEFT, x2: end, y1: y, y2: y }),
    draw("text", { class: "tick", x: 0, y, dy: "0.32em" }, title),
    marks.filter((mark) => laneOf(mark) === direction).map((mark) =>
      draw("circle", { class: "mark", cx: Math.max(LEFT, x(mark.at)).toFixed(1), cy: y, r: 4 },
        draw("title", {}, `${words(mark.kind)}, ${moment(mark.occurred_at)}`))));
}

function days(from, until, x, y, width) {
  const count = Math.max(2, Math.floor((width - LEFT - RIGHT) / DAY_WIDTH));
  const places = Array.from({ length: count }, (_, place) => from + ((until - from) * place) / (count - 1));
  return places.map((at, place) => [
    draw("line", { class: "axis", x1: x(at), x2: x(at), y1: y, y2: y + 4 }),
    draw("text", { class: "tick", x: x(at), y: y + 17, "text-anchor": place === 0 ? "start" : place === count - 1 ? "end" : "middle" },
      day(new Date(at).toISOString())),
  ]);
}

export function percentTick(steps) {
  const digits = Math.max(0, Math.min(3, Math.ceil(-Math.log10((steps[1] - steps[0]) * 100) - 1e-9)));
  const isHalf = !Number.isInteger(Number(((steps[1] - steps[0]) * 100 * 10 ** digits).toFixed(6)));
  return (share) => `${(share * 100).toFixed(isHalf ? digits + 1 : digits)} %`;
}
