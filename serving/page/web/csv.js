// Saves the shown rows as CSV, without another request.

const COLUMNS = [
  "rank", "lead_id", "account_id", "source", "probability", "probability_low", "probability_high", "band", "stage",
  "prospect", "waiting_hours", "expected_value", "horizon_days", "as_of", "model_version", "held_out",
];

export function saveCsv(name, leads) {
  const lines = [[...COLUMNS, "reasons"], ...leads.map((lead) => [...COLUMNS.map((column) => lead[column]), reasons(lead)])];
  // The byte order mark tells spreadsheets that this is UTF-8.
  const text = "\ufeff" + lines.map((line) => line.map(cell).join(",") + "\r\n").join("");
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function reasons(lead) {
  return lead.reasons.map((reason) =>
    `${reason.label}${reason.value === null ? "" : `: ${reason.value}`} (${reason.points.toFixed(2)})`).join("; ");
}

/**
 * Quotes every cell, and puts a quote before a text that a spreadsheet would take for a formula: at its beginning,
 * and behind what another spreadsheet takes for the end of a cell.
 */
export function cell(value) {
  if (value === null || value === undefined) return '""';
  let text = String(value);
  if (typeof value === "string") text = text.replaceAll(/^(?=[\t\r\n])|(?:^|[;,\t\r\n])(?=\s*[=+\-@＝＋－＠])/g, "$&'");
  return `"${text.replaceAll('"', '""')}"`;
}
