// Cells that several views share: a probability with its range, and a band.

import { draw, make } from "./dom.js";
import { NOTHING, percent, range } from "./format.js";

const WIDTH = 100;
const HEIGHT = 12;

export function bandChip(band) {
  return band === null ? make("span", { class: "muted" }, "none") : make("span", { class: "band", "data-band": band }, band);
}

/** A link to the lead in the CRM, where one is set. */
export function recordLink(lead) {
  return lead.record_url === null ? null : make("a", {
    class: "record", href: lead.record_url, target: "_blank", rel: "noopener noreferrer", title: "Open in the CRM",
    "aria-label": `${lead.lead_id} in the CRM`,
  }, "↗");
}

/** The number, and a bar whose full width is `most`, with the plausible range as a line across it. */
export function probabilityCell(lead, most) {
  if (lead.probability === null) return NOTHING;
  const scale = (share) => (WIDTH * share) / (most || 1);
  const low = lead.probability_low, high = lead.probability_high;
  const bar = draw("svg", { class: "bar", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("rect", { class: "track", width: WIDTH, height: HEIGHT }),
    draw("rect", { class: "fill", width: scale(lead.probability), height: HEIGHT }),
    low === null ? null : draw("line", { class: "range", x1: scale(low), x2: scale(high), y1: HEIGHT / 2, y2: HEIGHT / 2 }));
  return make("div", { class: "probability" },
    make("strong", {}, percent(lead.probability)), bar,
    low === null ? null : make("small", {}, range(low, high)));
}
