// One lead: its score, its life, the sum of its points, known and unknown attributes, its interactions.

import { fetchJson, leadPath } from "./api.js";
import { bandChip, recordLink } from "./cells.js";
import { behind } from "./chart.js";
import { facts, make, table } from "./dom.js";
import { NOTHING, amount, moment, number, percent, range, time, waiting, words } from "./format.js";
import { lifeDrawing } from "./life.js";
import { sayButtons } from "./say.js";
import { waterfall } from "./waterfall.js";

const INTERACTIONS_READ = 1000;
const INTERACTIONS_SHOWN = 100;

export async function showLead({ id }, signal) {
  const [lead, score, life] = await Promise.all([
    fetchJson(leadPath(id, `?interactions=${INTERACTIONS_READ}`), { signal }),
    fetchJson(leadPath(id, "/score?reasons=all"), { signal }),
    fetchJson(leadPath(id, "/life"), { signal }),
  ]);
  return [
    make("p", {}, make("a", { href: "#/leads" }, "← Call list")),
    make("h1", {}, make("bdi", {}, lead.lead_id), recordLink(lead)),
    sayButtons(lead.lead_id, reload),
    summary(lead, score),
    score.notes.map((note) => make("p", { class: "note" }, note)),
    section("Probability over its life", lifeDrawing(life, lead.interactions),
      life.moments_left_out ? make("p", { class: "muted" }, `${number(life.moments_left_out)} moments in between are left out.`) : null),
    score.probability === null ? null : section("What moved the probability", waterfall(score)),
    section("Known attributes", known(lead)),
    section("Unknown attributes and features", unknown(lead, score)),
    section("Interactions", interactions(lead.interactions)),
  ];
}

/** Shows the view again: score and interactions are read anew. */
async function reload() {
  window.dispatchEvent(new HashChangeEvent("hashchange"));
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
      score.held_out ? ["Rank", "by chance: held out to compare with the list"] : null,
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
  return facts(values.map(([name, value]) => [make("bdi", {}, words(name)), make("bdi", {}, valueText(value))]));
}

function valueText(value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" ? number(value) : value;
}

function unknown(lead, score) {
  const attributes = Object.entries(lead.attributes).filter(([, value]) => value === null).map(([name]) => words(name));
  const features = score.reasons.filter((reason) => reason.value === null && reason.feature !== "other").map((reason) => reason.label);
  // An attribute and its feature have nearly the same name.
  const all = [...new Map([...attributes, ...features].map((name) => [name.toLowerCase(), name])).values()];
  if (!all.length) return make("p", { class: "empty" }, "No attribute is missing, and no unknown value moved the probability.");
  return make("ul", { class: "unknown" }, all.map((name) => make("li", {}, make("bdi", {}, name))));
}

function interactions(all) {
  if (!all.length) return make("p", { class: "empty" }, "No interactions.");
  const shown = all.slice(0, INTERACTIONS_SHOWN);
  const rows = shown.map((row) => [
    time(row.occurred_at), make("bdi", {}, words(row.kind)), row.direction ?? NOTHING,
    make("bdi", {}, row.channel ?? NOTHING), row.value === null || row.value === undefined ? NOTHING : number(row.value),
    make("bdi", {}, row.campaign ?? NOTHING), Date.parse(row.available_at) === Date.parse(row.occurred_at) ? NOTHING : moment(row.available_at),
  ]);
  return [
    all.length > shown.length ? make("p", { class: "muted" }, `The newest ${shown.length} of ${all.length === INTERACTIONS_READ ? "the newest " : ""}${number(all.length)}.`) : null,
    table("Interactions, the newest first", [{ title: "When", head: true }, { title: "Kind" }, { title: "Direction" },
      { title: "Channel" }, { title: "Value", number: true }, { title: "Campaign" }, { title: "Known since" }], rows, { hideCaption: true }),
  ];
}
