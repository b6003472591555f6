// How far one's own messages have come: sent, delivered, read. The marks move when the poll tells it.
//
//   <div data-seq="41" class="mine"> … <span data-state="sent"><svg class="bi"><use href="…#check2"></use></svg> <span class="state-label">Sent</span></span>
import * as icons from "../lib/icons.js";
import { pgettext, ready } from "../lib/i18n.js";
import * as poll from "../polling/poll.js";
import { conversation } from "./conversation.js";

function start() {
  if (!conversation) {
    return;
  }

  const { thread, isThis, bubbles } = conversation;

  const STATES = ["sent", "delivered", "read"];
  const ICONS = { sent: "check2", delivered: "check2-all", read: "check-circle-fill" };
  const WORDS = { sent: () => pgettext("message", "Sent"), delivered: () => pgettext("message", "Delivered"), read: () => pgettext("message", "Read") };

  let told = null; // what the poll told last: {delivered, read}, each a number

  function stateOf(seq) {
    return seq <= told.read ? "read" : seq <= told.delivered ? "delivered" : "sent";
  }

  function show(mark, state) {
    mark.dataset.state = state;
    icons.change(mark.querySelector("svg"), ICONS[state]);
    mark.querySelector(".state-label").textContent = WORDS[state]();
  }

  /** Shows the told state on these bubbles; a bubble that has just come may know more than the poll does. */
  async function mark(some, onlyForward) {
    await ready;
    some.forEach((bubble) => {
      const mark = told && bubble.querySelector("[data-state]");
      if (!mark) {
        return;
      }
      const state = stateOf(Number(bubble.dataset.seq));
      const before = mark.dataset.state;
      if (state !== before && !(onlyForward && STATES.indexOf(state) < STATES.indexOf(before))) {
        show(mark, state);
      }
    });
  }

  poll.on("conversation", (data) => {
    if (isThis(data)) {
      told = { delivered: data.delivered || 0, read: data.read || 0 };
      mark(bubbles(), false);
    }
  });

  thread.addEventListener("microblog:bubbles", (event) => mark(event.detail, true));
}

start();
