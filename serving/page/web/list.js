// The call list: open leads, those to call first before the others.

import { fetchJson } from "./api.js";
import { bandChip, probabilityCell, recordLink } from "./cells.js";
import { saveCsv } from "./csv.js";
import { make, table } from "./dom.js";
import { amount, day, number, reasonValue, title, waiting } from "./format.js";
import { sayButtons } from "./say.js";

const STAGES = ["hot", "sql", "mql", "cold"];
const STAGE_WORDS = { hot: "hot", sql: "SQL", mql: "MQL", cold: "cold" };
const FILTERS = ["text", "band", "stage", "source", "owner", "territory", "sales", "waiting", "set_aside", "sort", "limit"];
const TEXTS = ["text", "source", "owner", "territory", "sales", "waiting"];
// Attributes whose values the list is filtered by; offered once a lead has one.
const SELLERS = [["owner", "Owner"], ["territory", "Territory"], ["sales", "Sales"]];
const ASIDE = [["without", "left out"], ["with", "listed, too"], ["only", "listed alone"]];
const SIZES = ["25", "50", "100", "200"];
const REASONS_SHOWN = 2;
// Cursors of the earlier pages, by query, to go back to.
const trail = new Map();
// Values seen on any page so far, by attribute, offered as choices.
const seenValues = new Map(["source", "owner", "territory", "sales"].map((name) => [name, new Set()]));
// How often, and after how many milliseconds, the list is read again until a lead has its new score.
const TRIES = 8;
const PAUSE = 400;

// What was said last, to be shown above the list once.
let said = "";

function announce(text) {
  said = text;
}

export async function showList({ query }, signal) {
  const params = new URLSearchParams(query);
  const page = await fetchJson(`/v1/leads?${params}`, { signal });
  const rows = page.leads;
  return [
    make("h1", {}, "Call list"),
    filters(params, page, signal),
    make("p", { class: "count", role: "status" }, countText(page), takeAnnouncement()),
    rows.length ? list(page, params, signal) : make("p", { class: "empty" }, "No open lead passes these filters."),
    rows.length ? pager(params, page) : null,
    rows.length ? make("p", { class: "muted" },
      `Probabilities are for a conversion within ${number(rows[0].horizon_days)} days, with the plausible range ` +
      `(90 %) as a line on the bar; model version ${rows[0].model_version}.`) : null,
  ];
}

function takeAnnouncement() {
  const text = said;
  said = "";
  return text ? make("strong", { class: "said" }, make("bdi", {}, ` · ${text}`)) : null;
}

function countText(page) {
  const first = page.leads[0]?.rank, last = page.leads.at(-1)?.rank;
  const all = `${number(page.total)} open ${page.total === 1 ? "lead" : "leads"}`;
  return page.leads.length ? `${all}, ${number(first)} to ${number(last)} shown` : all;
}

