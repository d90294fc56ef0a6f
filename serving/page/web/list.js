// The call list: open leads, those to call first before the others.

import { fetchJson } from "./api.js";
import { bandChip, probabilityCell } from "./cells.js";
import { saveCsv } from "./csv.js";
import { make, table } from "./dom.js";
import { amount, number, waiting } from "./format.js";

const STAGES = ["hot", "sql", "mql", "cold"];
const STAGE_WORDS = { hot: "hot", sql: "SQL", mql: "MQL", cold: "cold" };
const FILTERS = ["text", "band", "stage", "source", "waiting", "sort", "limit"];
const SIZES = ["25", "50", "100", "200"];
const REASONS_SHOWN = 2;
// Cursors of the earlier pages, by query, to go back to.
const trail = new Map();
// Sources seen on any page so far, offered as choices.
const sources = new Set();

export async function showList({ query }, signal) {
  const params = new URLSearchParams(query);
  const page = await fetchJson(`/v1/leads?${params}`, { signal });
  const rows = page.leads;
  return [
    make("h1", {}, "Call list"),
    filters(params, page, signal),
    make("p", { class: "count", role: "status" }, countText(page)),
    rows.length ? list(rows) : make("p", { class: "empty" }, "No open lead passes these filters."),
    rows.length ? pager(params, page) : null,
    rows.length ? make("p", { class: "muted" },
      `Probabilities are for a conversion within ${number(rows[0].horizon_days)} days, with the plausible range ` +
      `(90 %) as a line on the bar; model version ${rows[0].model_version}.`) : null,
  ];
}

function countText(page) {
  const first = page.leads[0]?.rank, last = page.leads.at(-1)?.rank;
  const all = `${number(page.total)} open ${page.total === 1 ? "lead" : "leads"}`;
  return page.leads.length ? `${all}, ${number(first)} to ${number(last)} shown` : all;
}

function filters(params, page, signal) {
  for (const lead of page.leads) if (lead.source) sources.add(lead.source);
  const form = make("form", { class: "filters", role: "search", "aria-label": "Filter the leads", onsubmit: submit },
    folded(params, signal, make("div", { class: "fields" }, field("text", "Search", make("input", {
      id: "text", name: "text", type: "search", maxlength: "200", value: params.get("text") ?? "",
      placeholder: "id, account, attribute" })),
    group("band", "Band", page.bands.map((band) => [band, band]), params),
    group("stage", "Stage", STAGES.map((stage) => [stage, STAGE_WORDS[stage]]), params),
    field("source", "Source", make("input", {
      id: "source", name: "source", maxlength: "200", value: params.get("source") ?? "", list: "sources" }),
    make("datalist", { id: "sources" }, [...sources].sort().map((source) => make("option", { value: source })))),
    field("waiting", "Waiting at least (hours)", make("input", {
      id: "waiting", name: "waiting", type: "number", min: "0", step: "any", value: params.get("waiting") ?? "" })),
    field("sort", "Sort by", choice("sort", [["rank", "worth of a call"], ["waiting", "waiting time"]], params.get("sort") ?? "rank")),
    field("limit", "Rows", choice("limit", SIZES.map((size) => [size, size]), params.get("limit") ?? "50")),
    make("div", { class: "buttons" },
      make("button", { type: "submit" }, "Show"),
      make("a", { class: "button plain", href: "#/leads" }, "Clear")))));

  function submit(event) {
    event.preventDefault();
    go(readForm(new FormData(form)));
  }
  form.addEventListener("change", (event) => {
    if (event.target.matches("select, [type=checkbox]")) go(readForm(new FormData(form)));
  });
  return form;
}

/** Folds the filters in a narrow window, so that the leads come first. */
function folded(params, signal, fields) {
  const narrow = window.matchMedia("(max-width: 44rem)");
  const count = FILTERS.filter((name) => params.has(name)).length;
  const fold = make("details", { open: !narrow.matches }, make("summary", {}, count ? `Filters and order (${count})` : "Filters and order"), fields);
  narrow.addEventListener("change", () => { fold.open = !narrow.matches; }, { signal });
  return fold;
}

