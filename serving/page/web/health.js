// The health of the service: received items by status, how current the scores are, how old the model is.

import { ApiError, fetchJson } from "./api.js";
import { facts, make, table } from "./dom.js";
import { monitorSection } from "./monitor.js";
import { number, time, waiting, words } from "./format.js";

const COUNTS = ["received", "stored", "duplicate", "quarantined", "refused"];

export async function showHealth(place, signal) {
  const [health, held, watched] = await Promise.all([
    fetchJson("/v1/health", { signal }), readHeld(signal), fetchJson("/v1/model/monitor", { signal }),
  ]);
  return [
    make("h1", {}, "Health"),
    section("Model", model(health.model)),
    section("Expected and observed", monitorSection(watched.monitor)),
    section("Leads", facts([
      ["Stored", number(health.leads.stored)], ["Open", number(health.leads.open)],
      ["Converted or lost", number(health.leads.closed)], ["Not yet scored", number(health.leads.not_yet_scored)],
      ["Scored by another version", number(health.leads.of_another_version)],
      health.leads.oldest_as_of === null ? null : ["Oldest score as of", time(health.leads.oldest_as_of)],
    ])),
    section("Received items", table("Received items by status",
      [{ title: "Items", head: true }, ...COUNTS.map((name) => ({ title: name, number: true }))],
      Object.entries(health.ingestion).map(([name, counts]) => [name, ...COUNTS.map((count) => number(counts[count]))]),
      { hideCaption: true })),
    health.alerts.length ? section("Alerts", alerts(health.alerts)) : null,
    section("Quarantine", quarantine(health.quarantine, held)),
  ];
}

/** The items in quarantine need the scope admin, which no session has: only a server without keys shows them. */
async function readHeld(signal) {
  const session = await fetchJson("/session", { signal });
  if (session.needs_key) return null;
  try {
    return (await fetchJson("/v1/quarantine?limit=50", { signal })).items;
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return null;
    throw error;
  }
}

function section(title, ...content) {
  const id = title.toLowerCase().replaceAll(" ", "-");
  return make("section", { "aria-labelledby": id }, make("h2", { id }, title), ...content);
}

function model(current) {
  return [
    current.refused === null ? null : make("p", { class: "note", role: "alert" },
      `Version ${current.refused.model_version} is the champion, but was refused: ${current.refused.reason}`),
    facts([
      ["Version", current.model_version], ["Trained", time(current.created_at)], ["Age of the model", waiting(24 * current.age_days)],
      ["Outcomes complete until", time(current.observed_until)], ["Age of its newest outcomes", waiting(24 * current.observed_age_days)],
    ]),
  ];
}

function alerts(hooks) {
  const late = hooks.filter((own) => own.given_up);
  return [
    late.length ? make("p", { class: "note", role: "alert" },
      `Not taken in time: ${late.map((own) => `${number(own.given_up)} by ${own.hook}`).join(", ")}. leadodds alerts retry sends them anew.`) : null,
    table("Messages by web hook",
      [{ title: "Web hook", head: true }, { title: "Delivered", number: true }, { title: "Waiting", number: true },
        { title: "Given up", number: true }, { title: "Last delivered" }, { title: "Last fault" }],
      hooks.map((own) => [own.hook, number(own.delivered), number(own.pending), number(own.given_up),
        own.delivered_at === null ? "-" : time(own.delivered_at), own.fault ?? "-"]),
      { hideCaption: true }),
  ];
}

function quarantine(byReason, held) {
  const reasons = Object.entries(byReason);
  if (!reasons.length) return make("p", { class: "empty" }, "The quarantine is empty.");
  return [
    table("By reason", [{ title: "Reason", head: true }, { title: "Items", number: true }],
      reasons.map(([reason, count]) => [words(reason), number(count)]), { hideCaption: true }),
    held === null
      ? make("p", { class: "muted" }, "GET /v1/quarantine returns the items, with a key of the scope admin.")
      : table("The newest items", [{ title: "Received", head: true }, { title: "Source" }, { title: "Lead" }, { title: "Item" }, { title: "Reason" }],
        held.map((item) => [time(item.received_at), make("bdi", {}, item.source), make("bdi", {}, item.lead_id), item.item, words(item.reason)])),
  ];
}
