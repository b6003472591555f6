// Likes, bookmarks, reposts and mutes of threads change in place. Pressing the button again undoes it.
//
//   <form id="react" method="post">…</form>
//   <article>
//     <div class="post-actions">
//       <button form="react" formaction="/post/7/like" aria-pressed="false">
//         <svg><use href="icons.svg#heart"></use></svg> <span data-count>3</span>
//       </button>
//     </div>
//     <div>
//       <button form="react" formaction="/post/7/mute" data-other-label="Unmute">
//         <svg><use href="icons.svg#bell-slash"></use></svg> <span>Mute</span>
//       </button>
//     </div>
//   </article>
//
// The opposite of /post/7/like is /post/7/unlike. A button with `data-other-label` changes its label and isn't pressed.
// A button with `data-outline` has an icon without a filled variant. POST <formaction> returns {"likes": "4"} or
// {"reposts": "4"}, or an error with {"error": "…"}. The button changes at once. If it is pressed while a request is
// running, the next one is sent after it.
import * as announcer from "../lib/announcer.js";
import * as http from "../lib/http.js";
import { gettext, ready } from "../lib/i18n.js";

const running = new WeakSet(); // buttons

const opposite = (action) =>
  action.replace(/(un)?(like|bookmark|repost|mute)$/, (all, un, what) => (un ? what : `un${what}`));
const isPressed = (button) => /\/un\w+$/.test(button.getAttribute("formaction"));

function toggle(button) {
  const use = button.querySelector("use");
  const outline = use.getAttribute("href").replace(/-fill$/, "");
  button.setAttribute("formaction", opposite(button.getAttribute("formaction")));
  use.setAttribute("href", isPressed(button) && !("outline" in button.dataset) ? `${outline}-fill` : outline);
  const label = button.dataset.otherLabel;
  if (label) {
    const text = button.querySelector("span");
    button.dataset.otherLabel = text.textContent;
    text.textContent = label;
    announcer.announce(label);
  } else {
    button.setAttribute("aria-pressed", String(isPressed(button)));
  }
}

function showCount(button, number) {
  const count = button.querySelector("[data-count]");
  if (count) {
    count.textContent = number;
  }
}

async function showError(button, error) {
  await ready;
  hideError(button);
  const message = document.createElement("p");
  message.className = "send-error";
  message.textContent = (error.data && error.data.error) || gettext("That didn't work. Please try again.");
  button.parentElement.after(message);
  announcer.announce(message.textContent);
}

function hideError(button) {
  const shown = button.parentElement.nextElementSibling;
  if (shown && shown.className === "send-error") {
    shown.remove();
  }
}

/** Sends what the button shows, until the server has stored it. */
async function send(button) {
  running.add(button);
  let stored = !isPressed(button);
  try {
    while (stored !== isPressed(button)) {
      const shown = isPressed(button);
      // The button already has the action of the next click; the one that leads to `shown` is the other.
      const url = opposite(button.getAttribute("formaction"));
      const { likes, reposts } = await http.post(url, {}, { keepalive: true }); // even if the reader leaves the page
      stored = shown;
      showCount(button, reposts ?? likes);
    }
    hideError(button);
  } catch (error) {
    if (stored !== isPressed(button)) {
      toggle(button);
    }
    showError(button, error);
  }
  running.delete(button);
}

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.target.id !== "react" || !button || !button.matches("[aria-pressed], [data-other-label]")) {
    return;
  }
  event.preventDefault();
  toggle(button);
  if (!running.has(button)) {
    send(button);
  }
});
