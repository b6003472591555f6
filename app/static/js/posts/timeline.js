// "Show 3 new posts": the timeline says that it has grown, and grows when the reader wants it to.
//
//   <div data-timeline="/" data-newest="41" data-news-url="/timeline/news">
//     <form data-composer>…</form>
//     <div data-news></div>                 where new posts come in; takes no room, so that nothing moves
//     <article class="post" id="post-41">…</article>
//     <div class="reposted" data-place="40"><article class="post" id="post-7">…</article></div>
//   </div>
//
// The poller brings "timeline": {newest_post_id}. How many new posts there are then, the server is asked:
// GET <data-news-url>?after=41 answers {"count": 3, "more": false}. The posts are taken from a fresh copy of the page.
import * as announcer from "../lib/announcer.js";
import * as http from "../lib/http.js";
import { gettext, language, ngettext, ready } from "../lib/i18n.js";
import * as poll from "../polling/poll.js";

function start() {
  const timeline = document.querySelector("[data-timeline]");
  if (!timeline) {
    return;
  }

  const digits = new Intl.NumberFormat(language);
  const place = timeline.querySelector("[data-news]");
  let newest = Number(timeline.dataset.newest); // the newest post that this page has shown
  let told = newest; // the newest post that the server has told of
  let counted = newest; // `told` when the server was last asked how many there are
  let asking = false;

  const button = document.createElement("button");
  button.type = "button";
  button.addEventListener("click", show);

  // --- Saying that there are some

  function offer(count, more) {
    if (count === 0) {
      button.remove(); // deleted again; where the reader is now, nothing has changed
      return;
    }
    const isNew = !button.isConnected;
    const num = digits.format(count) + (more ? "+" : "");
    button.textContent = ngettext("Show %(num)s new post", "Show %(num)s new posts", count, { num });
    if (isNew) {
      place.append(button);
      // Those that follow come quietly: a busy evening is not read aloud.
      announcer.announce(ngettext("%(num)s new post", "%(num)s new posts", count, { num }));
    }
  }

  async function count() {
    if (asking || document.hidden || told <= counted) {
      return; // asked again after this answer, or when the page is shown
    }
    asking = true;
    const upTo = told;
    try {
      const url = new URL(timeline.dataset.newsUrl, location.href);
      url.searchParams.set("after", newest);
      const news = await http.json(url);
      await ready;
      counted = upTo;
      offer(news.count, news.more);
    } catch (error) {
      // Asked again at the next word about the timeline, or when the page is shown.
      asking = false;
      return;
    }
    asking = false;
    count();
  }

  // --- Showing them

  // The place of a repost is the id of the repost. The place of another post is its id.
  const placeOf = (entry) => Number(entry.dataset.place || entry.id.replace("post-", ""));
  const entriesOf = (page) => [...page.querySelectorAll("[data-timeline] > :is(.post, .reposted)")];
  const postIn = (entry) => entry.querySelector(".post") || entry;

  /** The entries of a fresh page that are not here yet; null when it does not reach down to ours. */
  function freshOf(page) {
    const entries = entriesOf(page);
    const fresh = entries.filter((entry) => placeOf(entry) > newest);
    const reaches = fresh.length < entries.length || !page.querySelector("[data-timeline] > .load-more");
    return reaches && entriesOf(document).length > 0 ? fresh : null;
  }

  function insert(fresh) {
    const marked = timeline.querySelectorAll(".is-new, .first-read");
    marked.forEach((entry) => entry.classList.remove("is-new", "first-read"));
    const again = new Set(fresh.map((entry) => postIn(entry).id));
    // A post that was reposted moves to its newest place.
    entriesOf(document).forEach((entry) => again.has(postIn(entry).id) && entry.remove());
    place.nextElementSibling?.classList.add("first-read"); // where the new ones end
    fresh.forEach((entry) => entry.classList.add("is-new"));
    place.after(...fresh.map((entry) => document.adoptNode(entry)));
    newest = counted = placeOf(fresh[0]);
    fresh[0].tabIndex = -1;
    fresh[0].focus();
    count(); // one may have come while these were on their way
  }

  async function show() {
    if (button.ariaBusy === "true") {
      return;
    }
    button.ariaBusy = "true";
    try {
      const fresh = freshOf(await http.page(timeline.dataset.timeline));
      if (fresh === null) {
        location.assign(timeline.dataset.timeline);
        return;
      }
      button.remove();
      if (fresh.length > 0) {
        insert(fresh);
      } else {
        announcer.announce(gettext("The new posts were deleted."));
      }
    } catch (error) {
      button.textContent = gettext("Couldn't load posts. Try again.");
      announcer.announce(button.textContent);
    }
    button.ariaBusy = "false";
  }

  // --- Hearing

  function hear({ newest_post_id: identity }) {
    told = Math.max(told, identity);
    count();
  }

  poll.on("timeline", hear);
  document.addEventListener("visibilitychange", count);
}

start();
