// Sends a message from an open conversation, without leaving it. Enter sends, Shift+Enter begins a new line.
//
//   <form data-message-form method="post" action="/send_message/ben">
//     <input type="hidden" name="form_key"> <input type="hidden" name="read_upto"> <textarea> <button>
//
// The server answers with the conversation, as it does to a browser without scripts. A message was stored when a new
// bubble of ours (class "mine") is in that answer. The form_key stays the same until then, so sending again after an
// answer was lost on its way cannot store the message twice.
(function () {
  "use strict";

  const Microblog = (window.Microblog = window.Microblog || {});
  const form = document.querySelector("[data-message-form]");
  if (!form || !Microblog.conversation) {
    return;
  }

  const { showError, reasonToRetry, refresh } = Microblog.composer;
  const textarea = form.querySelector("textarea");

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
    const said = [...answer.querySelectorAll("[data-message-form] .invalid-feedback, .alert")];
    return said.map((element) => element.textContent.trim()).join(" ") || reasonToRetry(0);
  }

  /** Sends what is in the form. Returns why it was not stored, or "". */
  async function send(text) {
    const response = await Microblog.http.submit(form);
    const reason = reasonToRetry(response.status);
    if (reason) {
      return reason;
    }
    const answer = new DOMParser().parseFromString(await response.text(), "text/html");
    const stored = Microblog.conversation.append(answer).some((bubble) => bubble.matches(".mine"));
    if (!stored) {
      return refusal(answer);
    }
    renewFields(answer);
    if (textarea.value.startsWith(text)) {
      textarea.value = textarea.value.slice(text.length).trimStart(); // what was typed meanwhile begins the next message
    }
    Microblog.conversation.toEnd();
    return "";
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = textarea.value;
    if (!text.trim() || form.ariaBusy === "true") {
      return;
    }
    if (form.elements.read_upto) {
      form.elements.read_upto.value = Microblog.reading.seen(); // who answers has read what was on the screen
    }
    form.ariaBusy = "true";
    showError(form, "");
    showError(form, await send(text).catch(() => reasonToRetry(0)));
    form.ariaBusy = "false";
    refresh(textarea);
  });

  textarea.addEventListener("keydown", (event) => {
    // Enter also ends a word in Japanese, Chinese or Korean (isComposing). On a phone it is the only way to a new line.
    const plainEnter = event.key === "Enter" && !event.shiftKey && !event.altKey && !event.isComposing;
    if (plainEnter && !window.matchMedia("(pointer: coarse)").matches) {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  textarea.addEventListener("input", () => refresh(textarea));
  refresh(textarea);
})();
