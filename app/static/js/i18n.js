// Translated strings for the scripts: gettext() and ngettext(), as in the templates.
//
// The catalog is a JSON document named by <body data-strings-url>:
//   {"locale": "es", "plural": ["one", "other"], "messages": {"Send": "Enviar", "%(num)s post": ["…", "…"]}}
// "plural" names the CLDR category of each plural form, in the order of the catalog's msgstr[0], msgstr[1]...
// A gettext "Plural-Forms" expression would have to be evaluated, which the Content-Security-Policy forbids (and rightly).
//
// Everything works before, and without, the catalog: a string that is not known is shown in English, its own msgid.
// Who shows a string that can wait a moment waits for `Microblog.i18n.ready`, which never rejects.
(function () {
  "use strict";

  const Microblog = (window.Microblog = window.Microblog || {});
  const url = document.body.dataset.stringsUrl;

  let messages = {};
  let categories = [];
  let pluralRules = new Intl.PluralRules("en");

  /** Puts values into the named places: fill("%(num)s posts", {num: 3}) gives "3 posts". */
  function fill(text, values) {
    return text.replace(/%\((\w+)\)[sd]/g, (place, name) => (values && name in values ? values[name] : place));
  }

  function gettext(msgid, values) {
    return fill(messages[msgid] || msgid, values);
  }

  /** The form for the number n. Further `values` may replace %(num)s, for instance by a formatted number. */
  function ngettext(singular, plural, n, values) {
    const forms = messages[singular];
    let text = n === 1 ? singular : plural;
    if (Array.isArray(forms)) {
      let index = categories.indexOf(pluralRules.select(n));
      if (index < 0) {
        // CLDR may know more categories than the catalog: Spanish has "many" for millions, most catalogs do not.
        index = categories.includes("other") ? categories.indexOf("other") : forms.length - 1;
      }
      text = forms[index] || text;
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
      pluralRules = new Intl.PluralRules(catalog.locale);
      categories = catalog.plural;
      messages = catalog.messages;
    } catch (error) {
      console.warn("No translated strings; English is shown.", error);
    }
  }

  // The reader's language, as the server chose it, for numbers and times: with western digits, as Babel writes them
  // on the server, so that one page does not show two kinds.
  const language = new Intl.Locale(document.documentElement.lang || "en", { numberingSystem: "latn" }).toString();

  Microblog.i18n = { gettext, ngettext, language, ready: load() };
})();
