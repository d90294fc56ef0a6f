// Calls the service. A response that is not a success becomes an error with its problem details.

let mayWrite = false;
// By how many milliseconds the clock of the service is ahead of that of the browser.
let ahead = 0;

export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail ?? "The service did not respond.");
    this.status = status;
    this.code = problem.code ?? "";
  }
}

export async function fetchJson(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { detail: "The service cannot be reached. Try again in a moment." });
  }
  const date = Date.parse(response.headers.get("date") ?? "");
  if (!Number.isNaN(date)) ahead = date - Date.now();
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, body);
  return body;
}

/** Sends a change. */
export function sendJson(path, body) {
  const headers = { "Content-Type": "application/json" };
  return fetchJson(path, { method: "POST", headers, body: JSON.stringify(body) });
}

/** Now by the clock of the service, to a second. */
export function serverTime() {
  return new Date(Date.now() + ahead);
}

export function canWrite() {
  return mayWrite;
}

export async function readSession() {
  return keep(await fetchJson("/session"));
}

export async function signIn(key) {
  return keep(await sendJson("/session", { key }));
}

export async function signOut() {
  return keep(await fetchJson("/session", { method: "DELETE" }));
}

export function leadPath(id, rest = "") {
  return `/v1/leads/${encodeURIComponent(id)}${rest}`;
}

function keep(session) {
  mayWrite = session.can_write;
  return session;
}
