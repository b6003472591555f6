// A form is sent once: a second click while the first is on its way does nothing. One that came back with a mistake has
// the cursor at the first.

const FORGET_AFTER = 10000; // milliseconds. A form that starts a download, or was stopped, leaves the page where it is

const sending = new WeakSet();

function buttonsOf(form) {
  return [...form.elements].filter((element) => element.type === "submit");
}

function lock(form) {
  sending.add(form);
  // Not `disabled`: it would drop the button's own name and value from the request, and the focus with it.
  buttonsOf(form).forEach((button) => button.setAttribute("aria-disabled", "true"));
}

function unlock(form) {
  sending.delete(form);
  buttonsOf(form).forEach((button) => button.removeAttribute("aria-disabled"));
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") {
    return; // another script sends this one, or sending it twice does no harm
  }
  if (sending.has(form)) {
    event.preventDefault();
    return;
  }
  lock(form);
  setTimeout(() => unlock(form), FORGET_AFTER);
});

window.addEventListener("pageshow", (event) => event.persisted && [...document.forms].forEach(unlock));

const mistaken = document.querySelector('main [aria-invalid="true"]');
if (mistaken) {
  mistaken.focus();
}
