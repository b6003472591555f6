// The Activity page: what was on the screen is marked as read, and the page says when there is more above it.
//
//   <div data-activity="/activity" data-newest="1763700000.5-42">
//     <div data-news></div>                                        where "Show new activity" appears; takes no room
//     <ul data-rows data-read-url="…">
//       <li data-events="1763700000.5-42 1763699000.25-40" data-unread>…</li>
//
// A place in the list is a stamp and an id. POST <data-read-url> with pairs of first and last says: what stands between
// these two was seen. So a pair may only hold neighbours that all were: what nobody looked at ends it.
import * as http from "../lib/http.js";
import { gettext, ready } from "../lib/i18n.js";
import { createReporter, createObserver } from "../lib/viewport.js";
import * as poll from "./poll.js";

function start() {
  const NAME = "unread_activity_count";

  /** Negative when place `one` is newer than place `other`. */
  function byNewest(one, other) {
    const [stamp, id] = one.split("-").map(Number);
    const [otherStamp, otherId] = other.split("-").map(Number);
    return otherStamp - stamp || otherId - id;
  }

  const rows = [...document.querySelectorAll("[data-rows] > [data-events]")];
  const placesOf = (row) => row.dataset.events.split(" ");
  const events = rows.flatMap((row) => placesOf(row).map((place) => ({ place, row })));
  events.sort((one, other) => byNewest(one.place, other.place));

  // --- Reading

  const seen = new Set(); // unread rows that were on the screen
  const marked = new Set(); // of those, the ones the server knows
  let ours = 0; // events that we took out of the badge since it was last told

  /** The pieces of the list without a gap in which something waits to be marked. */
  function spans() {
    const pieces = [[]];
    events.forEach((event) => {
      if ("unread" in event.row.dataset && !seen.has(event.row)) {
        pieces.push([]);
      } else {
        pieces.at(-1).push(event);
      }
    });
    return pieces.filter((piece) => piece.some(({ row }) => seen.has(row) && !marked.has(row)));
  }

  /** When nothing is left to mark, here or on older pages, the button is no use; unless somebody stands on it. */
  function hideMarkAll(number) {
    const form = document.querySelector("[data-mark-all]");
    const waits = rows.some((row) => "unread" in row.dataset && !marked.has(row));
    if (form && number === 0 && !waits && !form.contains(document.activeElement)) {
      form.hidden = true;
    }
  }
  poll.on(NAME, hideMarkAll);

  const tell = createReporter(
    () => seen.size > marked.size,
    async () => {
      const told = [...seen].filter((row) => !marked.has(row));
      const fields = spans().flatMap((piece) => [
        ["first", piece.at(-1).place],
        ["last", piece[0].place],
      ]);
      ours += told.filter((row) => row.matches(".is-unread")).flatMap(placesOf).length;
      await http.post(document.querySelector("[data-rows]").dataset.readUrl, fields);
      told.forEach((row) => marked.add(row));
      poll.now(); // the badge is smaller now, in every tab
    },
  );

  const watch = createObserver((row) => {
    seen.add(row);
    tell();
  });
  watch(rows.filter((row) => "unread" in row.dataset));

  // --- Saying that there is more

  const page = document.querySelector("[data-activity]");
  if (!page) {
    return; // an older page of the list
  }
  const badge = document.querySelector(`[data-badge="${NAME}"]`);
  const button = document.createElement("button");
  let known = badge ? Number(badge.dataset.count) : 0; // the last number we were told
  let unsure = false; // something may have come, and the server was not asked yet
  let asking = false;

  button.type = "button";
  button.addEventListener("click", () => location.assign(page.dataset.activity));

  /** A number that our own reading explains is no news. For any other one a fresh copy of this page says what is newest. */
  function hear(number) {
    const explained = number === 0 || number === known - ours || number === known;
    known = number;
    ours = 0;
    if (!explained) {
      unsure = true;
      look();
    }
  }

  async function look() {
    if (asking || !unsure || document.hidden || button.isConnected) {
      return; // asked again after this answer, or when the page is shown
    }
    asking = true;
    unsure = false;
    try {
      const fresh = (await http.page(page.dataset.activity)).querySelector("[data-activity]");
      await ready;
      if (byNewest(fresh.dataset.newest, page.dataset.newest) < 0) {
        button.textContent = gettext("Show new activity");
        page.querySelector("[data-news]").append(button);
      }
    } catch (error) {
      unsure = true; // asked again at the next word about the number, or when the page is shown
      asking = false;
      return;
    }
    asking = false;
    look();
  }

  poll.on(NAME, hear);
  document.addEventListener("visibilitychange", look);
}

start();
