// What one is writing is kept on the server, and is there again on any device: a message of a conversation, or a post.
//
//   <form data-message-form data-draft-url="/messages/ben/draft"> <textarea>
//   <form data-composer data-draft-url="/post/draft"> <textarea> <select name="language"> <input name="form_key">
//
// POST <data-draft-url> saves. With a message goes own_seq=41, the newest message the page knows of: the server does not
// keep what was sent meanwhile. With a post goes its form's key, and the server answers {"saved": false, "form_key": "…"}
// when that form was sent already. GET answers {"text": "…"}, and for a post its language, level, warning and form key.
import * as http from "../lib/http.js";
import { conversation } from "../messages/conversation.js";
import * as languages from "./languages.js";
import { refresh } from "./textarea.js";

const PAUSE = 1500; // milliseconds without a key, after which it is saved

/** How a draft of a message is saved, and what else of it is restored. */
function ofMessage(textarea) {
  return {
    fields: () => ({ message: textarea.value, own_seq: conversation.newest() }),
    choices: () => "",
    address: (url) => url,
    restore: () => {},
  };
}

function ofPost(textarea, form) {
  const { language, visibility, warning, form_key: key } = form.elements;

  /** An empty draft has the default level and no warning. Those of a post that was sent must not stay for the next. */
  function restoreChoices(draft) {
    if (language && draft.text) {
      languages.choose(language, draft.language);
    }
    if (visibility && warning && draft.visibility) {
      visibility.value = draft.visibility;
      warning.value = draft.warning;
      warning.closest("details").open = Boolean(draft.warning);
    }
  }

  const choosers = [language, visibility, warning].filter(Boolean);
  const chosen = () => Object.fromEntries(choosers.map((field) => [field.name, field.value]));
  return {
    fields: () => ({ post: textarea.value, ...chosen(), form_key: key.value }),
    choices: () => JSON.stringify(chosen()),
    address: (url) => `${url}?${new URLSearchParams({ form_key: key.value })}`,
    restore: (draft) => {
      key.value = draft.form_key;
      restoreChoices(draft);
    },
  };
}

function keep(form) {
  const url = form.dataset.draftUrl;
  const textarea = form.querySelector("textarea");
  const kind = form.matches("[data-composer]") ? ofPost(textarea, form) : ofMessage(textarea);
  let saved = textarea.defaultValue;
  let savedChoices = kind.choices();
  let timer = 0;
  let sending = null; // AbortController of a request on its way

  const isBusy = () => form.ariaBusy === "true";

  /** Asks before the page goes, while the server cannot be reached. */
  function warn(event) {
    if (textarea.value !== saved && !isBusy()) {
      event.preventDefault();
    }
  }

  async function save(options) {
    clearTimeout(timer);
    const text = textarea.value;
    const choices = kind.choices();
    if ((text === saved && (!text || choices === savedChoices)) || isBusy()) {
      return;
    }
    sending = new AbortController();
    const before = [saved, savedChoices];
    [saved, savedChoices] = [text, choices];
    try {
      const answer = await http.post(url, kind.fields(), { signal: sending.signal, ...options });
      window.removeEventListener("beforeunload", warn);
      if (answer && answer.saved === false && !isBusy()) {
        kind.restore(answer); // the form was sent from another page: what is in the box begins a new one
        saved = "";
        later();
      }
    } catch (error) {
      if (saved === text && savedChoices === choices) {
        [saved, savedChoices] = before; // tried again at the next key, or when the page goes
      }
      if (error.name !== "AbortError") {
        window.addEventListener("beforeunload", warn);
      }
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

  /** Takes in what was written, or sent, elsewhere meanwhile; unless something was typed here. */
  async function sync() {
    const shown = textarea.value;
    const choices = kind.choices();
    if (shown !== saved || choices !== savedChoices || isBusy()) {
      return;
    }
    const draft = await http.json(kind.address(url)).catch(() => null);
    if (draft && textarea.value === shown && saved === shown && kind.choices() === choices && !isBusy()) {
      kind.restore(draft);
      [saved, savedChoices] = [draft.text, kind.choices()];
      if (draft.text !== shown) {
        textarea.value = draft.text;
        refresh(textarea);
      }
    }
  }

  textarea.addEventListener("input", later);
  form.addEventListener("change", () => textarea.value && later());
  form.addEventListener("microblog:sent-elsewhere", () => {
    cancel();
    saved = "";
    sync();
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : sync()));
  window.addEventListener("pageshow", (event) => event.persisted && sync());
  window.addEventListener("pagehide", leave);
  window.addEventListener("online", () => save());

  return { cancel, begin, later, save };
}

const kept = new Map();
document.querySelectorAll("[data-draft-url]").forEach((form) => {
  if (form.matches("[data-composer]") || conversation) {
    kept.set(form, keep(form));
  }
});

const none = { cancel() {}, begin() {}, later() {}, save() {} };

const of = (form) => kept.get(form) || none;

export { of };
