// An open conversation: new messages appear at its end, and what changed in its place, without pulling the reader there.
//
//   <div class="thread" data-conversation data-with="ben" data-newest-seq="41" data-last-message-id="1007"
//        data-revision="3" data-fragment-url="…">                  of a group: data-group="5" instead of data-with
//     <div data-day="2026-01-31">Today</div>
//     <div data-new-divider>2 new messages</div>                   where reading begins, when there is something new
//     <div data-seq="41">…</div>
//   </div>
//
// GET <data-fragment-url>?after=41&revision=3&first=12 answers HTML: the bubbles after message 41, under their days, and
// <template data-changed data-revision="4"> with those from message 12 on that changed since revision 3. One that is to go
// is an element with data-gone.
//
// Each bubble that comes or changes triggers "microblog:bubbles" on the thread, with a list of them as its detail.
import * as http from "../lib/http.js";
import { language, ngettext, ready } from "../lib/i18n.js";
import * as poll from "../polling/poll.js";
import { reading } from "./reading.js";
import { scrolling } from "./scroll.js";

function start() {
  const thread = document.querySelector("[data-conversation]");
  if (!thread) {
    return;
  }

  const { scroller, nearEnd, toEnd, scrollTo, keepingPlace, showMore } = scrolling;
  const AT_ONCE = 100; // the most bubbles one answer holds (app/messages/queries/message_pages.py); a full one may have more behind it
  const READ_OUT = 3; // messages that are read out when they come; of more only their number is said

  let newest = Number(thread.dataset.newestSeq) || 0;
  let lastMessage = Number(thread.dataset.lastMessageId);
  let revision = Number(thread.dataset.revision) || 0;
  let fetching = false;
  let stale = false; // the server may know more than we show
  let away = document.hidden; // nobody has looked at what came last

  const bubbles = () => [...thread.querySelectorAll("[data-seq]")];
  const seqOf = (bubble) => Number(bubble.dataset.seq);

  /** Whether what the poll told is about this conversation. */
  function isThis(data) {
    return thread.dataset.group ? String(data.group) === thread.dataset.group : !data.group && data.with === thread.dataset.with;
  }

  // --- New messages

  function tell(changed) {
    if (changed.length > 0) {
      thread.dispatchEvent(new CustomEvent("microblog:bubbles", { detail: changed }));
    }
  }

  /** Says what others wrote, once and politely. */
  async function readOut(fresh) {
    const theirs = fresh.filter((bubble) => bubble.matches(".theirs"));
    if (theirs.length === 0 || document.hidden) {
      return;
    }
    await ready;
    const number = new Intl.NumberFormat(language).format(theirs.length);
    const words = theirs.map((bubble) => {
      // Of what is folded away, only that it is: the words are shown to who asks for them.
      const [by, text] = ["[data-by]", ".collapsed > summary, .text"].map((part) => bubble.querySelector(part));
      return [by, text || bubble.querySelector("img[alt]:not([alt=''])")].map((part) => part && (part.alt || part.textContent)).join(" ");
    });
    const many = ngettext("%(num)s new message", "%(num)s new messages", theirs.length, { num: number });
    // In a place of its own: the badge, which is read out, too, takes its words back when all is read.
    const place = document.querySelector("[data-read-out]");
    if (place) {
      place.textContent = theirs.length > READ_OUT ? many : words.join(" ");
    }
  }

  /** The elements of an answered page that are not here yet: bubbles after the newest, each day above its first. */
  function missing(answer) {
    const root = answer.querySelector(".thread") || answer.body;
    const found = [];
    let day = null;
    let divider = null;
    let shownDay = [...thread.querySelectorAll("[data-day]")].pop()?.dataset.day;
    for (const element of root.children) {
      if (element.matches("[data-day]")) {
        day = element;
      } else if (element.matches("[data-new-divider]")) {
        divider = element;
      } else if (seqOf(element) > newest) {
        if (day && day.dataset.day !== shownDay) {
          found.push(day);
          shownDay = day.dataset.day;
        }
        if (divider) {
          found.push(divider);
          divider = null;
        }
        found.push(element);
      }
    }
    return found;
  }

  /** Follows what has come, but not past what nobody could read yet: then it begins at the top. */
  function follow(fresh) {
    const height = fresh[fresh.length - 1].getBoundingClientRect().bottom - fresh[0].getBoundingClientRect().top;
    if (height > scroller().clientHeight && fresh.some((bubble) => bubble.matches(".theirs"))) {
      scrollTo(fresh[0], 0.1);
      showMore();
    } else {
      toEnd();
    }
  }

  /** Adds those bubbles of an answered page that are not here yet, and returns them. */
  function append(answer) {
    const elements = missing(answer);
    const fresh = elements.filter((element) => element.dataset.seq);
    if (fresh.length === 0) {
      return fresh;
    }
    const atEnd = nearEnd();
    // What came before the reader's eyes needs no line above it.
    const divided = elements.some((element) => "newDivider" in element.dataset) && (away || !atEnd);
    if (divided) {
      thread.querySelectorAll("[data-new-divider]").forEach((divider) => divider.remove());
    }
    thread.querySelectorAll(".empty").forEach((empty) => empty.remove());
    const shown = elements.filter((element) => divided || !("newDivider" in element.dataset));
    const newer = thread.querySelector("[data-newer]");
    newer ? newer.before(...shown) : thread.append(...shown);
    newest = Math.max(...fresh.map(seqOf));
    thread.dataset.newestSeq = newest;
    reading.watch(fresh);
    if (atEnd) {
      follow(fresh);
    } else {
      showMore(); // whoever reads older messages is not pulled away from them
    }
    tell(fresh);
    return fresh;
  }

  // --- Changed messages

  /** Takes away the days and the line above which nothing is left. */
  function tidy() {
    thread.querySelectorAll("[data-day], [data-new-divider]").forEach((line) => {
      const next = line.nextElementSibling;
      if (!next || next.matches("[data-day]")) {
        line.remove();
      }
    });
  }

  /** Puts changed bubbles in the places of the old ones. */
  function change(answer) {
    const changed = answer.querySelector("template[data-changed]");
    if (!changed) {
      return;
    }
    const renewed = [];
    const atEnd = nearEnd();
    const replace = () =>
      [...changed.content.children].forEach((bubble) => {
        const old = thread.querySelector(`[data-seq="${bubble.dataset.seq}"]`);
        if (old && "gone" in bubble.dataset) {
          old.remove();
        } else if (old) {
          bubble.classList.toggle("same-sender", old.matches(".same-sender"));
          old.replaceWith(bubble);
          renewed.push(bubble);
        }
      });
    keepingPlace(replace);
    tidy();
    if (atEnd) {
      toEnd();
    }
    revision = Number(changed.dataset.revision) || revision;
    tell(renewed);
  }

  // --- Asking

  async function ask() {
    const url = new URL(thread.dataset.fragmentUrl, location.href);
    const first = bubbles()[0];
    Object.entries({ after: newest, revision, first: first ? seqOf(first) : 0 }).forEach(([name, value]) =>
      url.searchParams.set(name, value),
    );
    const answer = await http.page(url);
    change(answer);
    const fresh = append(answer);
    readOut(fresh);
    return fresh.length;
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
        stale = (await ask()) >= AT_ONCE || stale;
      }
      thread.querySelectorAll("[data-newer]").forEach((link) => link.remove());
    } catch (error) {
      stale = true; // tried again at the next word about this conversation, or when the page is shown
    }
    fetching = false;
    away = document.hidden;
  }

  /** Takes in the conversation's own page, the answer to a message of ours. */
  function merge(answer) {
    const page = answer.querySelector("[data-conversation]");
    const fresh = append(answer);
    if (page && Number(page.dataset.revision) === revision) {
      lastMessage = Number(page.dataset.lastMessageId);
    }
    return fresh;
  }

  // --- Beginning

  const divider = thread.querySelector("[data-new-divider]");
  const wanted = /^#message-\d+$/.test(location.hash) && thread.querySelector(location.hash);
  if (wanted) {
    scrollTo(wanted, 0.3);
  } else if (divider) {
    scrollTo(divider, 0.5);
  } else {
    toEnd();
  }
  reading.watch(bubbles());

  poll.on("conversation", (data) => {
    if (!isThis(data)) {
      return;
    }
    // A mark that moved is told in the same way, and needs no question.
    if (stale || data.last_message_id !== lastMessage || data.revision > revision) {
      lastMessage = data.last_message_id;
      fetchNew();
    }
  });

  document.addEventListener("visibilitychange", () => {
    away = away || document.hidden;
    if (!document.hidden && stale) {
      fetchNew();
    }
  });

  return {
    thread,
    isThis,
    bubbles,
    merge,
    refresh: fetchNew,
    tidy,
    /** The newest number the page knows of, whether it is still shown or not. */
    newest: () => Math.max(newest, Number(thread.dataset.ownSeq) || 0),
  };
}

export const conversation = start();
