// Where one is in an open conversation: its end is followed, any other place is kept.
import { gettext, ready } from "../lib/i18n.js";

function start() {
  const thread = document.querySelector("[data-conversation]");
  if (!thread) {
    return;
  }

  const NEAR_END = 120; // pixels from the end within which the reader counts as being there

  let isAtEnd = true;

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

  /** Scrolls until `element` is `share` of the height below the top. (scrollIntoView() would scroll the page, too.) */
  function scrollTo(element, share) {
    const box = scroller();
    const top = box === thread ? thread.getBoundingClientRect().top : 0;
    box.scrollTop += element.getBoundingClientRect().top - top - box.clientHeight * share;
    isAtEnd = nearEnd();
  }

  /** Changes what is above or among what the reader looks at, which stays where it is. */
  function keepingPlace(change) {
    const box = scroller();
    const edge = box === thread ? thread.getBoundingClientRect().top : 0;
    const held = [...thread.querySelectorAll("[data-seq]")].find((bubble) => bubble.getBoundingClientRect().bottom > edge);
    const before = held && held.getBoundingClientRect().top;
    change();
    if (held && held.isConnected) {
      box.scrollTop += held.getBoundingClientRect().top - before;
    }
  }

  const more = document.createElement("button");
  more.type = "button";
  more.className = "new-messages";
  more.hidden = true;
  more.addEventListener("click", toEnd);
  // NOTE: Button that scrolls to new messages below.
  ready.then(() => (more.textContent = gettext("New messages")));
  thread.after(more);

  function scrolled() {
    isAtEnd = nearEnd();
    more.hidden = more.hidden || isAtEnd;
  }

  document.addEventListener("scroll", scrolled, { capture: true, passive: true });

  // The box one writes in grows, a keyboard comes up: who was at the end stays there.
  new ResizeObserver(() => isAtEnd && toEnd()).observe(thread);

  /** There is more below than one has seen: a button leads there. */
  function showMore() {
    more.hidden = false;
  }

  return { scroller, nearEnd, toEnd, scrollTo, keepingPlace, showMore };
}

export const scrolling = start();
