// Marks messages of an open conversation as read: only what was on the screen of a visible page, and only forward.
//
//   <div data-conversation data-read-url="…" data-read-seq="39"> <div data-seq="41">…</div> </div>
//
// POST <data-read-url> with seq=41 says: everything up to message 41 was seen.
import * as http from "../lib/http.js";
import { createReporter, createObserver } from "../lib/viewport.js";
import * as poll from "../polling/poll.js";

function start() {
  const thread = document.querySelector("[data-conversation]");
  if (!thread) {
    return;
  }

  let seen = 0; // the newest message that was on the screen
  let due = 0; // ... and the newest of somebody else: who sees only what they wrote themselves has read nothing
  let marked = Number(thread.dataset.readSeq) || 0; // what the server knows of it

  const tell = createReporter(
    () => due > marked,
    async () => {
      const upTo = seen;
      await http.post(thread.dataset.readUrl, { seq: upTo });
      marked = upTo;
      poll.now(); // the badge is smaller now, in every tab
    },
  );

  const watch = createObserver((bubble) => {
    seen = Math.max(seen, Number(bubble.dataset.seq));
    if (!bubble.matches(".mine")) {
      due = seen;
      tell();
    }
  });

  return { watch, seen: () => seen };
}

export const reading = start();
