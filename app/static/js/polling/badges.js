// Shows the unread numbers: on the badges, in the title, on the tab's icon, and once to a screen reader.
//
//   <span data-badge="unread_message_count" hidden>
//     <span data-badge-number aria-hidden="true">3</span> <span class="visually-hidden" data-badge-label>3 unread messages</span>
//   </span>
//
// The server renders the first numbers; after that the poller brings them whole, so nothing is ever added up here.
// Each change triggers "microblog:badge" on the document, with {name, number, before, words}.
import * as announcer from "../lib/announcer.js";
import { language, ngettext, ready } from "../lib/i18n.js";
import * as appBadge from "./app_badge.js";
import * as favicon from "./favicon.js";
import * as poll from "./poll.js";

const MOST = 99; // above it, the exact number is no news
const digits = new Intl.NumberFormat(language);

const list = new Intl.ListFormat(language, { type: "conjunction" });

// What each number counts. A new badge is a new line here.
const IN_WORDS = {
  unread_message_count: (num) =>
    ngettext("%(num)s unread message", "%(num)s unread messages", num, { num: digits.format(num) }),
  unread_activity_count: (num) =>
    // NOTE: The badge beside the Activity page.
    ngettext("%(num)s unread in Activity", "%(num)s unread in Activity", num, { num: digits.format(num) }),
};

const counts = {}; // badge name -> number
const unsaid = new Set(); // badges whose change nobody was told of yet
let prefix = ""; // what we have put before the title
let title = document.title;

function short(number) {
  return number > MOST ? `${digits.format(MOST)}+` : digits.format(number);
}

function badgesOf(name) {
  return document.querySelectorAll(`[data-badge="${name}"]`);
}

function showBadges(name, number) {
  badgesOf(name).forEach((badge) => {
    const place = badge.querySelector("[data-badge-number]") || badge;
    const label = badge.querySelector("[data-badge-label]");
    place.textContent = short(number);
    badge.hidden = number === 0;
    if (label) {
      label.textContent = IN_WORDS[name](number);
    }
  });
}

/** A small movement where something has arrived; widths.css leaves it out for readers who want none. */
function move(name) {
  badgesOf(name).forEach((badge) => {
    badge.classList.add("is-updated");
    badge.addEventListener("animationend", () => badge.classList.remove("is-updated"), { once: true });
  });
}

function showTotal() {
  const total = Object.values(counts).reduce((sum, number) => sum + number, 0);
  if (document.title !== prefix + title) {
    title = document.title; // another script has renamed the page
  }
  prefix = total ? `(${short(total)}) ` : "";
  document.title = prefix + title;
  favicon.show(total);
  appBadge.show(total);
}

/** Says what has changed: one sentence for all that one answer brought. */
function say() {
  if (unsaid.size > 0) {
    const words = [...unsaid].filter((name) => counts[name] > 0).map((name) => IN_WORDS[name](counts[name]));
    unsaid.clear();
    announcer.announce(list.format(words));
  }
}

function show(name, number) {
  counts[name] = number;
  showBadges(name, number);
  showTotal();
}

async function hear(name, number) {
  const before = counts[name];
  if (number === before) {
    return;
  }
  show(name, number);
  if (number > before) {
    move(name);
  }
  unsaid.add(name);
  await ready; // words can wait for their translation, numbers need none
  if (counts[name] === number) {
    showBadges(name, number);
    say();
    const detail = { name, number, before, words: IN_WORDS[name](number) };
    document.dispatchEvent(new CustomEvent("microblog:badge", { detail }));
  }
}

/** The number the server has rendered: the badge's exact data-count, or else its text. */
function rendered(name) {
  const badge = badgesOf(name)[0];
  if (!badge || badge.hidden) {
    return 0;
  }
  const place = badge.querySelector("[data-badge-number]") || badge;
  return Number(badge.dataset.count || place.textContent) || 0;
}

for (const name of Object.keys(IN_WORDS)) {
  const badge = badgesOf(name)[0];
  if (badge) {
    counts[name] = rendered(name); // its words stand there already, in the reader's language
    showTotal();
    poll.on(name, (number) => hear(name, number));
  }
}

// A page that comes back by the Back button still has its old numbers on it until the next poll: put on what we know.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    Object.keys(counts).forEach((name) => show(name, counts[name]));
  }
});
