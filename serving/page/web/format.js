// Numbers and times in the form that people read, in the time zone of the browser.

const NUMBER = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const MOMENT = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
});

export const NOTHING = "–";

export const METRIC_NAMES = {
  auc: "AUC", average_precision: "Average precision", log_loss: "Log loss", log_loss_skill: "Log loss skill",
  brier: "Brier score", brier_skill: "Brier skill", calibration_in_the_large: "Predicted over observed",
  calibration_error: "Calibration error", lift_at_10: "Lift of the first 10 %",
};

export function percent(share) {
  if (share === null || share === undefined) return NOTHING;
  const hundredths = share * 100;
  const digits = hundredths === 0 ? 0 : hundredths < 0.1 ? 3 : hundredths < 1 ? 2 : hundredths < 99.9 ? 1 : 2;
  return `${hundredths.toFixed(digits)} %`;
}

export function range(low, high) {
  return low === null || low === undefined ? NOTHING : `${percent(low)} to ${percent(high)}`;
}

export function number(value) {
  if (value === null || value === undefined) return NOTHING;
  return NUMBER.format(value);
}

/** An amount of money, without cents from 100 on. */
export function amount(value) {
  return value !== null && value !== undefined && Math.abs(value) >= 100 ? number(Math.round(value)) : number(value);
}

/** A metric with four significant digits. */
export function figure(value) {
  if (value === null || value === undefined) return NOTHING;
  return Number(value.toPrecision(4)).toLocaleString("en", { maximumSignificantDigits: 4 });
}

export function points(value, digits = 2) {
  const sign = value < 0 ? "−" : "+";
  return sign + Math.abs(value).toFixed(digits);
}

export function waiting(hours) {
  if (hours === null || hours === undefined) return NOTHING;
  if (hours < 1) return `${Math.max(1, Math.round(hours * 60))} min`;
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`;
}

/** The value of a reason: days with one decimal at most, everything else as the service says it. */
export function reasonValue(value) {
  const days = /^(-?\d+\.\d+) days$/.exec(value ?? "");
  if (!days) return value ?? "unknown";
  const rounded = Math.round(Number(days[1]) * 10) / 10;
  return rounded === 0 ? "under 0.1 days" : `${rounded} days`;
}

export function day(text) {
  return text === null || text === undefined ? NOTHING : DAY.format(new Date(text));
}

export function moment(text) {
  return text === null || text === undefined ? NOTHING : MOMENT.format(new Date(text));
}

export function time(text, write = moment) {
  const element = document.createElement("time");
  element.dateTime = text;
  element.textContent = write(text);
  return element;
}

/** The name of an attribute as the head of a column. */
export function title(name) {
  return words(name.slice(0, 1).toUpperCase() + name.slice(1));
}

/** The name of a kind or attribute, with spaces for underscores. */
export function words(name) {
  return name.replaceAll("_", " ");
}
