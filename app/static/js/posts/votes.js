// Voting in the poll of a post, in place: the results replace the options.
//
//   <form id="react" method="post">…</form>
//   <fieldset data-poll>
//     <input form="react" type="radio" name="choice-7" value="0">
//     <button form="react" formaction="/post/7/vote" data-vote>Vote</button>
//   </fieldset>
//
// POST <formaction> returns {"html": "…"} with the results, or an error with {"error": "…"}.
import * as announcer from "../lib/announcer.js";
import * as http from "../lib/http.js";
import { gettext, ready } from "../lib/i18n.js";

function showResults(poll, html) {
  const page = new DOMParser().parseFromString(html, "text/html"); // our own server's, and inert
  const results = page.querySelector("[data-poll]");
  poll.replaceWith(results);
  results.focus();
}

function showError(poll, text) {
  const message = poll.querySelector(".send-error") || document.createElement("p");
  message.className = "send-error";
  message.textContent = text;
  poll.append(message);
  announcer.announce(text);
}

async function vote(button) {
  const poll = button.closest("[data-poll]");
  if (poll.ariaBusy === "true") {
    return;
  }
  poll.ariaBusy = "true";
  const chosen = [...poll.querySelectorAll("input:checked")].map((input) => [input.name, input.value]);
  try {
    const { html } = await http.post(button.getAttribute("formaction"), chosen, { keepalive: true });
    showResults(poll, html);
  } catch (error) {
    await ready;
    showError(poll, (error.data && error.data.error) || gettext("That didn't work. Please try again."));
  }
  poll.ariaBusy = "false";
}

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.target.id === "react" && button && "vote" in button.dataset) {
    event.preventDefault();
    vote(button);
  }
});
