// A text that was sent in one tab does not stay in the box of another: it would be sent twice.
//
// Tabs tell each other the form's address and the text. A box with any other text is left alone. The form hears
// "microblog:sent-elsewhere".
import { refresh } from "./textarea.js";

const name = `microblog-sent-${document.body.dataset.userId || ""}`;
let channel = null;

function hear({ action, text }) {
  document.querySelectorAll("form[data-draft-url]").forEach((form) => {
    const textarea = form.querySelector("textarea");
    if (form.action === action && textarea.value.trim() === text && form.ariaBusy !== "true") {
      textarea.value = "";
      refresh(textarea);
      form.dispatchEvent(new CustomEvent("microblog:sent-elsewhere"));
    }
  });
}

function open() {
  if (window.BroadcastChannel && !channel) {
    channel = new BroadcastChannel(name);
    channel.onmessage = (event) => hear(event.data);
  }
}

function close() {
  if (channel) {
    channel.close();
    channel = null;
  }
}

/** Says that `text` was sent from `form`. */
function tell(form, text) {
  if (channel && text.trim()) {
    channel.postMessage({ action: form.action, text: text.trim() });
  }
}

// A page kept for the Back button must not listen: a message that reaches it throws it out of that cache.
window.addEventListener("pagehide", close);
window.addEventListener("pageshow", open);
open();

export { tell };
