// Which versions there are: their figures beside each other, and when each of them was promoted.

import { AskError, ask } from "./api.js";
import { make, table } from "./dom.js";
import { FIGURE_NAMES, NOTHING, day, figure, number, time } from "./format.js";

const COMPARED = ["log_loss", "auc", "calibration_in_the_large", "lift_at_10"];
const PROMOTIONS_SHOWN = 3;

/** The versions; null where they cannot be told, which must not hide the model that answers. */
export async function readVersions(signal) {
  try {
    return await ask("/v1/model/versions", { signal });
  } catch (error) {
    if (error instanceof AskError && error.status !== 401) return null;
    throw error;
  }
}

export function versionsSection(told) {
  if (told === null) return make("p", { role: "alert" }, "The versions could not be read; the log of the server says why.");
  const kept = COMPARED.filter((name) => told.versions.some((one) => one.metrics[name]));
  const columns = [{ title: "Version", head: true }, { title: "Trained" }, { title: "Promoted" },
    ...kept.map((name) => ({ title: FIGURE_NAMES[name], number: true })), { title: "Examples", number: true }];
  return [
    table("Versions, the newest first", columns, told.versions.map((one) => row(one, told, kept)), { hideCaption: true }),
    make("p", { class: "muted" }, "Small below each figure: its 95 % interval. Versions were judged on the leads of their own time; " +
      "what the gate said compares a version with its champion on the same ones."),
    told.versions.filter((one) => one.fault !== null).map((one) => make("p", { class: "note" }, `Version ${one.model_version}: ${one.fault}`)),
    told.versions_left_out ? make("p", { class: "muted" }, `${number(told.versions_left_out)} older ones are left out.`) : null,
  ];
}

function row(one, told, kept) {
  const marks = [
    one.model_version === told.answering ? "answers" : null,
    one.model_version === told.champion && told.champion !== told.answering ? "should answer" : null,
  ].filter((mark) => mark !== null).map((mark) => make("span", { class: "tag" }, mark));
  const head = [one.model_version, " ", marks, one.fault === null ? null : make("span", { class: "tag fault" }, "damaged")];
  return [head, one.created_at === null ? NOTHING : time(one.created_at, day), promotions(one.promoted_at),
    ...kept.map((name) => cell(one.metrics[name])), number(one.metrics[kept[0]]?.n)];
}

function promotions(moments) {
  if (!moments.length) return make("span", { class: "muted" }, "never");
  const more = moments.length - PROMOTIONS_SHOWN;
  return [moments.slice(0, PROMOTIONS_SHOWN).map((moment) => make("div", {}, time(moment))),
    more > 0 ? make("small", {}, `and ${number(more)} times before`) : null];
}

function cell(one) {
  if (!one || one.value === null) return NOTHING;
  return [figure(one.value), one.low === null ? null : make("small", { class: "under" }, `${figure(one.low)} to ${figure(one.high)}`)];
}
