// The service worker: shows what is pushed while no page of ours is open, and leads there.
//
// A push is a JSON document in the reader's own language, whole each time:
//   {"id", "title", "body", "url", "lang", "dir", "unread_message_count", "unread_activity_count"}
// The newest takes the place of the one before it. It handles no requests of pages.
"use strict";

const TAG = "microblog-push"; // push.js knows it too
const here = (path) => new URL(path, self.registration.scope).href;

function pages() {
  return self.clients.matchAll({ type: "window", includeUncontrolled: true });
}

function read(data) {
  try {
    return data.json();
  } catch (error) {
    return {}; // something of ours came, though nobody can read it: that much can be said
  }
}

async function showNumber({ unread_message_count: messages, unread_activity_count: activity }) {
  if ("setAppBadge" in self.navigator) {
    await self.navigator.setAppBadge((messages || 0) + (activity || 0)).catch(() => {}); // an app that is not installed
  }
}

async function show(message) {
  const isSeen = (await pages()).some((page) => page.focused && page.visibilityState === "visible");
  const shown = await self.registration.getNotifications({ tag: TAG });
  const isSecondCopy = shown.some(({ data }) => data && data.id === message.id);
  const isQuiet = isSeen || isSecondCopy;
  await self.registration.showNotification(message.title || "Microblog", {
    body: message.body || "",
    lang: message.lang || "",
    dir: message.dir || "auto",
    tag: TAG,
    renotify: !isQuiet,
    silent: isQuiet,
    icon: here("static/img/push.png"),
    badge: here("static/img/push_badge.png"),
    data: { id: message.id, url: message.url },
  });
  if (isSeen) {
    // The page that is being looked at tells it. Browsers take the right to push from who receives and shows nothing, so
    // it is shown all the same, without a sound and for a moment only.
    (await self.registration.getNotifications({ tag: TAG })).forEach((notification) => notification.close());
  }
  await showNumber(message);
}

async function open(path) {
  const url = new URL(path || "./", self.registration.scope);
  const page = (await pages()).find((one) => new URL(one.url).pathname === url.pathname);
  if (page) {
    return page.focus();
  }
  return self.clients.openWindow(url.href); // never over a page: a text half written may stand on it
}

/** The push service has given this browser another address. The next page of ours tells the server (push.js). */
async function renew(old) {
  const key = old && old.options && old.options.applicationServerKey;
  if (key) {
    await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  }
  (await pages()).forEach((page) => page.postMessage({ kind: "push-changed" }));
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("push", (event) => event.waitUntil(show(read(event.data))));
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event.oldSubscription)));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data && event.notification.data.url));
});
