// Older messages of an open conversation are loaded when one scrolls up to where they begin.
//
//   <a data-older href="/messages/ben?before=42">Older messages</a>     the first thing in the thread; works as a link
import * as http from "../lib/http.js";
import { conversation } from "./conversation.js";
import { scrolling } from "./scroll.js";

function start() {
  if (!conversation) {
    return;
  }

  const { thread, tidy } = conversation;
  const { keepingPlace } = scrolling;
  const AHEAD = "600px 0px 0px"; // they are here before the reader is

  let link = thread.querySelector("[data-older]");
  let loading = false;

  /** Puts what an answered page shows above what is here; the day both show stands once, at its beginning. */
  function prepend(page) {
    const older = [...page.querySelector(".thread").children].filter((element) => element.matches("[data-seq], [data-day]"));
    const days = older.filter((element) => element.dataset.day);
    const first = thread.querySelector("[data-day]");
    if (days.length > 0 && first && days[days.length - 1].dataset.day === first.dataset.day) {
      first.remove();
    }
    link.after(...older);
    tidy();
    return older.filter((element) => element.dataset.seq);
  }

  function moveLink(page) {
    const next = page.querySelector("[data-older]");
    if (next) {
      link.href = next.getAttribute("href");
    } else {
      if (link === document.activeElement) {
        thread.focus({ preventScroll: true });
      }
      observer.disconnect();
      link.remove();
      link = null;
    }
  }

  async function load() {
    if (!link || loading) {
      return;
    }
    loading = true;
    link.setAttribute("aria-busy", "true");
    try {
      const page = await http.page(link.href);
      let older = [];
      keepingPlace(() => {
        older = prepend(page);
        moveLink(page);
      });
      thread.dispatchEvent(new CustomEvent("microblog:bubbles", { detail: older }));
    } catch (error) {
      console.warn("The older messages did not come; the link is still there.", error);
    }
    loading = false;
    if (link) {
      link.removeAttribute("aria-busy");
      observer.unobserve(link); // and look afresh: it may still be in sight
      observer.observe(link);
    }
  }

  const observer = new IntersectionObserver(
    (entries) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        load();
      }
    },
    { root: getComputedStyle(thread).overflowY === "visible" ? null : thread, rootMargin: AHEAD },
  );

  if (link) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      load();
    });
    observer.observe(link);
  }
}

start();
