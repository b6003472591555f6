// Translated strings for the scripts: gettext(), ngettext() and pgettext(), as in the templates.
//
// The catalog is a JSON document named by <body data-strings-url>:
//   {"locale": "es", "plural": "n != 1", "messages": {"Send": "Enviar", "%(num)s post": ["…", "…"]}}
// "plural" is the catalog's own rule, a C expression in n, as the server uses it: Intl.PluralRules counts otherwise for
// many languages. plural_rule.js parses it.
//
// Everything works before, and without, the catalog: a string that is not known is shown in English, its own msgid.
// Who shows a string that can wait a moment waits for `ready`, which never rejects.
import { pluralRule } from "./plural_rule.js";

const url = document.body.dataset.stringsUrl;

let messages = {};
let formOf = (n) => (n === 1 ? 0 : 1);

/** Puts values into the named places: fill("%(num)s posts", {num: 3}) gives "3 posts". "%%" is a percent sign. */
function fill(text, values) {
  return text.replace(/%(?:%|\((\w+)\)[sd])/g, (place, name) => {
    if (place === "%%") {
      return "%";
    }
    return values && name in values ? values[name] : place;
  });
}

/** The translation of a string without a number. A catalog may wrongly have plural forms for it. */
function single(key, msgid) {
  const found = messages[key];
  return (Array.isArray(found) ? found[formOf(1)] : found) || msgid;
}

function gettext(msgid, values) {
  return fill(single(msgid, msgid), values);
}

/** A short text whose context tells translators what it means. */
function pgettext(context, msgid, values) {
  return fill(single(`${context}\u0004${msgid}`, msgid), values);
}

/** The form for the number n. Further `values` may replace %(num)s, for instance by a formatted number. */
function ngettext(singular, plural, n, values) {
  const forms = messages[singular];
  let text = n === 1 ? singular : plural;
  if (Array.isArray(forms)) {
    text = forms[formOf(n)] || text;
  }
  return fill(text, { num: n, ...values });
}

async function load() {
  if (!url) {
    return;
  }
  try {
    const response = await fetch(url, { headers: { Accept: "application/json" } });
    if (!response.ok) {
      throw new Error(`${response.status} ${url}`);
    }
    const catalog = await response.json();
    formOf = pluralRule(catalog.plural);
    messages = catalog.messages;
  } catch (error) {
    console.warn("No translated strings; English is shown.", error);
  }
}

// The reader's language, as the server chose it, for numbers and times: with western digits, as Babel writes them
// on the server, so that one page does not show two kinds.
const language = new Intl.Locale(document.documentElement.lang || "en", { numberingSystem: "latn" }).toString();

const ready = load();

export { gettext, ngettext, pgettext, language, ready };
