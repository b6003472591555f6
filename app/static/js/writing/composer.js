// Writing: a box that grows with the text, the characters left, and nothing lost when sending fails.
//
//   <form data-composer ...> <textarea data-max="500"> <span data-counter>500</span> <button>
//   <form data-composer data-done-url="/post/7" ...>    an edit, after which that page is shown
//   <form data-composer data-reply ...>    a reply, whose answer says where it is: 201 and {"url": "/post/7"}
//   <form data-composer data-has-images ...>    edits a post that has pictures, and so needs no text
//   <form data-composer data-quote ...>    a quote, answered like a reply
//   <a data-write href="/#write">    puts the cursor into the composer of this page, or of the page it links to
//   <a href="/post/7#reply">         puts it into the form for a reply
import * as http from "../lib/http.js";
import { ready } from "../lib/i18n.js";
import { isEnter, isSendCommand } from "../lib/keys.js";
import * as drafts from "./drafts.js";
import * as pictures from "./pictures.js";
import { reasonToRetry, showError } from "./send_errors.js";
import * as sent from "./sent.js";
import { refresh } from "./textarea.js";

// --- Sending

/** Empties a form whose reply or quote was sent. The level and the warning were chosen for it only. */
function clear(form) {
  const { visibility, warning } = form.elements;
  form.querySelector("textarea").value = "";
  pictures.of(form).clear();
  if (visibility && warning) {
    [...visibility.options].forEach((option) => (option.selected = option.defaultSelected));
    warning.value = warning.defaultValue;
    warning.closest("details").open = Boolean(warning.value);
  }
  const poll = form.querySelector(".poll-field");
  if (poll) {
    poll.querySelectorAll("input").forEach((field) => ((field.value = field.defaultValue), (field.checked = false)));
    poll.open = false;
  }
}

/** Sends a post without leaving the page, because the browser's own error page would take the text with it. */
async function send(form) {
  const button = form.querySelector('[type="submit"], button:not([type])');
  const text = form.querySelector("textarea").value;
  const hasPictures = pictures.of(form).count() > 0;
  if (form.ariaBusy === "true") {
    return;
  }
  if (!text.trim() && !hasPictures && !("hasImages" in form.dataset)) {
    form.querySelector("textarea").focus();
    return;
  }
  form.ariaBusy = "true";
  drafts.of(form).cancel();
  showError(form, "");
  let reason = "";
  try {
    const answersJson = "reply" in form.dataset || "quote" in form.dataset;
    // A page with what was refused would be without the chosen pictures, and a reply or quote has no draft.
    const staysHere = answersJson || hasPictures;
    const headers = { Accept: staysHere ? "application/json" : "text/html" };
    const response = await http.submit(form, { redirect: "manual", headers, body: pictures.of(form).body() });
    if (response.status === 201) {
      const { url } = await response.json();
      clear(form); // or it would still be here after Back
      location.assign(url);
      return;
    }
    if (response.type === "opaqueredirect") {
      sent.tell(form, text);
      pictures.of(form).clear();
      location.assign(form.dataset.doneUrl || location.pathname + location.search);
      return; // done: the page to go to shows the post, and what the server says about it
    }
    reason = reasonToRetry(response.status);
    if (!reason && staysHere) {
      reason = (await response.json()).error;
    }
    if (!reason) {
      // Refused: the server's own page says what is wrong, with the text in it. (A button called "submit" hides form.submit.)
      HTMLFormElement.prototype.submit.call(form);
      return;
    }
  } catch (error) {
    reason = reasonToRetry(0);
  }
  form.ariaBusy = "false";
  drafts.of(form).save(); // at once: who cannot send it may leave with it unsent
  showError(form, reason);
  if (button) {
    button.focus();
  }
}

// --- Events, for every composer, now or later on the page

const isText = (element) => element.matches("[data-composer] textarea, textarea[data-max]");

document.addEventListener("input", (event) => {
  if (isText(event.target)) {
    refresh(event.target);
  }
});

document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-composer]") && !event.defaultPrevented) {
    event.preventDefault();
    send(event.target);
  }
});

// The Enter that ends a warning, an alt text or an option of a poll would publish the post: it goes on to the text instead.
document.addEventListener("keydown", (event) => {
  if (isEnter(event) && event.target.matches("[data-composer] :is([name=warning], [name=alt], [name^=poll_options])")) {
    event.preventDefault();
    event.target.form.querySelector("textarea").focus();
  }
});

// A warning that is going to be sent stays in sight. ("toggle" does not bubble.)
document.addEventListener(
  "toggle",
  (event) => {
    const warning = event.target.querySelector("[data-composer] [name=warning]");
    if (warning && warning.value.trim() && !event.target.open) {
      event.target.open = true;
    }
  },
  true,
);

document.addEventListener("keydown", (event) => {
  const form = event.target.closest("[data-composer]");
  if (form && isText(event.target) && !event.defaultPrevented && isSendCommand(event)) {
    event.preventDefault();
    form.requestSubmit();
  }
});

/** Puts the cursor into this page's composer, or into its form for a reply; false when there is none. */
function write(isReply) {
  const textarea = document.querySelector(`[data-composer]${isReply ? "[data-reply]" : ":not([data-reply])"} textarea`);
  if (textarea) {
    textarea.scrollIntoView({ block: "center" });
    textarea.focus();
    textarea.setSelectionRange(textarea.value.length, textarea.value.length); // after the names that a reply begins with
  }
  return Boolean(textarea);
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-write]") && write(false)) {
    event.preventDefault();
  }
});

function start() {
  document.querySelectorAll("[data-composer] textarea, textarea[data-max]").forEach(refresh);
  if (location.hash === "#write" || location.hash === "#reply") {
    write(location.hash === "#reply");
  }
}

window.addEventListener("hashchange", start);

// Browsers put typed text back when one comes back to a page, but only after our first look at it.
window.addEventListener("pageshow", (event) => {
  start();
  if (event.persisted) {
    document.querySelectorAll("[data-composer]").forEach((form) => (form.ariaBusy = "false"));
  }
});
ready.then(start);