function filters(params, page, signal) {
  for (const [name, values] of seenValues) for (const lead of page.leads) if (lead[name]) values.add(lead[name]);
  const sellers = SELLERS.filter(([name]) => seenValues.get(name).size || params.has(name));
  const form = make("form", { class: "filters", role: "search", "aria-label": "Filter the leads", onsubmit: submit },
    folded(params, signal, make("div", { class: "fields" }, field("text", "Search", make("input", {
      id: "text", name: "text", type: "search", maxlength: "200", value: params.get("text") ?? "",
      placeholder: "id, account, attribute" })),
    group("band", "Band", page.bands.map((band) => [band, band]), params),
    group("stage", "Stage", STAGES.map((stage) => [stage, STAGE_WORDS[stage]]), params),
    valueField("source", "Source", params),
    sellers.filter(([name]) => name !== "sales").map(([name, title]) => valueField(name, title, params)),
    field("waiting", "Waiting (h)", make("input", {
      id: "waiting", name: "waiting", type: "number", min: "0", step: "any", value: params.get("waiting") ?? "",
      "aria-label": "Waiting at least (hours)", placeholder: "at least" })),
    field("sort", "Sort by", choice("sort", [["rank", "worth of a call"], ["waiting", "waiting time"]], params.get("sort") ?? "rank")),
    make("div", { class: "buttons" },
      make("button", { type: "submit" }, "Show"),
      make("a", { class: "button plain", href: "#/leads" }, "Clear")),
    make("details", { class: "more", open: ["sales", "set_aside", "limit"].some((name) => params.has(name)) }, make("summary", {}, "More"),
      make("div", { class: "fields" },
        sellers.filter(([name]) => name === "sales").map(([name, title]) => valueField(name, title, params)),
        field("set_aside", "Leads set aside", choice("set_aside", ASIDE, params.get("set_aside") ?? "without")),
        field("limit", "Rows", choice("limit", SIZES.map((size) => [size, size]), params.get("limit") ?? "50")))))));

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
  for (const name of TEXTS) {
    const value = (sent.get(name) ?? "").trim();
    if (value) params.set(name, value);
  }
  for (const name of ["band", "stage"]) {
    const values = sent.getAll(name);
    if (values.length) params.set(name, values.join(","));
  }
  if (sent.get("sort") !== "rank") params.set("sort", sent.get("sort"));
  if (sent.get("set_aside") !== "without") params.set("set_aside", sent.get("set_aside"));
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

/** A text with the values that were seen as choices. */
function valueField(name, title, params) {
  return field(name, title,
    make("input", { id: name, name, maxlength: "200", value: params.get(name) ?? "", list: `${name}-values` }),
    make("datalist", { id: `${name}-values` }, [...seenValues.get(name)].sort().map((value) => make("option", { value }))));
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

function list(page, params, signal) {
  const rows = page.leads;
  const hasValue = rows.some((lead) => lead.expected_value !== null);
  const canSay = rows.map((lead) => sayButtons(lead.lead_id, (said) => moved(lead, said, params, signal)));
  const columns = [
    { title: "Rank", number: true, className: "place" }, { title: "Lead", head: true },
    ...page.display.map((name) => ({ title: title(name), className: "shown" })), { title: "Probability" },
    { title: "Band", className: "brief" }, { title: "Stage", className: "brief" }, { title: "Waiting", number: true, className: "brief" },
    ...(hasValue ? [{ title: "Expected value", number: true, className: "brief" }] : []), { title: "Strongest reasons", className: "reasons" },
    ...(canSay[0] ? [{ title: "What came of it", className: "saying" }] : []),
  ];
  const most = Math.max(...rows.map((lead) => lead.probability_high ?? lead.probability));
  const cells = rows.map((lead, place) => [
    number(lead.rank), leadLink(lead), ...page.display.map((name) => make("bdi", {}, lead.display[name] ?? "")),
    probabilityCell(lead, most), bandChip(lead.band),
    [STAGE_WORDS[lead.stage] ?? lead.stage, lead.prospect ? make("span", { class: "tag" }, "prospect") : null,
      lead.held_out ? make("span", { class: "tag", title: "Held out: ranked by chance, to compare with the list" }, "by chance") : null],
    waiting(lead.waiting_hours),
    ...(hasValue ? [amount(lead.expected_value)] : []), reasons(lead), ...(canSay[0] ? [canSay[place]] : []),
  ]);
  return table("Open leads", columns, cells, { className: "leads", hideCaption: true });
}

function leadLink(lead) {
  return [
    make("span", { class: "id" }, make("a", { href: `#/lead/${encodeURIComponent(lead.lead_id)}`, title: lead.lead_id }, make("bdi", {}, lead.lead_id)), recordLink(lead)),
    lead.set_aside_until === null ? null : make("small", {}, `set aside until ${day(lead.set_aside_until)}`),
    lead.source ? make("small", {}, make("bdi", {}, lead.source)) : null,
  ];
}

function reasons(lead) {
  const strongest = lead.reasons.filter((reason) => reason.feature !== "other").slice(0, REASONS_SHOWN);
  return make("ul", { class: "reasons" }, strongest.map((reason) => make("li", { class: reason.direction },
    make("span", { class: "arrow", "aria-hidden": "true" }, reason.points < 0 ? "▼" : "▲"),
    make("span", { class: "unseen" }, `${reason.direction}: `),
    reason.label, ": ", make("bdi", {}, reasonValue(reason.value)))));
}

/** Reads the list again until the lead has its new score, shows it, and says where the lead went. */
async function moved(lead, said, params, signal) {
  let place;
  for (let tries = 0; tries < TRIES; tries += 1) {
    await new Promise((resolve) => { setTimeout(resolve, PAUSE); });
    const page = await fetchJson(`/v1/leads?${params}`, { signal });
    place = page.leads.find((other) => other.lead_id === lead.lead_id);
    if (place?.as_of !== lead.as_of) break;
  }
  announce(`${lead.lead_id}: ${said.toLowerCase()}. ${place ? `It is at place ${number(place.rank)} now.` : "It has left this list."}`);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
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
