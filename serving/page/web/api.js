// Calls the service. A response that is not a success becomes an error with its problem details.

let csrfToken = null;

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
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, body);
  return body;
}

export async function readSession() {
  return keep(await fetchJson("/session"));
}

export async function signIn(key) {
  const headers = { "Content-Type": "application/json" };
  return keep(await fetchJson("/session", { method: "POST", headers, body: JSON.stringify({ key }) }));
}

export async function signOut() {
  return keep(await fetchJson("/session", { method: "DELETE", headers: csrfToken ? { "X-CSRF-Token": csrfToken } : {} }));
}

export function leadPath(id, rest = "") {
  return `/v1/leads/${encodeURIComponent(id)}${rest}`;
}

function keep(session) {
  csrfToken = session.csrf_token;
  return session;
}
