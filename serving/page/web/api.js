// Asks the service. Every answer that is not a success becomes an error that carries its problem details.

let csrfToken = null;

export class AskError extends Error {
  constructor(status, problem) {
    super(problem.detail ?? "The service did not answer.");
    this.status = status;
    this.code = problem.code ?? "";
  }
}

export async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new AskError(0, { detail: "The service cannot be reached. Try again in a moment." });
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new AskError(answer.status, told);
  return told;
}

export async function readSession() {
  return keep(await ask("/session"));
}

export async function signIn(key) {
  const headers = { "Content-Type": "application/json" };
  return keep(await ask("/session", { method: "POST", headers, body: JSON.stringify({ key }) }));
}

export async function signOut() {
  return keep(await ask("/session", { method: "DELETE", headers: csrfToken ? { "X-CSRF-Token": csrfToken } : {} }));
}

export function leadPath(id, rest = "") {
  return `/v1/leads/${encodeURIComponent(id)}${rest}`;
}

function keep(session) {
  csrfToken = session.csrf_token;
  return session;
}
