// What a form says when it was not sent.
import { gettext } from "../lib/i18n.js";

/** Shows under the form why it was not sent; "" takes it away. */
function showError(form, text) {
  let error = form.querySelector("[data-send-error]");
  if (!error && text) {
    error = document.createElement("p");
    error.className = "send-error";
    error.dataset.sendError = "";
    error.setAttribute("role", "alert");
    form.append(error);
  }
  if (error) {
    error.textContent = text;
    error.hidden = !text;
  }
}

/** Why an answer with this status means "not sent, try again", or "" when it means something else. 0: no answer. */
function reasonToRetry(status) {
  if (status === 429) {
    return gettext("You're sending too fast. Your text is still here. Please try again in a moment.");
  }
  if (status === 0 || status >= 500) {
    return gettext("Couldn't send. Your text is still here. Please try again.");
  }
  return "";
}

export { reasonToRetry, showError };
