// Says one short thing to people who use a screen reader, through the polite live region #live of the layout.
(function () {
  "use strict";

  const Microblog = (window.Microblog = window.Microblog || {});

  function say(text) {
    const region = document.getElementById("live");
    if (region && region.textContent !== text) {
      region.textContent = text;
    }
  }

  Microblog.live = { say };
})();
