// Shows a post in the reader's language, below the original.
//
//   <article> <div data-post-text lang="fr" dir="auto">…</div> <button data-translate-url="/post/7/translate">Translate</button>
//
// POST <data-translate-url> answers {"text": "…", "language": "en"}, or an error with {"error": "…"}.
import * as announcer from "../lib/announcer.js";
import * as http from "../lib/http.js";
import { gettext, ready } from "../lib/i18n.js";

const outputs = new WeakMap(); // button -> the element below the post
let made = 0;

function outputOf(button) {
  let output = outputs.get(button);
  if (!output) {
    output = document.createElement("div");
    output.id = `translation-${(made += 1)}`;
    button.closest("article").querySelector("[data-post-text]").after(output);
    button.setAttribute("aria-controls", output.id);
    button.dataset.label = button.textContent;
    outputs.set(button, output);
  }
  return output;
}

/** Opens or closes what was translated before. */
function toggle(button, output, visible) {
  output.hidden = !visible;
  button.setAttribute("aria-expanded", String(visible));
  button.textContent = visible ? gettext("Hide translation") : button.dataset.label;
}

function showTranslation(output, { text, language }) {
  output.className = "translation";
  output.dataset.done = "";
  output.dir = "auto";
  output.lang = language || document.documentElement.lang;
  output.textContent = text; // as text: what a translation service sends is no HTML of ours
}

function showError(output, error) {
  output.className = "translation-error";
  output.textContent = (error.data && error.data.error) || gettext("Couldn't translate this. Please try again later.");
  announcer.announce(output.textContent);
}

async function translate(button) {
  const output = outputOf(button);
  if ("done" in output.dataset) {
    toggle(button, output, output.hidden);
    return;
  }
  if (button.ariaBusy === "true") {
    return;
  }
  button.ariaBusy = "true";
  await ready;
  try {
    showTranslation(output, await http.post(button.dataset.translateUrl));
    toggle(button, output, true);
    announcer.announce(output.textContent);
  } catch (error) {
    showError(output, error);
  }
  button.ariaBusy = "false";
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-translate-url]");
  if (button) {
    event.preventDefault();
    translate(button);
  }
});
