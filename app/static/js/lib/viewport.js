// What was on the screen of a visible page, and telling the server of it.
//
//   const watch = createObserver((element) => …);     watch(elements): each is reported once, when it was seen
//   const tell = createReporter(isDue, send);          tell(): send() soon, while isDue(); again when it failed

const GATHER = 300; // milliseconds: what comes into view together is told by one request
const TRY_AGAIN = 10000;

function createObserver(see) {
  const unseen = new Set();
  const observer = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach((entry) => look(entry.target));
  });

  function look(element) {
    if (document.hidden) {
      return; // looked at again when the page is shown
    }
    observer.unobserve(element);
    unseen.delete(element);
    see(element);
  }

  /** Watches elements until they are seen. Watching afresh makes the browser report once more what is on the screen. */
  function watch(elements) {
    elements.forEach((element) => {
      unseen.add(element);
      observer.unobserve(element);
      observer.observe(element);
    });
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      watch([...unseen]);
    }
  });
  return watch;
}

function createReporter(isDue, send) {
  let timer = 0;

  function soon(delay) {
    if (!timer && isDue()) {
      timer = setTimeout(run, delay);
    }
  }

  async function run() {
    let next = GATHER;
    try {
      await send();
    } catch (error) {
      const forGood = error.status >= 400 && error.status < 500 && error.status !== 429;
      next = forGood ? 0 : TRY_AGAIN;
    }
    timer = 0;
    if (next) {
      soon(next);
    }
  }

  return () => soon(GATHER);
}

export { createObserver, createReporter };
