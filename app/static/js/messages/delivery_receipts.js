// Tells the server that this browser has heard of new messages: to those who wrote them they count as delivered.
//
//   <body data-delivered-url="/messages/delivered" data-since="…">     only for people who show it to others
//
// A poll writes nothing; POST <data-delivered-url> with timestamp=… says: all that was told up to then has been heard. The
// tab that asks for all tabs says so, when a newer message than before was told; and a page that is born with unread
// messages on its badge, unless this browser has said so already.
import * as http from "../lib/http.js";
import { createReporter } from "../lib/viewport.js";
import * as poll from "../polling/poll.js";

function start() {
  const page = document.body.dataset;
  if (!page.deliveredUrl) {
    return;
  }

  const KEY = `microblog-delivered:${page.userId}`;
  const newest = new Map(); // conversation -> id of its newest message
  let heard = 0;
  let said = stored();

  function stored() {
    try {
      return Number(localStorage.getItem(KEY)) || 0;
    } catch (error) {
      return 0; // storage is blocked: this page says it once more
    }
  }

  function store(timestamp) {
    said = timestamp;
    try {
      localStorage.setItem(KEY, String(timestamp));
    } catch (error) {
      // as above
    }
  }

  const tell = createReporter(
    () => heard > Math.max(said, stored()),
    async () => {
      const timestamp = heard;
      await http.post(page.deliveredUrl, { timestamp });
      store(timestamp);
    },
  );

  poll.on("conversation", (data, { timestamp }) => {
    const key = data.group || data.with;
    if (data.last_message_id <= (newest.get(key) || 0)) {
      return; // a mark moved, or something was taken back
    }
    newest.set(key, data.last_message_id);
    heard = Math.max(heard, timestamp);
    if (poll.state().leader) {
      tell();
    }
  });

  const badge = document.querySelector('[data-badge="unread_message_count"]');
  if (badge && Number(badge.dataset.count) > 0) {
    heard = Number(page.since) || 0;
    tell();
  }
}

start();
