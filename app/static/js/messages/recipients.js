// Suggests people while one types to whom to write: a combobox with a list, by the keyboard and for screen readers
// (ARIA Authoring Practices, "Editable Combobox With List Autocomplete").
//
//   <div data-recipients data-suggest-url="/messages/recipients" data-chosen='[…]' data-rest="typed">
//     <div class="recipient-input"> <input name="to"> <ul role="listbox" id="…" hidden></ul> </div>
//     <ul data-said></ul>                  what is to be said of those who were chosen, before one writes
//   </div>
//
// GET <data-suggest-url>?q=an answers [{username, name, avatar, writable, sentence}]. Down and Up go through the list,
// Enter or Tab takes, Escape closes; Backspace in the empty field takes the last one back. What is typed and not taken
// is sent as it stands: it may be a username.
import * as announcer from "../lib/announcer.js";
import * as http from "../lib/http.js";
import * as icons from "../lib/icons.js";
import { gettext, language, ngettext, ready } from "../lib/i18n.js";
import { isComposing } from "../lib/keys.js";

const WAIT = 150; // milliseconds after a key, so that a fast typist asks once
const digits = new Intl.NumberFormat(language);

function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

function named(person) {
  const name = element("bdi", "name", person.name);
  const handle = element("bdi", "text-muted", `@${person.username}`);
  handle.dir = "ltr";
  return [name, " ", handle];
}

function face(person) {
  const picture = element("img", "avatar small");
  picture.src = person.avatar;
  picture.alt = "";
  return picture;
}

function recipients(field) {
  const input = field.querySelector("input");
  const box = field.querySelector(".recipient-input");
  const list = field.querySelector('[role="listbox"]');
  const said = field.querySelector("[data-said]");
  const onlyGroup = field.closest("form").querySelector("[data-only-group]");

  const sent = element("input", ""); // what the form sends: the usernames of all who are chosen, and what is typed
  sent.type = "hidden";
  sent.name = input.name;

  let chosen = [];
  let offered = [];
  let active = -1; // place in `offered`
  let timer = 0;
  let asked = 0; // counts questions, so that a slow answer does not overtake a later one

  // --- Those who are chosen

  function choose(person) {
    if (!chosen.some((one) => one.username === person.username)) {
      chosen.push(person);
      box.insertBefore(chip(person), input);
    }
    input.value = "";
    close();
    changed();
  }

  function remove(person) {
    chosen = chosen.filter((one) => one !== person);
    box.querySelectorAll(".chip").forEach((one) => one.dataset.username === person.username && one.remove());
    changed();
    // NOTE: For screen readers: a recipient was removed.
    announcer.announce(gettext("%(name)s removed", { name: person.name }));
    input.focus();
  }

  function chip(person) {
    const made = element("button", "chip", face(person), element("bdi", "", person.name), icons.create("x-lg"));
    made.type = "button";
    made.dataset.username = person.username;
    made.setAttribute("aria-label", gettext("Remove %(name)s", { name: person.name }));
    made.addEventListener("click", () => remove(person));
    return made;
  }

  function changed() {
    sent.value = [...chosen.map((one) => one.username), input.value].join(" ").trim();
    said.replaceChildren(...chosen.filter((one) => one.sentence).map((one) => element("li", "", one.sentence)));
    const names = sent.value.split(/\s+/).filter(Boolean).length;
    if (onlyGroup) {
      onlyGroup.hidden = names < 2;
    }
  }

  // --- The list

  function close() {
    clearTimeout(timer);
    asked += 1; // what is on its way is no longer wanted
    offered = [];
    move(-1);
    list.hidden = true;
    list.replaceChildren();
    input.setAttribute("aria-expanded", "false");
  }

  function move(to) {
    active = to;
    [...list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === active)));
    const option = list.children[active];
    if (option) {
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  }

  function option(person, at) {
    const words = element("span", "row-text", element("span", "", ...named(person)));
    if (person.sentence) {
      words.append(element("span", "text-muted", person.sentence));
    }
    const made = element("li", "option", face(person), words);
    made.id = `${list.id}-${at}`;
    made.setAttribute("role", "option");
    made.setAttribute("aria-disabled", String(!person.writable));
    made.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
    made.addEventListener("click", () => take(at));
    return made;
  }

  function take(at) {
    const person = offered[at];
    if (person && person.writable) {
      choose(person);
    }
  }

  function offer(people) {
    offered = people.filter((person) => !chosen.some((one) => one.username === person.username));
    list.replaceChildren(...offered.map(option));
    list.hidden = offered.length === 0;
    input.setAttribute("aria-expanded", String(offered.length > 0));
    move(-1);
    const num = digits.format(offered.length);
    announcer.announce(
      offered.length
        ? ngettext("%(num)s suggestion", "%(num)s suggestions", offered.length, { num })
        : gettext("No suggestions"),
    );
  }

  async function ask() {
    const mine = (asked += 1);
    const url = new URL(field.dataset.suggestUrl, location.href);
    url.searchParams.set("q", input.value.trim());
    try {
      const [people] = await Promise.all([http.json(url), ready]);
      if (mine === asked) {
        offer(people);
      }
    } catch (error) {
      // Without suggestions a username is typed in full, as without scripts.
    }
  }

  function askSoon() {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT);
  }

  // --- Keys

  function step(by) {
    if (list.hidden) {
      ask();
    } else {
      move((active + by + offered.length + (active < 0 && by < 0 ? 1 : 0)) % offered.length);
    }
  }

  const keys = {
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    Escape: () => close(),
    Enter: () => take(active < 0 ? 0 : active),
  };

  input.addEventListener("keydown", (event) => {
    if (isComposing(event)) {
      return; // Enter ends a word in Japanese, Chinese or Korean
    }
    if (event.key === "Backspace" && input.value === "" && chosen.length > 0) {
      event.preventDefault();
      remove(chosen[chosen.length - 1]);
    } else if (event.key === "Tab" && active >= 0) {
      take(active); // and on to the next field
    } else if (event.key === "Enter" && list.hidden) {
      event.preventDefault(); // the form is sent from the text, not by the way
    } else if (event.key in keys && !(event.key === "Escape" && list.hidden)) {
      event.preventDefault();
      keys[event.key]();
    }
  });
  input.addEventListener("input", () => {
    changed();
    askSoon();
  });
  input.addEventListener("focus", () => input.value || chosen.length || askSoon());
  input.addEventListener("blur", close);
  box.addEventListener("click", (event) => event.target === box && input.focus());

  // --- Beginning

  input.removeAttribute("name");
  input.value = field.dataset.rest;
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-controls", list.id);
  box.classList.add("is-live");
  field.append(sent);
  ready.then(() => {
    const rest = input.value;
    JSON.parse(field.dataset.chosen).forEach(choose);
    input.value = rest;
    changed();
  });
}

document.querySelectorAll("[data-recipients]").forEach(recipients);
