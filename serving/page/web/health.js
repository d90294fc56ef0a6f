// How the service is: what came in and what became of it, how current the list is, how old the model.

import { AskError, ask } from "./api.js";
import { facts, make, table } from "./dom.js";
import { number, time, waiting, words } from "./format.js";

const COUNTS = ["received", "stored", "duplicate", "quarantined", "refused"];

export async function showHealth(place, signal) {
  const [health, held] = await Promise.all([ask("/v1/health", { signal }), readHeld(signal)]);
  return [
    make("h1", {}, "Health"),
    section("Model", model(health.model)),
    section("Leads", facts([
      ["Stored", number(health.leads.stored)], ["Open", number(health.leads.open)],
      ["Converted or lost", number(health.leads.closed)], ["Not yet scored", number(health.leads.not_yet_scored)],
      ["Scored by another version", number(health.leads.of_another_version)],
      health.leads.oldest_as_of === null ? null : ["Oldest score as of", time(health.leads.oldest_as_of)],
    ])),
    section("What came in", table("Items received, and what became of them",
      [{ title: "Items", head: true }, ...COUNTS.map((name) => ({ title: name, number: true }))],
      Object.entries(health.ingestion).map(([name, counts]) => [name, ...COUNTS.map((count) => number(counts[count]))]),
      { hideCaption: true })),
    section("Quarantine", quarantine(health.quarantine, held)),
  ];
}

/** What lies in quarantine is for admins, whose keys no session carries: only a server without keys shows it. */
async function readHeld(signal) {
  const session = await ask("/session", { signal });
  if (session.needs_key) return null;
  try {
    return (await ask("/v1/quarantine?limit=50", { signal })).items;
  } catch (error) {
    if (error instanceof AskError && error.status === 403) return null;
    throw error;
  }
}

function section(title, ...content) {
  const id = title.toLowerCase().replaceAll(" ", "-");
  return make("section", { "aria-labelledby": id }, make("h2", { id }, title), ...content);
}

function model(one) {
  return [
    one.refused === null ? null : make("p", { class: "note", role: "alert" },
      `Version ${one.refused.model_version} should answer and was refused: ${one.refused.reason}`),
    facts([
      ["Version", one.model_version], ["Trained", time(one.created_at)], ["Age of the model", waiting(24 * one.age_days)],
      ["Outcomes complete until", time(one.observed_until)], ["Age of its newest outcomes", waiting(24 * one.observed_age_days)],
    ]),
  ];
}

function quarantine(byReason, held) {
  const reasons = Object.entries(byReason);
  if (!reasons.length) return make("p", { class: "empty" }, "Nothing lies in quarantine.");
  return [
    table("By reason", [{ title: "Reason", head: true }, { title: "Items", number: true }],
      reasons.map(([reason, count]) => [words(reason), number(count)]), { hideCaption: true }),
    held === null
      ? make("p", { class: "muted" }, "The items themselves are read with a key of the scope admin: GET /v1/quarantine.")
      : table("The newest items", [{ title: "Received", head: true }, { title: "Source" }, { title: "Lead" }, { title: "Item" }, { title: "Reason" }],
        held.map((one) => [time(one.received_at), make("bdi", {}, one.source), make("bdi", {}, one.lead_id), one.item, words(one.reason)])),
  ];
}