function readForm(sent) {
  const params = new URLSearchParams();
  for (const name of ["text", "source", "waiting"]) {
    const value = sent.get(name).trim();
    if (value) params.set(name, value);
  }
  for (const name of ["band", "stage"]) {
    const values = sent.getAll(name);
    if (values.length) params.set(name, values.join(","));
  }
  if (sent.get("sort") !== "rank") params.set("sort", sent.get("sort"));
  if (sent.get("limit") !== "50") params.set("limit", sent.get("limit"));
  return params;
}

function go(params) {
  const hash = params.size ? `#/leads?${params}` : "#/leads";
  if (hash === location.hash) window.dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = hash;
}

function field(id, label, ...input) {
  return make("div", { class: "field" }, make("label", { for: id }, label), ...input);
}

function choice(name, options, chosen) {
  return make("select", { id: name, name }, options.map(([value, label]) =>
    make("option", { value, selected: value === chosen }, label)));
}

function group(name, title, options, params) {
  const chosen = (params.get(name) ?? "").split(",");
  return make("fieldset", {}, make("legend", {}, title), options.map(([value, label]) =>
    make("label", {}, make("input", { type: "checkbox", name, value, checked: chosen.includes(value) }), label)));
}

function list(rows) {
  const hasValue = rows.some((lead) => lead.expected_value !== null);
  const columns = [
    { title: "Rank", number: true, className: "place" }, { title: "Lead", head: true }, { title: "Probability" },
    { title: "Band", className: "brief" }, { title: "Stage", className: "brief" }, { title: "Waiting", number: true, className: "brief" },
    ...(hasValue ? [{ title: "Expected value", number: true, className: "brief" }] : []), { title: "Strongest reasons", className: "reasons" },
  ];
  const most = Math.max(...rows.map((lead) => lead.probability_high ?? lead.probability));
  const cells = rows.map((lead) => [
    number(lead.rank), leadLink(lead), probabilityCell(lead, most), bandChip(lead.band),
    [STAGE_WORDS[lead.stage] ?? lead.stage, lead.prospect ? make("span", { class: "tag" }, "prospect") : null],
    waiting(lead.waiting_hours),
    ...(hasValue ? [amount(lead.expected_value)] : []), reasons(lead),
  ]);
  return table("Open leads", columns, cells, { className: "leads", hideCaption: true });
}

function leadLink(lead) {
  return [
    make("a", { href: `#/lead/${encodeURIComponent(lead.lead_id)}` }, make("bdi", {}, lead.lead_id)),
    lead.source ? make("small", {}, make("bdi", {}, lead.source)) : null,
  ];
}

function reasons(lead) {
  const strongest = lead.reasons.filter((reason) => reason.feature !== "other").slice(0, REASONS_SHOWN);
  return make("ul", { class: "reasons" }, strongest.map((reason) => make("li", { class: reason.direction },
    make("span", { class: "arrow", "aria-hidden": "true" }, reason.points < 0 ? "▼" : "▲"),
    make("span", { class: "unseen" }, `${reason.direction}: `),
    reason.label, ": ", make("bdi", {}, reason.value ?? "unknown"))));
}

function pager(params, page) {
  const own = new URLSearchParams(params);
  own.delete("cursor");
  const before = trail.get(own.toString()) ?? [];
  const cursor = params.get("cursor") ?? "";
  const place = before.indexOf(cursor);
  const seen = cursor ? (place < 0 ? ["", cursor] : before.slice(0, place + 1)) : [""];
  trail.set(own.toString(), seen);

  const hasPrevious = seen.length > 1;
  return make("nav", { class: "turns", "aria-label": "Pages" },
    make("button", { type: "button", disabled: !hasPrevious, onclick: () => showPage(seen.at(-2) ?? "") }, "Previous"),
    make("button", { type: "button", disabled: page.next_cursor === null, onclick: next }, "Next"),
    make("button", { type: "button", class: "plain", onclick: () => saveCsv("call_list.csv", page.leads) },
      "Save these rows as CSV"));

  function next() {
    trail.set(own.toString(), [...seen, page.next_cursor]);
    showPage(page.next_cursor);
  }

  function showPage(to) {
    const params = new URLSearchParams(own);
    if (to) params.set("cursor", to);
    go(params);
  }
}
