// The tabs of one person in one browser: which of them leads, and how they tell each other what they heard.
//
// The leader is the tab that holds a Web Lock. The browser itself gives the lock to the next tab in line when the leader
// closes or crashes, so there is no heartbeat and no election of our own. Tabs talk through a BroadcastChannel.
// Where either is missing (old browsers; Web Locks also need HTTPS or localhost), every tab leads itself: it costs
// requests, never correctness.

/** Joins the tabs that share `name`. `onLead()` is called when this tab becomes leader, `onMessage(message)` when another speaks. */
function join(name, { onLead, onMessage }) {
  let alone = !(navigator.locks && window.BroadcastChannel);
  let leading = false;
  let request = null; // AbortController of the request for the lock, held or still in line
  let letGo = null; // gives a held lock back
  let channel = null;

  function lead() {
    leading = true;
    onLead();
  }

  /** Stands in line to lead. Only visible tabs do. */
  function enter() {
    if (alone) {
      lead();
      return;
    }
    if (request) {
      return;
    }
    request = new AbortController();
    const signal = request.signal;
    navigator.locks
      .request(name, { signal }, () => {
        if (signal.aborted) {
          return undefined; // we left the line in the very moment it was our turn
        }
        lead();
        return new Promise((resolve) => (letGo = resolve));
      })
      .catch((error) => {
        if (error.name !== "AbortError") {
          alone = true; // locks are there but not for us, as when cookies and storage are blocked
          lead();
        }
      });
  }

  /** Leaves the line, or hands the lead to the next tab. */
  function leave() {
    leading = false;
    if (request) {
      request.abort();
      request = null;
    }
    if (letGo) {
      letGo();
      letGo = null;
    }
  }

  function openChannel() {
    if (window.BroadcastChannel && !channel) {
      channel = new BroadcastChannel(name);
      channel.onmessage = (event) => onMessage(event.data);
    }
  }

  function closeChannel() {
    if (channel) {
      channel.close();
      channel = null;
    }
  }

  /** Speaks to the other tabs, never to this one. */
  function tell(message) {
    if (channel) {
      channel.postMessage(message);
    }
  }

  // A page kept for the Back button must not listen: a message that reaches it throws it out of that cache.
  window.addEventListener("pagehide", closeChannel);
  window.addEventListener("pageshow", openChannel);
  openChannel();

  return { enter, leave, tell, isLeader: () => leading };
}

export { join };
