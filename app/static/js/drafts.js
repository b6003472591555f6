// What one is writing in a conversation is kept on the server, and is there again on any device.
//
//   <form data-message-form data-draft-url="/messages/ben/draft"> <textarea>
//
// POST <data-draft-url> with message=… and own_seq=41, the newest message the page knows of: the server does not keep what
// was sent meanwhile, from here or elsewhere.
(function () {
  "use strict";

  const Microblog = (window.Microblog = window.Microblog || {});
  const form = document.querySelector("[data-message-form][data-draft-url]");
  if (!form || !Microblog.conversation) {
    return;
  }

  const PAUSE = 1500; // milliseconds without a key, after which it is saved

  const textarea = form.querySelector("textarea");
  let saved = textarea.defaultValue;
  let timer = 0;
  let sending = null; // AbortController of a request on its way

  function fields() {
    return { message: textarea.value, own_seq: Microblog.conversation.newest() };
  }

  async function save(options) {
    clearTimeout(timer);
    const text = textarea.value;
    if (text === saved || form.ariaBusy === "true") {
      return;
    }
    sending = new AbortController();
    const before = saved;
    saved = text;
    try {
      await Microblog.http.post(form.dataset.draftUrl, fields(), { signal: sending.signal, ...options });
    } catch (error) {
      saved = saved === text ? before : saved; // tried again at the next key, or when the page goes
    }
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(() => save(), PAUSE);
  }

  /** The text is being sent: nothing of it is kept as a draft any more. */
  function cancel() {
    clearTimeout(timer);
    if (sending) {
      sending.abort();
    }
  }

  /** The text was sent, and with it went the draft. What is in the box now was typed since. */
  function begin() {
    saved = "";
    later();
  }

  function leave() {
    save({ keepalive: true, signal: undefined }); // goes on when the page is gone
  }

  textarea.addEventListener("input", later);
  document.addEventListener("visibilitychange", () => document.hidden && leave());
  window.addEventListener("pagehide", leave);

  Microblog.drafts = { cancel, begin, later, save };
})();
