// Sends a message from an open conversation, without leaving it. Enter sends, Shift+Enter begins a new line.
//
//   <form data-message-form method="post" action="/send_message/ben">
//     <input type="hidden" name="form_key"> <input type="hidden" name="read_upto"> <textarea> <button>
//
// The server stores the message and leads to the conversation, as it does for a browser without scripts; or it answers 422
// with a page that says why not. The form_key stays the same until a message is stored, so sending again after an answer
// was lost on its way cannot store the message twice.
import * as http from "../lib/http.js";
import { gettext } from "../lib/i18n.js";
import { isSend } from "../lib/keys.js";
import * as drafts from "../writing/drafts.js";
import * as allPictures from "../writing/pictures.js";
import { reasonToRetry, showError } from "../writing/send_errors.js";
import * as sent from "../writing/sent.js";
import { refresh } from "../writing/textarea.js";
import { conversation } from "./conversation.js";
import { reading } from "./reading.js";
import { scrolling } from "./scroll.js";

function start() {
  const form = document.querySelector("[data-message-form]");
  if (!form || !conversation) {
    return;
  }

  const LONGEST = 30000; // milliseconds one waits for an answer; pictures may take longer
  const LONGEST_WITH_PICTURES = 180000;

  const textarea = form.querySelector("textarea");
  const draft = () => drafts.of(form);
  const pictures = allPictures.of(form);

  /** Takes the hidden fields (CSRF token, key against sending twice) from the form the server has just rendered. */
  function renewFields(answer) {
    const renewed = answer.querySelector("[data-message-form]");
    form.querySelectorAll('input[type="hidden"]').forEach((field) => {
      const twin = renewed && renewed.querySelector(`input[name="${field.name}"]`);
      if (twin) {
        field.value = twin.value;
      }
    });
  }

  /** What the server says about a refused message, in its own words. */
  function refusal(answer) {
    const said = [...answer.querySelectorAll("[data-message-form] .invalid-feedback, .alert, .error-page h1")];
    return said.map((element) => element.textContent.trim()).join(" ") || reasonToRetry(0);
  }

  function clear(text) {
    if (textarea.value.startsWith(text)) {
      textarea.value = textarea.value.slice(text.length).trimStart(); // what was typed meanwhile begins the next message
    }
    pictures.clear();
  }

  /** Sends what is in the form. Returns why it was not stored, or "". */
  async function send(text) {
    const signal = AbortSignal.timeout(pictures.count() ? LONGEST_WITH_PICTURES : LONGEST);
    const response = await http.submit(form, { body: pictures.body(), signal });
    const reason = reasonToRetry(response.status);
    if (reason) {
      return reason;
    }
    const answer = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!response.ok || !answer.querySelector("[data-conversation]")) {
      return refusal(answer);
    }
    const stored = conversation.merge(answer).some((bubble) => bubble.matches(".mine"));
    renewFields(answer);
    clear(text);
    sent.tell(form, text);
    draft().begin();
    if (stored) {
      scrolling.toEnd();
    } else {
      conversation.refresh(); // very much has come since: the message is further down than one page shows
    }
    return "";
  }

  /** Says that it was not sent, and offers to send the same once more. */
  function failed(reason, retry) {
    showError(form, reason);
    if (reason && retry) {
      const button = document.createElement("button");
      button.type = "submit";
      button.className = "btn-link";
      button.textContent = gettext("Try again");
      form.querySelector("[data-send-error]").append(" ", button);
    }
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = textarea.value;
    if ((!text.trim() && !pictures.count()) || form.ariaBusy === "true") {
      return;
    }
    if (form.elements.read_upto) {
      form.elements.read_upto.value = reading.seen(); // who answers has read what was on the screen
    }
    form.ariaBusy = "true";
    draft().cancel();
    const hadFocus = form.contains(document.activeElement);
    showError(form, "");
    let reason = "";
    let retry = false;
    try {
      reason = await send(text);
    } catch (error) {
      reason = reasonToRetry(0);
      retry = true;
    }
    form.ariaBusy = "false";
    failed(reason, retry || reason === reasonToRetry(500));
    if (reason) {
      draft().save(); // at once: who cannot send it may leave with it unsent
    }
    if (hadFocus && !form.contains(document.activeElement)) {
      textarea.focus({ preventScroll: true });
    }
    refresh(textarea);
  });

  textarea.addEventListener("keydown", (event) => {
    if (!event.defaultPrevented && isSend(event)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  /** Puts a text into the box, above what is in it. */
  function restore(text) {
    textarea.value = [text, textarea.value].filter((part) => part.trim()).join("\n\n");
    refresh(textarea);
    textarea.focus({ preventScroll: true });
    draft().later();
  }

  textarea.addEventListener("input", () => refresh(textarea));
  refresh(textarea);

  return { restore };
}

export const messageForm = start();
