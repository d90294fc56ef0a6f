// The page as a whole: the current view, the session, and errors.

import { ApiError, readSession, signOut } from "./api.js";
import { make, replace } from "./dom.js";
import { showHealth } from "./health.js";
import { showLead } from "./lead.js";
import { showList } from "./list.js";
import { showModel } from "./model.js";
import { showSignIn } from "./signin.js";

const VIEWS = { leads: showList, lead: showLead, model: showModel, health: showHealth };
const MAIN = document.getElementById("main");
const VIEWS_NAV = document.getElementById("views");
const SIGN_OUT = document.getElementById("sign-out");

let shown = 0;
let leaving = new AbortController();

function readPlace() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, ...rest] = path.split("/");
  const id = rest.length ? decode(rest.join("/")) : null;
  return { view: view in VIEWS ? view : "leads", id, query: new URLSearchParams(query) };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function show() {
  const turn = ++shown;
  leaving.abort();
  leaving = new AbortController();
  const place = readPlace();
  mark(place.view);
  MAIN.setAttribute("aria-busy", "true");
  try {
    const content = await VIEWS[place.view](place, leaving.signal);
    if (turn === shown) put(content);
  } catch (error) {
    if (turn === shown && error.name !== "AbortError") fail(error);
  } finally {
    if (turn === shown) MAIN.removeAttribute("aria-busy");
  }
}

function put(content) {
  replace(MAIN, content);
  const heading = MAIN.querySelector("h1");
  document.title = heading ? `${heading.textContent} · LeadOdds` : "LeadOdds";
  window.scrollTo(0, 0);
  if (heading && document.activeElement === document.body) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }
  document.getElementById("status").textContent = heading ? heading.textContent : "";
}

function fail(error) {
  if (error instanceof ApiError && error.status === 401) {
    askForKey(error.code === "key_missing" ? "" : error.message);
    return;
  }
  if (!(error instanceof ApiError)) console.error(error);
  const message = error instanceof ApiError ? error.message : "This is a defect of the page.";
  put([
    make("h1", {}, "Something went wrong"),
    make("p", { role: "alert" }, message),
    make("p", {}, make("button", { type: "button", onclick: show }, "Try again")),
  ]);
}

function askForKey(message) {
  VIEWS_NAV.hidden = true;
  SIGN_OUT.hidden = true;
  put(showSignIn(message, begin));
  document.getElementById("key").focus();
}

function mark(view) {
  for (const link of VIEWS_NAV.querySelectorAll("a")) {
    const isCurrent = link.hash === `#/${view === "lead" ? "leads" : view}`;
    if (isCurrent) link.setAttribute("aria-current", view === "lead" ? "true" : "page");
    else link.removeAttribute("aria-current");
  }
}

async function begin() {
  try {
    const session = await readSession();
    if (session.needs_key && !session.signed_in) {
      askForKey("");
      return;
    }
    VIEWS_NAV.hidden = false;
    SIGN_OUT.hidden = !session.signed_in;
    await show();
  } catch (error) {
    fail(error);
  }
}

SIGN_OUT.addEventListener("click", async () => {
  try {
    await signOut();
    askForKey("");
  } catch (error) {
    fail(error);
  }
});
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  MAIN.focus();
});
window.addEventListener("hashchange", () => {
  document.activeElement?.blur?.();
  if (!VIEWS_NAV.hidden) show();
});

begin();
