// The model in use: its training data, its metrics on later leads, and its curves.

import { fetchJson } from "./api.js";
import { curvesSection } from "./curves.js";
import { facts, make, table } from "./dom.js";
import { METRIC_NAMES, NOTHING, amount, figure, number, percent, time, words } from "./format.js";
import { gainsDrawing, reliabilityDrawing } from "./quality.js";
import { decisionsSection, readVersions, versionsSection } from "./versions.js";

const INTERVAL = { title: "Interval", className: "whole" };

export async function showModel(place, signal) {
  const [card, terms, versions] = await Promise.all([
    fetchJson("/v1/model", { signal }), fetchJson("/v1/model/terms", { signal }), readVersions(signal),
  ]);
  const evaluation = card.evaluation;
  return [
    make("h1", {}, `Model version ${card.model_version}`),
    about(card),
    card.notes.map((note) => make("p", { class: "note" }, note)),
    Object.keys(card.metrics).length ? section("Metrics on later leads", metrics(card.metrics)) : null,
    make("div", { class: "beside" },
      evaluation.reliability?.length ? section("Predicted and observed", reliabilityDrawing(evaluation.reliability)) : null,
      evaluation.gains_curve?.length ? section("Cumulative gains", gainsDrawing(evaluation.gains_curve)) : null),
    Object.keys(evaluation.gains ?? {}).length ? section("Lift", gains(evaluation.gains)) : null,
    section("Versions", versionsSection(versions)),
    versions === null ? null : section("Decisions", decisionsSection(versions)),
    card.verdict.length ? section("Rules of the gate", verdict(card.verdict)) : null,
    section("Bands", bands(card.bands)),
    section("Points of every feature", ...curvesSection(terms)),
  ];
}

function section(title, ...content) {
  const id = title.toLowerCase().replaceAll(" ", "-");
  return make("section", { "aria-labelledby": id }, make("h2", { id }, title), ...content);
}

function about(card) {
  const from = card.trained_on;
  return make("div", { class: "summary" }, facts([
    ["Trained", time(card.created_at)],
    ["History from", time(card.history_from)],
    ["Outcomes complete until", time(card.observed_until)],
    ["Main horizon", `${number(card.horizon_days)} days`],
    ["Longest horizon", `${number(card.time_edges_days.at(-1))} days`],
    from.leads === undefined ? null : ["Leads", number(from.leads)],
    from.converted_leads === undefined ? null : ["Converted", number(from.converted_leads)],
    from.examples === undefined ? null : ["Examples", number(from.examples)],
    card.expected_amount === null ? null : ["Mean amount of a conversion", amount(card.expected_amount)],
    ["Feature set", card.feature_set],
  ]));
}

function metrics(found) {
  return table("Metrics on leads later than all training data, with 95 % intervals",
    [{ title: "Metric", head: true }, { title: "Value", number: true }, INTERVAL, { title: "Examples", number: true }],
    Object.entries(found).map(([name, metric]) => [
      METRIC_NAMES[name] ?? words(name), figure(metric.value), interval(metric, figure), number(metric.n)]));
}

function gains(found) {
  const rows = Object.entries(found).sort(([, first], [, second]) => first.share - second.share);
  const hasRevenue = rows.some(([, gain]) => gain.revenue);
  return table("Lift and conversions among the leads called first",
    [{ title: "Leads called", head: true }, { title: "Lift", number: true }, { ...INTERVAL, title: "Interval of the lift" },
      { title: "Of all conversions", number: true }, INTERVAL,
      ...(hasRevenue ? [{ title: "Of all revenue", number: true }] : [])],
    rows.map(([, gain]) => [
      `${percent(gain.share)}${gain.leads_per_week ? ` (${number(gain.leads_per_week)} a week)` : ""}`,
      figure(gain.lift.value), interval(gain.lift, figure), percent(gain.conversions.value), interval(gain.conversions, percent),
      ...(hasRevenue ? [gain.revenue ? percent(gain.revenue.value) : NOTHING] : [])]));
}

function interval(metric, write) {
  return metric.low === null || metric.low === undefined ? NOTHING : `${write(metric.low)} to ${write(metric.high)}`;
}

function verdict(rows) {
  return table("Rules of the gate", [{ title: "Rule", head: true }, { title: "Passed" }, { title: "Finding" }],
    rows.map((row) => [words(row.rule), passed(row.passed), row.sentence]), { hideCaption: true });
}

function passed(is) {
  if (is === null || is === undefined) return make("span", { class: "muted" }, "not judged");
  return make("span", { class: is ? "raises" : "lowers" }, is ? "yes" : "no");
}

function bands(all) {
  return table("Limits of the bands", [{ title: "Band", head: true }, { title: "Probability at least", number: true }],
    all.map((band) => [make("span", { class: "band", "data-band": band.name }, band.name), percent(band.at_least)]), { hideCaption: true });
}
