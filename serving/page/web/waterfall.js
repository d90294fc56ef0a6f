// The sum of points from the average lead to this one, with the numbers of the response.

import { draw, make, table } from "./dom.js";
import { percent, points, reasonValue } from "./format.js";
import { scale } from "./chart.js";

const WIDTH = 240;
const HEIGHT = 18;
const SHOWN_DIGITS = 2;
const ALL_DIGITS = 10;

export function waterfall(score) {
  const holder = make("div", {});
  const exact = make("input", { type: "checkbox", id: "all-digits", onchange: paint });
  paint();
  return [
    make("p", { class: "muted" },
      "Points are log-odds. They begin with the average lead and add up to this lead's probability exactly; " +
      "they say what moved the probability, not what caused a conversion."),
    make("p", {}, exact, " ", make("label", { for: "all-digits" }, "Show all digits")),
    holder,
  ];

  function paint() {
    holder.replaceChildren(sum(score, exact.checked ? ALL_DIGITS : SHOWN_DIGITS));
  }
}

function sum(score, digits) {
  const steps = stepsOf(score);
  const ends = steps.flatMap((step) => [step.from, step.until]);
  const x = scale([Math.min(...ends), Math.max(...ends)], [2, WIDTH - 2]);
  const columns = [{ title: "Feature", head: true }, { title: "Value" }, { title: "Points", number: true },
    { title: "Sum", className: "steps" }, { title: "Probability so far", number: true }];
  const first = [`The average lead within ${score.horizon_days} days`, "", plain(score.base_log_odds, digits), "",
    percent(probabilityOf(score.base_log_odds))];
  const rows = steps.map((step) => [
    step.reason.label, make("bdi", { class: step.reason.value === null ? "muted" : null }, valueOf(step.reason)),
    make("data", { value: step.reason.points, class: step.reason.direction }, points(step.reason.points, digits)),
    bar(step, x), percent(probabilityOf(step.until)),
  ]);
  const last = ["This lead", "", plain(steps.at(-1)?.until ?? score.base_log_odds, digits), "",
    make("strong", {}, percent(score.probability))];
  return table("From the average lead to this one", columns, [first, ...rows, last], { className: "waterfall", hideCaption: true });
}

/** Where each reason begins and ends; the response has the strongest first. */
export function stepsOf(score) {
  let from = score.base_log_odds;
  return score.reasons.filter((reason) => reason.feature !== "other" || Math.abs(reason.points) >= 5e-9).map((reason) => {
    const step = { reason, from, until: from + reason.points };
    from = step.until;
    return step;
  });
}

function valueOf(reason) {
  if (reason.feature === "other") return "";
  return reasonValue(reason.value);
}

function plain(value, digits) {
  return make("data", { value }, points(value, digits));
}

function probabilityOf(logOdds) {
  return 1 / (1 + Math.exp(-logOdds));
}

function bar(step, x) {
  const from = x(step.from), until = x(step.until);
  return draw("svg", { class: "step", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("line", { class: "grid", x1: from, x2: from, y1: 0, y2: HEIGHT }),
    draw("rect", { class: step.reason.direction, x: Math.min(from, until), width: Math.max(1, Math.abs(until - from)), y: 3, height: HEIGHT - 6 }));
}
