// A box to write in: it grows with its text and counts the characters that are left.
//
//   <form> <textarea data-max="500"> <span data-counter>500</span> <button>
import * as announcer from "../lib/announcer.js";
import { language, ngettext } from "../lib/i18n.js";

const NEAR = 20; // characters left when the counter starts to warn
const digits = new Intl.NumberFormat(language);

// --- Counting

/** Characters as the reader sees them: a family emoji or a letter with its accents is one, as the server counts. */
function lengthOf(text) {
  if (window.Intl && Intl.Segmenter) {
    return [...new Intl.Segmenter(language, { granularity: "grapheme" }).segment(text)].length;
  }
  return [...text].length;
}

/** Shows how many characters are left, and refuses to send when there are fewer than none. */
function count(textarea) {
  const max = Number(textarea.dataset.max);
  const counter = textarea.form && textarea.form.querySelector("[data-counter]");
  if (!max) {
    return;
  }
  const left = max - lengthOf(textarea.value.trim()); // the server trims too
  const over = left < 0;
  textarea.setCustomValidity(over ? tooLong(-left) : "");
  if (textarea.form) {
    submitOf(textarea.form).forEach((button) => (button.disabled = over));
  }
  if (counter) {
    counter.textContent = digits.format(left);
    counter.classList.toggle("is-near", left <= NEAR && !over);
    counter.classList.toggle("is-over", over);
  }
  tellCrossing(textarea, left);
}

function submitOf(form) {
  return [...form.elements].filter((element) => element.type === "submit");
}

function tooLong(num) {
  return ngettext("%(num)s character over the limit", "%(num)s characters over the limit", num, { num: digits.format(num) });
}

/** Says it aloud when a border is crossed, not at each key. */
function tellCrossing(textarea, left) {
  const zone = left < 0 ? "over" : left <= NEAR ? "near" : "free";
  const before = textarea.dataset.zone || "free";
  textarea.dataset.zone = zone;
  if (zone === before || zone === "free") {
    return;
  }
  const words =
    zone === "over"
      ? tooLong(-left)
      : ngettext("%(num)s character left", "%(num)s characters left", left, { num: digits.format(left) });
  announcer.announce(words);
}

// --- Growing

function grow(textarea) {
  textarea.style.height = "auto";
  const borders = textarea.offsetHeight - textarea.clientHeight;
  textarea.style.height = `${textarea.scrollHeight + borders}px`;
}

function refresh(textarea) {
  grow(textarea);
  count(textarea);
}

export { refresh };
