// The versions: their metrics side by side, when each was promoted, and who decided it and why.

import { ApiError, fetchJson } from "./api.js";
import { make, table } from "./dom.js";
import { METRIC_NAMES, NOTHING, day, figure, number, time } from "./format.js";

const COMPARED = ["log_loss", "auc", "calibration_in_the_large", "lift_at_10"];
const PROMOTIONS_SHOWN = 3;
const DECIDED = { promote: "promoted", rollback: "rolled back to", pull: "pulled", retrain: "retrained" };

/** The versions; null if they cannot be read, which must not hide the model in use. */
export async function readVersions(signal) {
  try {
    return await fetchJson("/v1/model/versions", { signal });
  } catch (error) {
    if (error instanceof ApiError && error.status !== 401) return null;
    throw error;
  }
}

export function versionsSection(listing) {
  if (listing === null) return make("p", { role: "alert" }, "The versions could not be read; the log of the server says why.");
  const kept = COMPARED.filter((name) => listing.versions.some((version) => version.metrics[name]));
  const columns = [{ title: "Version", head: true }, { title: "Trained" }, { title: "Promoted" },
    ...kept.map((name) => ({ title: METRIC_NAMES[name], number: true })), { title: "Examples", number: true }];
  return [
    table("Versions, the newest first", columns, listing.versions.map((version) => row(version, listing, kept)), { hideCaption: true }),
    make("p", { class: "muted" }, "Below each metric is its 95 % interval. Each version was evaluated on leads of its own time; " +
      "the gate compares a version with its champion on the same leads."),
    listing.versions.filter((version) => version.fault !== null).map((version) => make("p", { class: "note" }, `Version ${version.model_version}: ${version.fault}`)),
    listing.versions_left_out ? make("p", { class: "muted" }, `${number(listing.versions_left_out)} older versions are not listed.`) : null,
  ];
}

export function decisionsSection(listing) {
  if (!listing.decisions.length) return make("p", { class: "muted" }, "Nothing was decided in this home so far.");
  const columns = [{ title: "When", head: true }, { title: "What" }, { title: "By" }, { title: "Why" }];
  return [
    table("Decisions, the latest first", columns, listing.decisions.map((decision) => [
      time(decision.at), decided(decision), make("bdi", {}, decision.by),
      decision.reason ? make("bdi", {}, decision.reason) : make("span", { class: "muted" }, "no reason given")]), { hideCaption: true }),
    listing.decisions_left_out ? make("p", { class: "muted" }, `${number(listing.decisions_left_out)} earlier decisions are not listed.`) : null,
  ];
}

function decided(decision) {
  return [`${DECIDED[decision.action] ?? decision.action} ${decision.version ?? ""}`.trim(),
    decision.before === null ? null : make("small", { class: "under" }, `before: ${decision.before}`),
    decision.done ? null : make("span", { class: "tag fault" }, "ended before it took effect")];
}

function row(version, listing, kept) {
  const marks = [
    version.model_version === listing.answering ? "in use" : null,
    version.model_version === listing.champion && listing.champion !== listing.answering ? "champion" : null,
  ].filter((mark) => mark !== null).map((mark) => make("span", { class: "tag" }, mark));
  const head = [version.model_version, " ", marks, version.fault === null ? null : make("span", { class: "tag fault" }, "damaged")];
  return [head, version.created_at === null ? NOTHING : time(version.created_at, day), promotions(version.promoted_at),
    ...kept.map((name) => cell(version.metrics[name])), number(version.metrics[kept[0]]?.n)];
}

function promotions(moments) {
  if (!moments.length) return make("span", { class: "muted" }, "never");
  const more = moments.length - PROMOTIONS_SHOWN;
  return [moments.slice(0, PROMOTIONS_SHOWN).map((moment) => make("div", {}, time(moment))),
    more > 0 ? make("small", {}, `and ${number(more)} times before`) : null];
}

function cell(metric) {
  if (!metric || metric.value === null) return NOTHING;
  return [figure(metric.value), metric.low === null ? null : make("small", { class: "under" }, `${figure(metric.low)} to ${figure(metric.high)}`)];
}
