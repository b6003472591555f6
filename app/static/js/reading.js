// Marks messages of an open conversation as read: only what was on the screen of a visible page, and only forward.
//
//   <div data-conversation data-read-url="…" data-read-seq="39"> <div data-seq="41">…</div> </div>
//
// POST <data-read-url> with seq=41 says: everything up to message 41 was seen.
(function () {
  "use strict";

  const Microblog = (window.Microblog = window.Microblog || {});
  const thread = document.querySelector("[data-conversation]");
  if (!thread) {
    return;
  }

  const GATHER = 300; // milliseconds: several messages that come into view are marked by one request
  const TRY_AGAIN = 10000;

  let seen = 0; // the newest message that was on the screen
  let marked = Number(thread.dataset.readSeq) || 0; // what the server knows of it
  let timer = 0;

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
    if (!timer && seen > marked) {
      timer = setTimeout(mark, delay);
    }
  }

  async function mark() {
    const upTo = seen;
    let next = GATHER;
    try {
      await Microblog.http.post(thread.dataset.readUrl, { seq: upTo });
      marked = upTo;
      Microblog.poll.now(); // the badge is smaller now, in every tab
    } catch (error) {
      const forGood = error.status >= 400 && error.status < 500 && error.status !== 429;
      next = forGood ? 0 : TRY_AGAIN;
    }
    timer = 0;
    if (next) {
      markSoon(next);
    }
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      watch([...thread.querySelectorAll("[data-seq]")].filter((bubble) => Number(bubble.dataset.seq) > seen));
    }
  });

  Microblog.reading = { watch, seen: () => seen };
})();
