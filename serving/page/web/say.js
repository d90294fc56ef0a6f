// What the person at the page did about a lead, stored as interactions under the name of the key.

import { canWrite, sendJson, serverTime } from "./api.js";
import { make } from "./dom.js";

const SOURCE = "page";
const CALL = { kind: "call_outbound", direction: "outbound", channel: "phone" };
// By the words of the button: what is stored. The service sets leads aside by the kinds that are no call.
const SAYINGS = [
  ["Called", [CALL]],
  ["Later", [CALL, { kind: "call_later" }]],
  ["Not interested", [CALL, { kind: "not_interested" }]],
];

/** Buttons for one lead; none for who may not write. `done` is called with the words of the button once it is stored. */
export function sayButtons(id, done) {
  if (!canWrite()) return null;
  const alert = make("small", { role: "alert", class: "fault" });
  const group = make("div", { class: "say", role: "group", "aria-label": `What came of ${id}` },
    SAYINGS.map(([words, kinds]) => make("button", { type: "button", onclick: () => say(words, kinds) }, words)), alert);
  return group;

  async function say(words, kinds) {
    const buttons = group.querySelectorAll("button");
    alert.textContent = "";
    for (const button of buttons) button.disabled = true;
    try {
      await store(id, kinds);
      await done(words);
    } catch (error) {
      if (error.name !== "AbortError") alert.textContent = error.message;
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  }
}

async function store(id, kinds) {
  const occurred_at = serverTime().toISOString();
  const interactions = kinds.map((kind) => ({ interaction_id: randomId(), lead_id: id, occurred_at, ...kind }));
  const answer = await sendJson("/v1/interactions", { source: SOURCE, interactions });
  const refused = answer.interactions.find((item) => item.status !== "stored");
  if (refused) throw new Error(refused.reason ?? "It was not stored.");
}

function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
