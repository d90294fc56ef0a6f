// One lead: its score, its life, the sum of its points, what is known of it and what is not.

import { ask, leadPath } from "./api.js";
import { bandChip } from "./cells.js";
import { behind } from "./chart.js";
import { facts, make, table } from "./dom.js";
import { NOTHING, amount, moment, number, percent, range, time, waiting, words } from "./format.js";
import { lifeDrawing } from "./life.js";
import { waterfall } from "./waterfall.js";

const INTERACTIONS_READ = 1000;
const INTERACTIONS_SHOWN = 100;

export async function showLead({ id }, signal) {
  const [lead, score, life] = await Promise.all([
    ask(leadPath(id, `?interactions=${INTERACTIONS_READ}`), { signal }),
    ask(leadPath(id, "/score?reasons=all"), { signal }),
    ask(leadPath(id, "/life"), { signal }),
  ]);
  return [
    make("p", {}, make("a", { href: "#/leads" }, "← Call list")),
    make("h1", {}, make("bdi", {}, lead.lead_id)),
    summary(lead, score),
    score.notes.map((note) => make("p", { class: "note" }, note)),
    section("Probability over its life", lifeDrawing(life, lead.interactions),
      life.moments_left_out ? make("p", { class: "muted" }, `${number(life.moments_left_out)} moments between are left out.`) : null),
    score.probability === null ? null : section("What moved it", waterfall(score)),
    section("What is known", known(lead)),
    section("What is not known", unknown(lead, score)),
    section("Interactions", interactions(lead.interactions)),
  ];
}

function section(title, ...content) {
  const id = title.toLowerCase().replaceAll(" ", "-");
  return make("section", { "aria-labelledby": id }, make("h2", { id }, title), ...content);
}

function summary(lead, score) {
  const outcome = lead.outcome;
  return make("div", { class: "summary" },
    make("p", { class: "big" },
      score.probability === null ? words(score.status)
        : [make("strong", { id: "probability" }, make("data", { value: score.probability }, percent(score.probability))),
          make("span", { class: "muted" }, ` within ${number(score.horizon_days)} days`)]),
    facts([
      score.probability === null ? null : ["Plausible range (90 %)", range(score.probability_low, score.probability_high)],
      score.status === "insufficient_evidence" ? ["Evidence", "not enough for a band"] : null,
      score.probability === null ? null : ["Band", bandChip(score.band)],
      score.stage === null ? null : ["Stage", `${score.stage}${score.prospect ? ", prospect" : ""}`],
      ["Waiting", waiting(score.waiting_hours)],
      score.expected_value === null ? null : ["Expected value", amount(score.expected_value)],
      outcome === null ? null : [words(outcome.outcome), time(outcome.occurred_at)],
      outcome === null || outcome.amount === null ? null : ["Amount", amount(outcome.amount)],
      ["Created", time(lead.created_at)],
      lead.account_id === null ? null : ["Account", make("bdi", {}, lead.account_id)],
      ["As of", time(score.as_of)],
      ["Model version", score.model_version],
    ]),
    score.curve.length ? behind("Within other times", table("Probability within other times",
      [{ title: "Within", head: true }, { title: "Probability", number: true }],
      score.curve.map((point) => [`${number(point.days)} days`, percent(point.probability)]), { hideCaption: true })) : null);
}

function known(lead) {
  const values = Object.entries(lead.attributes).filter(([, value]) => value !== null);
  if (!values.length) return make("p", { class: "empty" }, "No attribute is known.");
  return facts(values.map(([name, value]) => [make("bdi", {}, words(name)), make("bdi", {}, tell(value))]));
}

function tell(value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" ? number(value) : value;
}

function unknown(lead, score) {
  const attributes = Object.entries(lead.attributes).filter(([, value]) => value === null).map(([name]) => words(name));
  const features = score.reasons.filter((reason) => reason.value === null && reason.feature !== "other").map((reason) => reason.label);
  // An attribute and the feature of it are told by nearly the same words.
  const all = [...new Map([...attributes, ...features].map((one) => [one.toLowerCase(), one])).values()];
  if (!all.length) return make("p", { class: "empty" }, "No attribute is missing, and nothing that is not known moved the probability.");
  return make("ul", { class: "unknown" }, all.map((one) => make("li", {}, make("bdi", {}, one))));
}

function interactions(all) {
  if (!all.length) return make("p", { class: "empty" }, "There were none.");
  const shown = all.slice(0, INTERACTIONS_SHOWN);
  const rows = shown.map((one) => [
    time(one.occurred_at), make("bdi", {}, words(one.kind)), one.direction ?? NOTHING,
    make("bdi", {}, one.channel ?? NOTHING), one.value === null || one.value === undefined ? NOTHING : number(one.value),
    make("bdi", {}, one.campaign ?? NOTHING), Date.parse(one.available_at) === Date.parse(one.occurred_at) ? NOTHING : moment(one.available_at),
  ]);
  return [
    all.length > shown.length ? make("p", { class: "muted" }, `The newest ${shown.length} of ${all.length === INTERACTIONS_READ ? "the newest " : ""}${number(all.length)}.`) : null,
    table("Interactions, the newest first", [{ title: "When", head: true }, { title: "Kind" }, { title: "Direction" },
      { title: "Channel" }, { title: "Value", number: true }, { title: "Campaign" }, { title: "Known since" }], rows, { hideCaption: true }),
  ];
}
