// What one can do with a message that was sent: take it back, change it, delete it; all without leaving the page.
//
//   <form data-change="undo" data-for="9.2" action="…/undo">        there for 9.2 seconds; so are others with data-for
//   <form data-change="delete" action="…/delete"> <button name="scope" value="me">
//   <a data-edit href="…/edit">                                     its page holds <form data-edit-form>
//
// The server answers a form with 204, or with {"error": "why not"}; "undo" with {"text": "what it said"}, so that it can be
// written anew. What changed then comes like any change of the conversation.
import * as announcer from "../lib/announcer.js";
import * as http from "../lib/http.js";
import { gettext } from "../lib/i18n.js";
import { isComposing, isSend } from "../lib/keys.js";
import { refresh as refreshTextarea } from "../writing/textarea.js";
import { conversation } from "./conversation.js";
import { messageForm } from "./message_form.js";
import { scrolling } from "./scroll.js";

function start() {
  if (!conversation) {
    return;
  }

  const { thread, bubbles, tidy, refresh } = conversation;
  const { keepingPlace } = scrolling;

  // --- For how long

  /** Takes away what has had its time. What was a menu's last choice leaves the others in their places. */
  function expire(element) {
    const hadFocus = element.contains(document.activeElement);
    const bubble = element.closest("[data-seq]");
    element.remove();
    if (hadFocus && bubble) {
      bubble.querySelector("summary").focus({ preventScroll: true });
    }
  }

  function time(some) {
    some.forEach((bubble) =>
      bubble.querySelectorAll("[data-for]").forEach((element) => {
        setTimeout(() => expire(element), Number(element.dataset.for) * 1000);
        delete element.dataset.for;
      }),
    );
  }

  // --- Menus open where there is room

  function place(menu) {
    const panel = menu.querySelector(".panel");
    const edges = thread.getBoundingClientRect();
    menu.classList.remove("drop-up");
    menu.classList.toggle("drop-up", menu.open && panel.getBoundingClientRect().bottom > edges.bottom);
  }

  thread.addEventListener("toggle", (event) => event.target.matches(".message-menu") && place(event.target), true);

  // --- Deeds

  function fail(bubble, text) {
    let failure = bubble.querySelector(".failure");
    if (!failure) {
      failure = document.createElement("p");
      failure.className = "failure";
      failure.setAttribute("role", "alert");
      bubble.append(failure);
    }
    failure.textContent = text;
  }

  function reason(error) {
    return (error.data && error.data.error) || gettext("That didn't work. Please try again.");
  }

  /** Sends a form, with the button that was pressed; resolves to the JSON answer. */
  function post(form, button) {
    const fields = new FormData(form);
    if (button && button.name) {
      fields.append(button.name, button.value);
    }
    return http.post(form.action, fields);
  }

  function remove(bubble) {
    keepingPlace(() => bubble.remove());
    tidy();
    thread.focus({ preventScroll: true });
  }

  const DONE = {
    undo: (bubble, answer) => {
      remove(bubble);
      if (answer && messageForm) {
        messageForm.restore(answer.text);
      }
      announcer.announce(gettext("The message was unsent."));
    },
    delete: async (bubble, answer, button) => {
      if (button && button.value === "everybody") {
        await refresh();
        thread.focus({ preventScroll: true }); // the button that had it is gone
      } else {
        remove(bubble);
      }
      announcer.announce(gettext("The message was deleted."));
    },
    edit: async (bubble) => {
      close(bubble);
      await refresh();
      const menu = thread.querySelector(`[data-seq="${bubble.dataset.seq}"] summary`);
      if (menu) {
        menu.focus({ preventScroll: true }); // in the bubble that has taken this one's place
      }
    },
  };

  thread.addEventListener("submit", async (event) => {
    const form = event.target;
    const bubble = form.closest("[data-seq]");
    if (!form.matches("[data-change]") || !bubble) {
      return;
    }
    event.preventDefault();
    if (form.ariaBusy === "true") {
      return;
    }
    form.ariaBusy = "true";
    const menu = form.closest(".menu");
    if (menu) {
      menu.open = false;
    }
    try {
      DONE[form.dataset.change](bubble, await post(form, event.submitter), event.submitter);
    } catch (error) {
      fail(bubble, reason(error));
    }
    form.ariaBusy = "false";
  });

  // --- Changing the text, in its place

  function close(bubble) {
    const form = bubble.querySelector(".edit-form");
    if (form) {
      form.remove();
      bubble.classList.remove("is-editing");
      bubble.querySelector("summary").focus({ preventScroll: true });
    }
  }

  function open(bubble, form) {
    const textarea = form.querySelector("textarea");
    form.dataset.change = "edit";
    form.classList.add("edit-form");
    form.querySelector("[data-cancel]").addEventListener("click", (event) => {
      event.preventDefault();
      close(bubble);
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !isComposing(event)) {
        close(bubble);
      } else if (isSend(event)) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    textarea.id = `${textarea.id}-${bubble.dataset.seq}`;
    bubble.classList.add("is-editing");
    bubble.append(form);
    refreshTextarea(textarea);
    textarea.focus({ preventScroll: true });
    form.scrollIntoView({ block: "nearest" });
    textarea.setSelectionRange(textarea.value.length, textarea.value.length);
  }

  async function edit(link) {
    const bubble = link.closest("[data-seq]");
    link.closest(".menu").open = false;
    if (bubble.querySelector(".edit-form")) {
      return;
    }
    try {
      const form = (await http.page(link.href)).querySelector("[data-edit-form]");
      open(bubble, document.adoptNode(form));
    } catch (error) {
      location.assign(link.href); // its page says what is wrong
    }
  }

  thread.addEventListener("click", (event) => {
    const link = event.target.closest("[data-edit]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      edit(link);
    }
  });

  thread.addEventListener("microblog:bubbles", (event) => time(event.detail));
  time(bubbles());
}

start();
