// The versions: their metrics side by side, and when each was promoted.

import { ApiError, fetchJson } from "./api.js";
import { make, table } from "./dom.js";
import { METRIC_NAMES, NOTHING, day, figure, number, time } from "./format.js";

const COMPARED = ["log_loss", "auc", "calibration_in_the_large", "lift_at_10"];
const PROMOTIONS_SHOWN = 3;

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
