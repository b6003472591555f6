// An open conversation: new messages appear at its end, without pulling the reader there.
//
//   <div data-conversation data-with="ben" data-newest-seq="41" data-fragment-url="…" role="log">
//     <div data-new-divider>New</div>          where reading begins, when there is something new
//     <div data-seq="41">…</div>
//   </div>
//
// GET <data-fragment-url>?after=41 answers HTML: the bubbles after message 41 (nothing, when there are none).
(function () {
  "use strict";

  const Microblog = (window.Microblog = window.Microblog || {});
  const { gettext, ready } = Microblog.i18n;
  const thread = document.querySelector("[data-conversation]");
  if (!thread) {
    return;
  }

  const NEAR_END = 120; // pixels from the end within which the reader counts as being there
  const AT_ONCE = 100; // the most bubbles one answer holds (app/messages/queries.py); a full answer may have more behind it

  let newest = Number(thread.dataset.newestSeq) || 0;
  let fetching = false;
  let stale = false; // the server may know more than `newest`

  // --- Scrolling

  /** The thread scrolls in itself, or else the page does. */
  function scroller() {
    const itself = thread.scrollHeight > thread.clientHeight && getComputedStyle(thread).overflowY !== "visible";
    return itself ? thread : document.scrollingElement;
  }

  function nearEnd() {
    const box = scroller();
    return box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END;
  }

  function toEnd() {
    const box = scroller();
    box.scrollTop = box.scrollHeight;
  }

  const more = document.createElement("button");
  more.type = "button";
  more.className = "new-messages";
  more.hidden = true;
  more.addEventListener("click", toEnd);
  ready.then(() => (more.textContent = gettext("New messages")));
  thread.after(more);

  function hideMoreAtEnd() {
    if (!more.hidden && nearEnd()) {
      more.hidden = true;
    }
  }

  document.addEventListener("scroll", hideMoreAtEnd, { capture: true, passive: true });

  // --- New messages

  /** Adds those bubbles of an answered page that are not here yet, and returns them. */
  function append(answer) {
    const fresh = [...answer.querySelectorAll("[data-seq]")].filter((bubble) => Number(bubble.dataset.seq) > newest);
    if (fresh.length === 0) {
      return fresh;
    }
    const follow = nearEnd();
    thread.append(...fresh);
    newest = Math.max(...fresh.map((bubble) => Number(bubble.dataset.seq)));
    thread.dataset.newestSeq = newest;
    Microblog.reading.watch(fresh);
    if (follow) {
      toEnd();
    } else {
      more.hidden = false; // whoever reads older messages is not pulled away from them
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
        const fresh = append(await Microblog.http.page(url));
        stale = stale || fresh.length >= AT_ONCE;
      }
    } catch (error) {
      stale = true; // tried again at the next word about this conversation, or when the page is shown
    }
    fetching = false;
  }

  // --- Beginning

  const divider = thread.querySelector("[data-new-divider]");
  if (divider) {
    // Not scrollIntoView(): it would scroll the page behind the thread, too.
    const box = scroller();
    const top = box === thread ? thread.getBoundingClientRect().top : 0;
    box.scrollTop += divider.getBoundingClientRect().top - top - box.clientHeight / 2;
  } else {
    toEnd();
  }
  Microblog.reading.watch([...thread.querySelectorAll("[data-seq]")]);

  Microblog.poll.on("conversation", (data) => {
    if (data.with === thread.dataset.with) {
      fetchNew();
    }
  });

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && stale) {
      fetchNew();
    }
  });

  Microblog.conversation = { append, toEnd };
})();
