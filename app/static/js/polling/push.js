// Web Push: what is new comes to this browser also while no page of ours is open. push_worker.js shows it.
//
//   <div data-push data-push-worker="/service-worker.js" data-push-unsubscribe-url="…" hidden>
//     <input type="checkbox" data-push-switch> <p data-push-note role="status"></p>
//   </div>
//   <body data-push-key="…" data-push-url="…">      the server's key, and where a browser subscribes
//
// The server forgets a browser when its login ends. The browser keeps who wants it here, and subscribes anew when that
// person is back; while nobody is logged in, or somebody else, it is subscribed to nothing.
import * as http from "../lib/http.js";
import { gettext, ready } from "../lib/i18n.js";

const { userId, pushKey, pushUrl } = document.body.dataset;

const KEY = "microblog-push"; // {"user": who wants it, "endpoint": as the server knows it, "at": since when}
const TAG = "microblog-push"; // push_worker.js knows it too
const DAY = 24 * 3600 * 1000; // after which the server hears again that this browser is there

const supported = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

// --- What this browser keeps

function wish() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) || {};
  } catch (error) {
    return {}; // blocked, or not ours
  }
}

function keep(wanted) {
  try {
    if (wanted) {
      localStorage.setItem(KEY, JSON.stringify(wanted));
    } else {
      localStorage.removeItem(KEY);
    }
  } catch (error) {
    console.warn("Storage is blocked: Web Push ends with this login.", error);
  }
}

// --- Subscribing

function bytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function hasOurKey(subscription) {
  const theirs = subscription.options && subscription.options.applicationServerKey;
  const ours = bytes(pushKey);
  const given = theirs ? new Uint8Array(theirs) : [];
  return given.length === ours.length && ours.every((byte, place) => byte === given[place]);
}

async function current() {
  const registration = await navigator.serviceWorker.getRegistration();
  return registration ? registration.pushManager.getSubscription() : null;
}

/** Subscribes the browser at its push service, and tells the server. */
async function subscribe(workerUrl) {
  if (workerUrl) {
    await navigator.serviceWorker.register(workerUrl);
  }
  const { pushManager } = await navigator.serviceWorker.ready;
  let subscription = await pushManager.getSubscription();
  if (subscription && !hasOurKey(subscription)) {
    await subscription.unsubscribe(); // the server has a new key, or somebody restored an old one
    subscription = null;
  }
  subscription =
    subscription || (await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(pushKey) }));
  const { endpoint, keys } = subscription.toJSON();
  await http.post(pushUrl, { endpoint, p256dh: keys.p256dh, auth: keys.auth });
  keep({ user: userId, endpoint, at: Date.now() });
}

async function unsubscribe() {
  const subscription = await current();
  if (subscription) {
    await subscription.unsubscribe();
  }
  return subscription;
}

/** Brings the subscription in line with the wish, whoever looks at this page. */
async function renew() {
  const wanted = wish();
  if (!wanted.user) {
    return;
  }
  if (wanted.user !== userId || !pushKey) {
    await unsubscribe();
    if (!userId) {
      keep({ user: wanted.user }); // the login is over, and what the server knew with it
    }
    return;
  }
  if (Notification.permission !== "granted" || !(await navigator.serviceWorker.getRegistration())) {
    return;
  }
  const subscription = await current();
  const isKnown = subscription && subscription.endpoint === wanted.endpoint && hasOurKey(subscription);
  if (!isKnown || !(Date.now() - wanted.at < DAY)) {
    await subscribe();
  }
}

// --- The switch on the settings page

function say(box, text) {
  box.querySelector("[data-push-note]").textContent = text;
}

async function switchOn(box) {
  if ((await Notification.requestPermission()) !== "granted") {
    await ready;
    say(box, gettext("This browser is blocking notifications from this site. You can allow them in your browser's settings."));
    return false;
  }
  try {
    await subscribe(box.dataset.pushWorker);
    return true;
  } catch (error) {
    await ready;
    const reason = error.data && error.data.error; // the server's own sentence
    say(box, reason || gettext("Couldn't turn on notifications in this browser. Please try again later."));
    console.warn("Web Push was not switched on.", error);
    await unsubscribe().catch(() => {}); // what the server would not have, or nothing
    return false;
  }
}

async function switchOff(box) {
  keep(null);
  const subscription = await unsubscribe();
  if (subscription) {
    // It gets nothing any more in any case; so the server need not find out by itself.
    await http.post(box.dataset.pushUnsubscribeUrl, { endpoint: subscription.endpoint });
  }
}

async function setUp(box) {
  const field = box.querySelector("[data-push-switch]");
  const isOn = async () =>
    wish().user === userId && Notification.permission === "granted" && (await current()) !== null;
  field.addEventListener("change", async () => {
    say(box, "");
    field.disabled = true; // one at a time
    try {
      if (field.checked) {
        field.checked = await switchOn(box);
      } else {
        await switchOff(box);
      }
    } finally {
      field.disabled = false;
    }
  });
  field.checked = await isOn();
  box.hidden = false;
}

async function start() {
  try {
    await renew();
  } catch (error) {
    console.warn("Web Push could not be renewed; the next page tries again.", error);
  }
  if (pushKey) {
    document.querySelectorAll("[data-push]").forEach(setUp);
  }
}

/** What is read, here or elsewhere, need not stand on the screen any more. */
async function clear() {
  const registration = await navigator.serviceWorker.getRegistration();
  const shown = registration && registration.getNotifications ? await registration.getNotifications({ tag: TAG }) : [];
  shown.forEach((notification) => notification.close());
}

if (supported) {
  start();
  navigator.serviceWorker.addEventListener("message", ({ data }) => data && data.kind === "push-changed" && start());
  document.addEventListener("microblog:badge", ({ detail: { number } }) => {
    if (number === 0 && document.querySelectorAll("[data-badge]:not([hidden])").length === 0) {
      clear();
    }
  });
}
