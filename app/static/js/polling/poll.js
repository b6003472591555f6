// Asks the server what is new, and tells whoever listens on this page.
//
//   poll.on("unread_message_count", (data, notification) => ...)   listen
//   poll.now()                                                    do not wait for the next turn
//   poll.stop("why")                                              for good
//   poll.state()                                                  what the poller knows about itself
//
// After each answer, each failure and each change of leader, the event "microblog:poll" is dispatched on the document, with that state as its detail.
//
// GET <data-poll-url>?since=<timestamp> answers a list, oldest first, of {name, data, timestamp}: everything that changed
// after `since`. Each is a state sent whole ("3 unread"), never a step ("one more"), so hearing it twice does no harm.
//
// Only one tab of a browser asks in turn (tabs.js), and every answer is told to the others. Why no tab misses anything:
//   1. `since` is this tab's own promise: "I know every state up to here". A page is born with its own (data-since).
//   2. A tab asks once for itself when it loads and when it is shown, from its own `since`.
//   3. An answer that was asked for with a later `since` than ours leaves a gap. We use what it says, but `since` stays
//      where it was and we ask for ourselves; that answer covers the gap, as it was asked for after we heard of it.
//      Without a gap, `since` moves to the newest timestamp in the answer, and never back.
//   4. A new leader asks from its own `since`. Nothing is handed over, so nothing can be lost in handing over.
import "../../vendor/jquery/jquery.min.js"; // sets window.jQuery
import { join } from "./tabs.js";

const $ = window.jQuery;

const page = document.body.dataset;

const SECOND = 1000; // all times are in milliseconds, by Date.now(), which goes on while the computer sleeps
const REQUEST_TIMEOUT = 20 * SECOND;
const LONGEST_BACK_OFF = 300 * SECOND;
const LONGEST_RETRY_AFTER = 3600 * SECOND; // a silly Retry-After must not make us deaf for a day
const SLEPT = 5 * SECOND; // the clock of a shown tab ticks every second; after a longer gap the computer has slept
const PATIENCE = 3; // turns without a word from the leader, after which a follower asks for itself

// What a state is about, where there is one for each task or conversation: part of its identity besides its name.
const SUBJECT = { task_progress: (data) => data.task_id, conversation: (data) => data.group || data.with };

const listeners = new Map(); // name -> [function]
const known = new Map(); // name and subject -> the newest notification applied

let since = Number(page.since) || 0;
let furthest = since; // the latest `since` any tab has asked with
let interval = (Number(page.pollInterval) || 10) * SECOND;
let dueAt = Date.now(); // when this tab asks next
let notBefore = 0; // the server told us (Retry-After) to stay away until then
let heardAt = 0; // the last time this tab had an answer, its own or another tab's
let lastTick = Date.now();
let failures = 0; // in a row
let request = null; // the one request in flight
let again = false; // somebody called now() meanwhile
let stopped = ""; // why we ask no more: "ended" after a 401 (the session is over), or what stop() was told
let tabs = null;

// --- Listeners

function on(name, listener) {
  if (!listeners.has(name)) {
    listeners.set(name, []);
  }
  listeners.get(name).push(listener);
  // Who comes late still learns what the others were told.
  known.forEach((notification) => {
    if (notification.name === name) {
      call(listener, notification);
    }
  });
}

function call(listener, notification) {
  try {
    listener(notification.data, notification);
  } catch (error) {
    console.error(error); // one broken listener must not silence the others
  }
}

function apply(notification) {
  const { name, data, timestamp } = notification;
  const subject = SUBJECT[name];
  const identity = JSON.stringify([name, subject && data ? subject(data) : ""]);
  const applied = known.get(identity);
  if (applied && applied.timestamp >= timestamp) {
    return; // an older answer that was slower on its way
  }
  known.set(identity, notification);
  (listeners.get(name) || []).forEach((listener) => call(listener, notification));
}

// --- Answers, from the server or from another tab

/** Uses an answer to the question `asked`, a since. */
function merge(asked, notifications) {
  notifications.forEach(apply);
  if (asked > since) {
    furthest = Math.max(furthest, asked);
    dueAt = Date.now(); // a gap: see rule 3 above
  } else {
    since = notifications.reduce((newest, { timestamp }) => Math.max(newest, timestamp), since);
  }
}

/** All went well: the next turn is one interval away. */
function settle() {
  failures = 0;
  notBefore = 0;
  if (stopped === "ended") {
    stopped = ""; // an answer in any tab proves that the person is logged in again
  }
  heardAt = Date.now();
  dueAt = heardAt + turn();
}

/** Milliseconds until this tab's next turn. A little less than the interval, at random, keeps browsers from marching in step. */
function turn() {
  return tabs.isLeader() ? interval * (0.95 + 0.05 * Math.random()) : interval * PATIENCE;
}

