// Tells the reader when the page cannot hear from the server, and why: as #connection, at the end of the page.
import { gettext, ready } from "../lib/i18n.js";

// One lost request is nothing to worry anybody with.
const FAILURES_TO_TELL = 2;

let shown = ""; // which hint is on the page

function loginLink() {
  const here = location.pathname + location.search;
  const link = document.createElement("a");
  link.href = `${document.body.dataset.loginUrl}?next=${encodeURIComponent(here)}`;
  link.textContent = gettext("Log in");
  return link;
}

function reloadButton() {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = gettext("Reload page");
  button.addEventListener("click", () => location.reload());
  return button;
}

// Why there is no news -> what to say, and what to do about it.
const HINTS = {
  lost: () => [gettext("Offline. Reconnecting…")],
  ended: () => [gettext("You've been logged out."), " ", loginLink()],
  other: () => [gettext("You're now logged in as someone else."), " ", reloadButton()],
};

async function show(kind) {
  if (kind === shown) {
    return;
  }
  shown = kind;
  await ready;
  if (kind !== shown) {
    return; // things have changed while the strings came
  }
  const old = document.getElementById("connection");
  if (old) {
    old.remove();
  }
  if (kind) {
    const hint = document.createElement("div");
    hint.id = "connection";
    hint.className = "connection";
    hint.setAttribute("role", "status");
    document.body.append(hint);
    hint.append(...HINTS[kind]()); // after the element, else a screen reader may not hear its first words
  }
}

document.addEventListener("microblog:poll", ({ detail: { failures, stopped } }) => {
  show(stopped || (failures >= FAILURES_TO_TELL ? "lost" : ""));
});
