// The list of conversations, and the tray of requests, stay as they are on the server while somebody looks at them.
//
//   <a data-inbox-part="requests">Requests 2</a>
//   <div data-inbox-part="list"> <ul> <li data-row="17">…</li> </ul> </div>
//
// When the poller tells of a conversation or of one of the numbers, this page is fetched afresh and what differs is put in
// its place. Rows that say the same stay the very same elements: focus stays in them, and an open menu stays open. What
// the reader looks at does not move: rows that come in above are scrolled past.
import * as http from "../lib/http.js";
import * as poll from "../polling/poll.js";

const TOLD = ["conversation", "unread_message_count", "message_request_count"];
const GATHER = 150; // milliseconds: one answer of the poller tells several of these

let timer = 0;
let fetching = false;
let stale = false; // the server knows more than the page shows

const partOf = (page, name) => page.querySelector(`[data-inbox-part="${name}"]`);
const rowsOf = (part) => [...part.querySelectorAll("[data-row]")];

/** What a row says, without what is different in every rendering of it: tokens, and the words for how long ago. */
function said(row) {
  const copy = row.cloneNode(true);
  copy.querySelectorAll('[name="csrf_token"]').forEach((field) => field.remove());
  copy.querySelectorAll("time").forEach((time) => (time.textContent = ""));
  copy.querySelectorAll("details[open]").forEach((menu) => menu.removeAttribute("open"));
  return copy.outerHTML;
}

/** The row that the reader has at the top of the window, and where; null while the list begins there. */
function anchor(part) {
  const row = window.scrollY > 0 ? rowsOf(part).find((one) => one.getBoundingClientRect().bottom > 0) : null;
  return row ? { id: row.dataset.row, top: row.getBoundingClientRect().top } : null;
}

function keepPlace(part, before) {
  const row = before && rowsOf(part).find((one) => one.dataset.row === before.id);
  if (row) {
    window.scrollBy({ top: row.getBoundingClientRect().top - before.top, behavior: "instant" });
  }
}

/** Puts the focus back into the row that had it, when that row was made anew. */
function keepFocus(part, id) {
  const row = id && rowsOf(part).find((one) => one.dataset.row === id);
  if (row && !part.contains(document.activeElement)) {
    row.querySelector("a, button").focus({ preventScroll: true });
  }
}

/** Brings the rows of `list` to what `fresh` has, moving as few elements as can be. */
function align(list, fresh) {
  const known = new Map(rowsOf(list).map((row) => [row.dataset.row, row]));
  const wanted = rowsOf(fresh).map((row) => {
    const mine = known.get(row.dataset.row);
    return mine && said(mine) === said(row) ? mine : document.adoptNode(row);
  });
  rowsOf(list).forEach((row) => wanted.includes(row) || row.remove());
  wanted.forEach((row, at) => {
    const there = list.children[at];
    if (there !== row) {
      // Taking an element out of the page takes the focus from it: move the others around the one that has it.
      if (there && row.contains(document.activeElement)) {
        const stays = new Set(wanted.slice(0, at));
        [...list.children].filter((one) => one !== row && !stays.has(one)).forEach((one) => row.after(one));
      } else {
        list.insertBefore(row, there || null);
      }
    }
  });
}

function show(page) {
  ["requests", "list"].forEach((name) => {
    const part = partOf(document, name);
    const fresh = partOf(page, name);
    if (!part || !fresh) {
      return;
    }
    const list = part.querySelector(".conversation-list");
    const freshList = fresh.querySelector(".conversation-list");
    if (!list || !freshList) {
      if (part.innerHTML !== fresh.innerHTML) {
        part.replaceChildren(...fresh.childNodes);
      }
      return;
    }
    const before = anchor(part);
    const focused = document.activeElement.closest("[data-row]");
    align(list, freshList);
    showMore(part, fresh);
    keepPlace(part, before);
    keepFocus(part, focused && focused.dataset.row);
  });
}

/** The link to what is further down has another address when the page holds other rows. */
function showMore(part, fresh) {
  const more = part.querySelector(".load-more");
  const freshMore = fresh.querySelector(".load-more");
  if (more && freshMore) {
    more.href = freshMore.href;
  } else if (more || freshMore) {
    (more || part.querySelector(".conversation-list")).replaceWith(...(more ? [] : [part.querySelector(".conversation-list"), freshMore]));
  }
}

async function refresh() {
  timer = 0;
  stale = true;
  if (fetching || document.hidden) {
    return; // after this answer, or when the page is shown
  }
  fetching = true;
  try {
    while (stale) {
      stale = false;
      show(await http.page(location.href));
    }
  } catch (error) {
    stale = true; // tried again at the next word of the poller, or when the page is shown
  }
  fetching = false;
}

function soon() {
  timer = timer || setTimeout(refresh, GATHER);
}

if (document.querySelector("[data-inbox-part]")) {
  TOLD.forEach((name) => poll.on(name, soon));
  document.addEventListener("visibilitychange", () => !document.hidden && stale && soon());
  window.addEventListener("pageshow", (event) => event.persisted && soon()); // back from a thread that was read there
}
