// Completes @names and #tags while one types: a list of suggestions under the line one is writing in (ARIA 1.2 combobox
// with a listbox popup, as in the "Editable Combobox With List Autocomplete" of the ARIA Authoring Practices).
//
//   <form data-complete-url="/suggestions" data-complete-signs="@#"> <textarea>
//
// GET <data-complete-url>?in=people&q=an answers [{"text": "@ana", "name": "Ana", "avatar": "…"}]; ?in=tags [{"text": "#tide"}].
// Down and Up go through the list, Enter and Tab take, Escape closes. A person is chosen from the beginning, so that Enter
// completes the name; a tag is not, because a new tag may begin like a known one.
import * as announcer from "../lib/announcer.js";
import * as http from "../lib/http.js";
import { gettext, language, ngettext, ready } from "../lib/i18n.js";
import { isComposing } from "../lib/keys.js";

const WAIT = 120; // milliseconds after a key, so that a fast typist asks once
const LONGEST = 64; // characters of a name
const ROOM = 260; // pixels below the line that a list needs; with fewer it opens above
const MARGIN = 12; // pixels between a list and the edge of a small screen
const digits = new Intl.NumberFormat(language);

// The rules of app/lib/text/rich.py: what a name is made of, and what may stand before its sign. Scripts without spaces
// between words and emoji may stand directly before it; other letters make it part of a word or an address.
const UNSPACED =
  "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Bopomofo}\\p{Script=Hangul}\\p{Script=Thai}" +
  "\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}\\u30fc\\u3099\\u309a";
const FREE = `(?<=^|[^\\p{L}\\p{M}\\p{N}]|[${UNSPACED}\\ufe0e\\ufe0f\\u20e3\\p{No}])`;
const MENTION = `${FREE}(?<![_@＠/.+&-])[@＠](?<mention>[\\p{L}\\p{M}\\p{N}_-]*)$`;
const TAG = `${FREE}(?<![_#＃/&])[#＃](?<tag>[\\p{L}\\p{M}\\p{N}_\\u200c\\u200d]*)$`;
const REST = /^[\p{L}\p{M}\p{N}_]/u;

function compile(signs) {
  try {
    return new RegExp([signs.includes("@") && MENTION, signs.includes("#") && TAG].filter(Boolean).join("|"), "u");
  } catch (error) {
    return null; // a browser without lookbehind (Safari before 16.4) has no suggestions
  }
}

function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

/** How far below the top of the form the line with the caret ends, and how high a line is, in pixels. */
function caretLine(textarea, form) {
  const style = getComputedStyle(textarea);
  const mirror = element("div", "");
  ["direction", "font", "letterSpacing", "lineHeight", "padding", "border", "overflowWrap", "tabSize"].forEach((name) => {
    mirror.style[name] = style[name];
  });
  Object.assign(mirror.style, {
    position: "absolute",
    visibility: "hidden",
    whiteSpace: "pre-wrap",
    boxSizing: "border-box",
    inlineSize: `${textarea.offsetWidth}px`,
  });
  const mark = element("span", "", "\u200b");
  mirror.append(textarea.value.slice(0, textarea.selectionStart), mark);
  form.append(mirror);
  const top = mark.offsetTop - textarea.scrollTop;
  const height = mark.offsetHeight;
  mirror.remove();
  const offset = textarea.getBoundingClientRect().top - form.getBoundingClientRect().top;
  return { bottom: offset + Math.min(top + height, textarea.clientHeight), height };
}

