// An open conversation: new messages appear, what was seen is marked read, and Enter sends.
//
//   <div data-conversation data-with="ben" data-newest-seq="41" data-fragment-url="…" data-read-url="…" role="log">
//     <div data-seq="41">…</div>
//   </div>
//   <form data-message-form method="post"> <textarea> <button>
//
// GET <data-fragment-url>?after=41 answers HTML: the bubbles after message 41 (nothing, when there are none).
// POST <data-read-url> with seq=41 says: everything up to 41 was seen.
(function () {
  "use strict";

  const Microblog = (window.Microblog = window.Microblog || {});
  const { gettext, ready } = Microblog.i18n;
  const thread = document.querySelector("[data-conversation]");
  if (!thread) {
    return;
  }

  const NEAR_END = 120; // pixels from the end within which the reader counts as being there
  const GATHER = 300; // milliseconds: several messages that come into view are marked by one request
  const TRY_AGAIN = 10000;

  let newest = Number(thread.dataset.newestSeq) || 0; // the newest message on the page
  let seen = 0; // the newest message that was on the screen of a visible page
  let marked = Number(thread.dataset.readSeq) || 0; // what the server knows about `seen`
  let markTimer = 0;
  let fetching = false;
  let stale = false; // there may be more than `newest`

  // --- Scrolling. The thread scrolls in itself, or the page does.

  function scroller() {
    return thread.scrollHeight > thread.clientHeight && getComputedStyle(thread).overflowY !== "visible"
      ? thread
      : document.scrollingElement;
  }

  function nearEnd() {
    const box = scroller();
    return box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END;
  }

  function toEnd() {
    const box = scroller();
    box.scrollTop = box.scrollHeight;
  }

  const moreButton = document.createElement("button");
  moreButton.type = "button";
  moreButton.className = "new-messages";
  moreButton.hidden = true;
  moreButton.addEventListener("click", toEnd);
  ready.then(() => (moreButton.textContent = gettext("New messages")));
  thread.after(moreButton);

  document.addEventListener("scroll", () => (moreButton.hidden = moreButton.hidden || nearEnd()), { capture: true, passive: true });

  // --- Marking as read: only what was on the screen, and only forward

  const watcher = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach((entry) => see(entry.target));
  });

  function see(bubble) {
    if (document.hidden) {
      return; // looked at again when the page is shown
    }
    watcher.unobserve(bubble);
    seen = Math.max(seen, Number(bubble.dataset.seq));
    markSoon(GATHER);
  }

  /** Watches bubbles until they are seen. Watching afresh makes the browser report once more what is on the screen. */
  function watch(bubbles) {
    bubbles.forEach((bubble) => {
      watcher.unobserve(bubble);
      watcher.observe(bubble);
    });
  }

  function markSoon(delay) {
    if (!markTimer && seen > marked) {
      markTimer = setTimeout(mark, delay);
    }
  }

  async function mark() {
    const upTo = seen;
    let wait = GATHER;
    try {
      await Microblog.http.post(thread.dataset.readUrl, { seq: upTo });
      marked = upTo;
      Microblog.poll.now(); // the badge is smaller now, in every tab
    } catch (error) {
      const forGood = error.status >= 400 && error.status < 500 && error.status !== 429;
      wait = forGood ? 0 : TRY_AGAIN;
    }
    markTimer = 0;
    if (wait) {
      markSoon(wait);
    }
  }

  // --- New messages

  /** Adds the bubbles of an answered page that are not here yet, and returns them. */
  function append(answer) {
    const fresh = [...answer.querySelectorAll("[data-seq]")].filter((bubble) => Number(bubble.dataset.seq) > newest);
    const follow = nearEnd();
    thread.append(...fresh);
    fresh.forEach((bubble) => (newest = Math.max(newest, Number(bubble.dataset.seq))));
    thread.dataset.newestSeq = newest;
    watch(fresh);
    if (fresh.length && follow) {
      toEnd();
    } else if (fresh.length) {
      moreButton.hidden = false; // whoever reads older messages is not pulled away from them
    }
    return fresh;
  }

  async function fetchNew() {
    stale = true;
    if (fetching || document.hidden) {
      return;
    }
    fetching = true;
    try {
      while (stale) {
        stale = false;
        const url = new URL(thread.dataset.fragmentUrl, location.href);
        url.searchParams.set("after", newest);
        append(await Microblog.http.page(url));
      }
    } catch (error) {
      stale = true; // tried again at the next word about this conversation, or when the page is shown
    }
    fetching = false;
  }

  // --- Sending

  const form = document.querySelector("[data-message-form]");
  const textarea = form && form.querySelector("textarea");

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
    return said.map((element) => element.textContent.trim()).join(" ") || Microblog.composer.reasonToRetry(0);
  }

  async function send() {
    const text = textarea.value;
    if (!text.trim() || form.ariaBusy === "true") {
      return;
    }
    form.ariaBusy = "true";
    Microblog.composer.showError(form, "");
    let reason = "";
    try {
      // The server answers with the whole conversation, as to a browser without scripts. The key in the form stays
      // the same until a message was stored, so sending again after a lost answer cannot store it twice.
      const response = await Microblog.http.submit(form);
      const answer = new DOMParser().parseFromString(await response.text(), "text/html");
      reason = Microblog.composer.reasonToRetry(response.status);
      if (!reason && append(answer).some((bubble) => bubble.matches(".mine"))) {
        renewFields(answer);
        // Text typed while the message was on its way is the beginning of the next one.
        textarea.value = textarea.value.startsWith(text) ? textarea.value.slice(text.length).trimStart() : textarea.value;
        toEnd();
      } else {
        reason = reason || refusal(answer);
      }
    } catch (error) {
      reason = Microblog.composer.reasonToRetry(0);
    }
    form.ariaBusy = "false";
    Microblog.composer.showError(form, reason);
    Microblog.composer.refresh(textarea);
  }

  function enterSends(event) {
    // Enter also ends a word in Japanese, Chinese or Korean (isComposing). On a phone it is the only way to a new line.
    const plainEnter = event.key === "Enter" && !event.shiftKey && !event.altKey && !event.isComposing;
    if (plainEnter && !window.matchMedia("(pointer: coarse)").matches) {
      event.preventDefault();
      form.requestSubmit();
    }
  }

  if (form) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send();
    });
    textarea.addEventListener("keydown", enterSends);
    textarea.addEventListener("input", () => Microblog.composer.refresh(textarea));
    Microblog.composer.refresh(textarea);
  }

  // --- Beginning

  const divider = thread.querySelector("[data-new-divider]");
  if (divider) {
    divider.scrollIntoView({ block: "center" });
  } else {
    toEnd();
  }
  watch([...thread.querySelectorAll("[data-seq]")]);

  Microblog.poll.on("conversation", (data) => {
    if (data && data.with === thread.dataset.with) {
      fetchNew();
    }
  });

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      watch([...thread.querySelectorAll("[data-seq]")].filter((bubble) => Number(bubble.dataset.seq) > seen));
      if (stale) {
        fetchNew();
      }
    }
  });
})();
