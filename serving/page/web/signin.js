// Signing in: the key is sent once, and replaced by a cookie that scripts cannot read.

import { signIn } from "./api.js";
import { make } from "./dom.js";

export function showSignIn(message, onSignedIn) {
  const alert = make("p", { role: "alert", class: "fault" }, message);
  const key = make("input", {
    id: "key", name: "key", type: "password", autocomplete: "current-password", required: true,
    spellcheck: "false", maxlength: "200", "aria-describedby": "key-help",
  });
  const button = make("button", { type: "submit" }, "Sign in");
  const form = make("form", { class: "sign-in", onsubmit: submit },
    make("label", { for: "key" }, "API key"), key,
    make("p", { id: "key-help", class: "muted" },
      "It needs the scope score. The operator of the server creates it: leadodds keys create."),
    button);

  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    alert.textContent = "";
    try {
      await signIn(key.value);
      key.value = "";
      await onSignedIn();
    } catch (error) {
      alert.textContent = error.message;
      key.focus();
    } finally {
      button.disabled = false;
    }
  }

  return [make("h1", {}, "Sign in"), alert, form];
}
