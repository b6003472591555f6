// A small card about a person, when the mouse rests on their name or the keyboard reaches it.
//
//   <a href="/user/ben" data-popup-url="/user/ben/popup">Ben</a>
//
// It adds nothing that the linked profile does not have, so touch screens, and a failed request, do without it.
import * as http from "../lib/http.js";

const OPEN_AFTER = 500; // milliseconds: a mouse on its way elsewhere opens nothing
const CLOSE_AFTER = 250; // time to move from the name into the card
const GAP = 8; // pixels between the card and the name, and at least to the edge of the window
const FRESH_FOR = 60000; // after it, a card is asked for again: follows change

const cards = new Map(); // url -> {at, content}, content being the promise of an element
let open = null; // {trigger, element}
let timer = 0;

function content(url) {
  const cached = cards.get(url);
  if (cached && Date.now() - cached.at < FRESH_FOR) {
    return cached.content;
  }
  const promise = http.page(url).then((answer) => {
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
    open.trigger.removeAttribute("aria-describedby");
    open.element.remove();
    open = null;
  }
}

/** Puts the card below the name, or above it where there is no room, and keeps it within the window. */
function place(element, trigger) {
  const name = trigger.getBoundingClientRect();
  const card = element.getBoundingClientRect();
  const isBelow = name.bottom + GAP + card.height <= window.innerHeight || name.top < card.height + GAP;
  const left = name.left + (name.width - card.width) / 2;
  const room = document.documentElement.clientWidth - card.width - GAP;
  element.style.left = `${window.scrollX + Math.max(GAP, Math.min(left, room))}px`;
  element.style.top = `${window.scrollY + (isBelow ? name.bottom + GAP : name.top - card.height - GAP)}px`;
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
  const element = document.createElement("div");
  element.className = "hovercard";
  element.id = "hovercard";
  element.setAttribute("role", "tooltip");
  element.append(card);
  document.body.append(element);
  place(element, trigger);
  trigger.setAttribute("aria-describedby", element.id);
  open = { trigger, element };
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
