// The list of all languages, loaded when somebody begins to write. Before that, a box offers the likeliest.
//
//   <form> <select data-languages-url="/post/languages?lang=en"> <option value="es">Spanish</option> … <option value="">
//
// GET <data-languages-url> answers [["aa", "Afar"], …]. The last option, for any other language, stays the last.
import * as http from "../lib/http.js";

const loading = new WeakMap(); // select -> promise

async function fill(select) {
  const all = await http.json(select.dataset.languagesUrl);
  const known = new Set([...select.options].map((option) => option.value));
  const missing = all.filter(([code]) => !known.has(code)).map(([code, name]) => new Option(name, code));
  select.lastElementChild.before(...missing);
}

/** Resolves when the box has all languages; a failed request leaves it as it is, and the next call tries again. */
function load(select) {
  if (!loading.has(select)) {
    const promise = fill(select).catch(() => loading.delete(select));
    loading.set(select, promise);
  }
  return loading.get(select);
}

/** Chooses a language that may not be in the box yet. */
async function choose(select, code) {
  if (![...select.options].some((option) => option.value === code)) {
    await load(select);
  }
  select.value = code;
}

function begin(event) {
  const form = event.target instanceof Element && event.target.closest("form");
  const select = form && form.querySelector("select[data-languages-url]");
  if (select && (event.type !== "pointerover" || event.target === select)) {
    load(select);
  }
}

["focusin", "pointerdown", "pointerover"].forEach((name) => document.addEventListener(name, begin));

export { choose };
