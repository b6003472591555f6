// The notes above a page, each with a button that closes it:
//
//   <div class="alert">… <button data-close-note>…</button></div>
//
// The focus goes to the next note's button, or to the one before, or to the content: never back to the top of the page.

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-close-note]");
  if (!button) {
    return;
  }
  const buttons = [...document.querySelectorAll("[data-close-note]")];
  const place = buttons.indexOf(button);
  const next = buttons[place + 1] || buttons[place - 1] || document.getElementById("main");
  button.closest(".alert").remove();
  if (next) {
    next.focus({ preventScroll: true });
  }
});
