// "As my system does": turns <html data-bs-theme="auto"> into "light" or "dark", and follows the system when it changes.
// Loaded in <head> without defer, so that the first paint already has the right colours.
(function () {
  "use strict";

  const root = document.documentElement;
  if (root.dataset.bsTheme !== "auto") {
    return; // the reader chose light or dark, and the server has written it down
  }

  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function apply() {
    root.dataset.bsTheme = dark.matches ? "dark" : "light";
  }

  apply();
  dark.addEventListener("change", apply);
})();
