// A small card about a person, when the mouse rests on their name or the keyboard reaches it.
//
//   <a href="/user/ben" data-popup-url="/user/ben/popup">Ben</a>
//
// It adds nothing that the linked profile does not have, so touch screens, and a failed request, do without it.
(function () {
  "use strict";

  const Microblog = (window.Microblog = window.Microblog || {});

  const OPEN_AFTER = 500; // milliseconds: a mouse on its way elsewhere opens nothing
  const CLOSE_AFTER = 250; // time to move from the name into the card
  const FRESH_FOR = 60000; // after it, a card is asked for again: follows change

  const cards = new Map(); // url -> {at, content}, content being the promise of an element
  let open = null; // {trigger, popover}
  let timer = 0;

  function content(url) {
    const cached = cards.get(url);
    if (cached && Date.now() - cached.at < FRESH_FOR) {
      return cached.content;
    }
    const promise = Microblog.http.page(url).then((answer) => {
      const card = document.createElement("div");
      card.append(...document.adoptNode(answer.body).childNodes);
      return card;
    });
    cards.set(url, { at: Date.now(), content: promise });
    promise.catch(() => cards.delete(url));
    return promise;
  }

  function close() {
    clearTimeout(timer);
    if (open) {
      open.popover.dispose(); // takes aria-describedby away again
      open = null;
    }
  }

  async function show(trigger) {
    const isWanted = () => trigger.isConnected && (trigger.matches(":hover") || trigger === document.activeElement);
    let card;
    try {
      card = await content(trigger.dataset.popupUrl);
    } catch (error) {
      return;
    }
    if (!isWanted() || (open && open.trigger === trigger)) {
      return;
    }
    close();
    const popover = new bootstrap.Popover(trigger, {
      content: card,
      html: true,
      customClass: "hovercard",
      placement: "bottom",
      trigger: "manual",
      animation: false,
    });
    open = { trigger, popover };
    popover.show(); // Bootstrap points aria-describedby of the name at the card
  }

  function later(action, delay) {
    clearTimeout(timer);
    timer = setTimeout(action, delay);
  }

  const triggerAt = (event) => event.target instanceof Element && event.target.closest("[data-popup-url]");
  const inCard = (event) => event.target instanceof Element && event.target.closest(".hovercard");

  // pointerover and focusin bubble, so names that arrive later need nothing.
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "mouse") {
      return; // a finger that touches a name wants to go there
    }
    const trigger = triggerAt(event);
    if (trigger) {
      later(() => show(trigger), OPEN_AFTER);
    } else if (inCard(event)) {
      clearTimeout(timer);
    } else {
      later(close, CLOSE_AFTER);
    }
  });

  document.addEventListener("focusin", (event) => {
    const trigger = triggerAt(event);
    if (trigger && trigger.matches(":focus-visible")) {
      later(() => show(trigger), OPEN_AFTER);
    } else if (!inCard(event)) {
      close();
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      close();
    }
  });
})();
