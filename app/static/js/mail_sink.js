// The list of caught mails keeps itself fresh; the mail being read stays as it is.
(function () {
  "use strict";

  const EVERY = 2000; // milliseconds
  const list = document.getElementById("mails");

  async function refresh() {
    if (document.hidden) {
      return;
    }
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) {
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("mails");
    if (fresh && fresh.innerHTML !== list.innerHTML) {
      const focused = document.activeElement && document.activeElement.getAttribute("href");
      list.replaceChildren(...fresh.childNodes);
      const again = focused && list.querySelector(`a[href="${CSS.escape(focused)}"]`);
      if (again) {
        again.focus();
      }
    }
  }

  function tick() {
    refresh().catch(function () {}); // the sink is being restarted: the next tick asks again
  }

  setInterval(tick, EVERY);
  document.addEventListener("visibilitychange", tick);
})();
