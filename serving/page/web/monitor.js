// What `leadodds monitor` found when it last ran: the verdict, and expected and observed conversions.

import { facts, make, table } from "./dom.js";
import { NOTHING, figure, number, percent, time, words } from "./format.js";

const COLUMNS = [
  { title: "Scores", head: true }, { title: "Given", number: true }, { title: "Expected so far", number: true },
  { title: "Observed so far", number: true }, { title: "Observed over expected", number: true },
];

export function monitorSection(found) {
  if (found === null) {
    return make("p", { class: "empty" }, "leadodds monitor has not run in this home yet.");
  }
  const { verdict, expected_observed: compared } = found;
  return [
    make("p", verdict.flagged ? { class: "note", role: "alert" } : {}, verdict.sentence),
    facts([
      ["Monitored", time(found.as_of)], ["Outcomes until", time(found.observed_until)],
      ["Horizon", `${number(found.horizon_days)} days`], ["Action", words(verdict.action)],
    ]),
    crossed(verdict.lines.filter((line) => line.state === "crossed").slice(1)),
    table("Expected and observed conversions", COLUMNS, [
      row("Last horizon", compared.recent),
      compared.last_complete === null ? null : row("Last complete horizon", compared.last_complete),
      ...(compared.by.version ?? []).map((cohort) => row(`Version ${cohort.name}`, cohort)),
      ...(compared.by.band ?? []).map((cohort) => row(`Band ${cohort.name}`, cohort)),
    ].filter((each) => each !== null), { hideCaption: true }),
    make("p", { class: "muted" }, "Scores whose horizon is not over count as far as they have come. Below each ratio is its 95 % interval; " +
      `of the last horizon ${percent(compared.recent.complete_share)} is over.`),
  ];
}

function crossed(lines) {
  return lines.length ? make("ul", {}, lines.map((line) => make("li", {}, `${words(line.action)}: ${line.sentence}`))) : null;
}

function row(name, cohort) {
  const { value, low, high } = cohort.ratio;
  const ratio = value === null ? NOTHING : [figure(value), make("small", { class: "under" }, `${figure(low)} to ${figure(high)}`)];
  return [name, number(cohort.scores), figure(cohort.expected), number(cohort.observed), ratio];
}