/** Something went wrong: wait longer each time, and at random, so that a server that comes back is not run over. */
function backOff() {
  heardAt = Date.now();
  const wait = Math.min(interval * 2 ** (failures - 1), Math.max(LONGEST_BACK_OFF, interval));
  const patience = tabs.isLeader() ? 1 : PATIENCE;
  dueAt = Math.max(heardAt + wait * (0.5 + 0.5 * Math.random()) * patience, notBefore);
}

function announce() {
  document.dispatchEvent(new CustomEvent("microblog:poll", { detail: state() }));
}

// --- Asking

/** A timestamp as the server wrote it: with all its microseconds, and never as 1e-7. */
function plain(timestamp) {
  const text = timestamp.toFixed(6);
  return Number(text) === timestamp ? text : String(timestamp);
}

/** A Retry-After header (seconds, or a date) as a moment in time. RFC 9110, section 10.2.3 */
function retryMoment(header) {
  if (!header) {
    return 0;
  }
  const now = Date.now();
  const moment = /^\d+$/.test(header) ? now + Number(header) * SECOND : Date.parse(header);
  return Math.min(moment || 0, now + LONGEST_RETRY_AFTER);
}

function ask() {
  if (request) {
    return;
  }
  const asked = since;
  const gapEnd = furthest;
  request = $.ajax({ url: page.pollUrl, data: { since: plain(asked) }, dataType: "json", timeout: REQUEST_TIMEOUT })
    .done((answer, status, xhr) => succeeded(asked, gapEnd, answer || [], xhr))
    .fail(failed)
    .always(() => {
      request = null;
      if (again) {
        again = false;
        now();
      }
      announce();
    });
}

/** A server with much to do asks for longer intervals, also when it sends us away. */
function obey(header) {
  const seconds = Number(header);
  if (seconds > 0) {
    interval = Math.max(seconds * SECOND, SECOND);
  }
}

function succeeded(asked, gapEnd, notifications, xhr) {
  obey(xhr.getResponseHeader("Poll-Interval"));
  settle();
  merge(asked, notifications);
  since = Math.max(since, gapEnd);
  tabs.tell({ kind: "answer", asked, notifications, interval });
}

function failed(xhr) {
  if (xhr.status === 401) {
    stopped = stopped || "ended";
    tabs.tell({ kind: "ended" });
    return;
  }
  failures += 1;
  obey(xhr.getResponseHeader("Poll-Interval"));
  notBefore = retryMoment(xhr.getResponseHeader("Retry-After"));
  backOff();
  tabs.tell({ kind: "failed", failures, notBefore, interval });
}

function hear(message) {
  if (message.kind === "answer") {
    interval = message.interval;
    settle();
    merge(message.asked, message.notifications);
  } else if (message.kind === "failed") {
    failures = Math.max(failures, message.failures);
    interval = message.interval;
    notBefore = message.notBefore;
    backOff();
  } else if (message.kind === "ended") {
    stopped = stopped || "ended";
  }
  announce();
}

// --- When to ask

function tick() {
  const time = Date.now();
  const gap = time - lastTick;
  lastTick = time;
  if (gap > SLEPT || gap < 0) {
    reconnected(); // woken from sleep, or somebody has set the clock
  }
  // Half a second early is nearer to the due time than the next tick can be.
  if (!document.hidden && !stopped && time + SECOND / 2 >= Math.max(dueAt, notBefore)) {
    ask();
  }
}

function now() {
  if (request) {
    again = true; // the answer on its way may be older than what the caller waits for
    return;
  }
  dueAt = Date.now();
  tick();
}

/** The network may be back. The leader finds out; the others give it a moment to tell them. */
function reconnected() {
  dueAt = Date.now() + (tabs.isLeader() ? 0 : SLEPT);
}

/** This tab leads from now on. It asks when the leader before it would have asked. */
function lead() {
  dueAt = Math.max(Math.min(dueAt, heardAt + interval), notBefore);
  announce();
}

function shownOrHidden() {
  if (document.hidden) {
    tabs.leave();
  } else {
    lastTick = Date.now(); // browsers slow the clock of a hidden tab down: that was no sleep
    tabs.enter();
    now();
  }
}

function stop(why) {
  stopped = why;
  announce();
}

function state() {
  return { since, interval, dueAt, failures, stopped, leader: tabs !== null && tabs.isLeader(), asking: request !== null };
}

function start() {
  tabs = join(`microblog-poll:${page.userId || ""}`, { onLead: lead, onMessage: hear });
  document.addEventListener("visibilitychange", shownOrHidden);
  window.addEventListener("pageshow", (event) => event.persisted && shownOrHidden());
  // There is no check of navigator.onLine: it says "offline" to a laptop on a plane that runs this very server.
  window.addEventListener("online", () => {
    reconnected();
    tick();
  });
  setInterval(tick, SECOND); // one timer for everything, so that a new interval needs no new timer
  shownOrHidden();
}

// After all scripts have run, so that their listeners are there before the first answer.
if (page.pollUrl) {
  $(start);
}

export { on, now, stop, state };