function completes(form, number) {
  const textarea = form.querySelector("textarea");
  const pattern = compile(form.dataset.completeSigns);
  if (!textarea || !pattern) {
    return;
  }
  const list = element("ul", "options completions");
  list.id = `completions-${number}`;
  list.setAttribute("role", "listbox");
  list.hidden = true;
  form.append(list);

  let offered = [];
  let active = -1; // place in `offered`
  let timer = 0;
  let asked = 0; // counts questions, so that a slow answer does not overtake a later one
  let closedAt = null; // where Escape closed the list: it stays closed for this name

  // --- What is being typed

  /** The name the caret is at the end of: {start, end, query, kind}, or null. */
  function current() {
    const { selectionStart: end, selectionEnd, value } = textarea;
    if (end !== selectionEnd || REST.test(value.slice(end))) {
      return null;
    }
    const found = pattern.exec(value.slice(Math.max(0, end - LONGEST - 2), end));
    if (!found) {
      return null;
    }
    const kind = found.groups.mention === undefined ? "tags" : "people";
    return { start: end - found[0].length, end, query: found[0].slice(1), kind };
  }

  // --- The list

  function close() {
    clearTimeout(timer);
    asked += 1; // what is on its way is no longer wanted
    offered = [];
    active = -1;
    list.hidden = true;
    list.replaceChildren();
    ["role", "aria-autocomplete", "aria-expanded", "aria-controls", "aria-activedescendant"].forEach((name) =>
      textarea.removeAttribute(name),
    );
  }

  function move(to) {
    active = to;
    [...list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === active)));
    const option = list.children[active];
    if (option) {
      textarea.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else {
      textarea.removeAttribute("aria-activedescendant");
    }
  }

  function option(one, at) {
    const handle = element("bdi", one.name ? "text-muted" : "name", one.text);
    const made = element("li", "option");
    if (one.avatar) {
      const picture = element("img", "avatar small");
      picture.src = one.avatar;
      picture.alt = "";
      handle.dir = "ltr";
      made.append(picture);
    }
    const words = element("span", "row-text");
    if (one.name) {
      words.append(element("bdi", "name", one.name), " ");
    }
    words.append(handle);
    made.append(words);
    made.id = `${list.id}-${at}`;
    made.setAttribute("role", "option");
    made.addEventListener("pointerdown", (event) => event.preventDefault()); // the box keeps the focus, a phone its keyboard
    made.addEventListener("click", () => take(at));
    return made;
  }

  /** Opens below the line one is writing in, or above it where there is no room. */
  function place() {
    const { bottom, height } = caretLine(textarea, form);
    const box = form.getBoundingClientRect();
    const screen = window.visualViewport ? window.visualViewport.height : window.innerHeight;
    const isAbove = screen - (box.top + bottom) < ROOM && box.top + bottom - height > ROOM;
    list.style.top = isAbove ? "auto" : `${bottom + 4}px`;
    list.style.bottom = isAbove ? `${box.height - bottom + height + 4}px` : "auto";
    const text = textarea.getBoundingClientRect();
    const start = getComputedStyle(form).direction === "rtl" ? box.right - text.right : text.left - box.left;
    list.style.insetInlineStart = `${start}px`;
    list.style.maxInlineSize = `${box.width - start - MARGIN}px`;
  }

  function open(found, kind) {
    offered = found;
    list.setAttribute("aria-label", kind === "people" ? gettext("People") : gettext("Tags"));
    list.replaceChildren(...offered.map(option));
    list.hidden = false;
    textarea.setAttribute("role", "combobox");
    textarea.setAttribute("aria-autocomplete", "list");
    textarea.setAttribute("aria-expanded", "true");
    textarea.setAttribute("aria-controls", list.id);
    place();
    move(kind === "people" ? 0 : -1);
    const num = digits.format(offered.length);
    announcer.announce(ngettext("%(num)s suggestion", "%(num)s suggestions", offered.length, { num }));
  }

  function take(at) {
    const now = current();
    const one = offered[at];
    close();
    if (now && one) {
      const space = /^\s/.test(textarea.value.slice(now.end)) ? "" : " ";
      textarea.setRangeText(one.text + space, now.start, now.end, "end");
      if (!space) {
        textarea.selectionStart = textarea.selectionEnd = textarea.selectionEnd + 1;
      }
      textarea.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertReplacementText" }));
      close();
    }
    textarea.focus();
  }

  async function ask() {
    const now = current();
    if (!now || now.start === closedAt) {
      close();
      return;
    }
    const mine = (asked += 1);
    const url = new URL(form.dataset.completeUrl, location.href);
    url.searchParams.set("in", now.kind);
    url.searchParams.set("q", now.query);
    try {
      const [found] = await Promise.all([http.json(url), ready]);
      const later = current();
      if (mine !== asked || !later || later.start !== now.start) {
        return;
      }
      const isDone = found.length === 1 && found[0].text.slice(1) === now.query;
      if (found.length === 0 || isDone) {
        close();
      } else {
        open(found, now.kind);
      }
    } catch (error) {
      close(); // without suggestions a name is typed in full, as without scripts
    }
  }

  function askSoon() {
    clearTimeout(timer);
    const now = current();
    if (!now) {
      closedAt = null;
      close();
    } else {
      timer = setTimeout(ask, WAIT);
    }
  }

  // --- Keys

  const step = (by) => move(active < 0 ? (by > 0 ? 0 : offered.length - 1) : (active + by + offered.length) % offered.length);
  const keys = {
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    Escape: () => {
      const now = current();
      closedAt = now && now.start;
      close();
    },
    Enter: () => take(active),
    Tab: () => take(active),
  };

  textarea.addEventListener(
    "keydown",
    (event) => {
      const takes = event.key === "Enter" || event.key === "Tab";
      const hasModifier = event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;
      const isOurs = event.key in keys && !hasModifier && !(takes && active < 0);
      if (!list.hidden && isOurs && !isComposing(event)) {
        event.preventDefault();
        event.stopPropagation(); // Enter would send the message, Escape close what is around
        keys[event.key]();
      }
    },
    { capture: true },
  );
  textarea.addEventListener("input", (event) => event.isComposing || askSoon());
  textarea.addEventListener("compositionend", askSoon);
  textarea.addEventListener("click", askSoon);
  textarea.addEventListener("keyup", (event) => {
    if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) {
      askSoon();
    }
  });
  textarea.addEventListener("blur", close);
}

document.querySelectorAll("form[data-complete-url]").forEach(completes);
