// Notices that somebody else has logged in with this browser, in another tab.
// The session cookie is theirs now, so this page would show their numbers, and write, under the name of who was here before.
import * as poll from "./poll.js";

const KEY = "microblog-user";
const me = document.body.dataset.userId;

function check(current) {
  if (current && current !== me) {
    poll.stop("other");
  }
}

if (me) {
  try {
    localStorage.setItem(KEY, me); // this page is fresh from the server: it knows best
    window.addEventListener("storage", (event) => event.key === KEY && check(event.newValue));
    window.addEventListener("pageshow", (event) => event.persisted && check(localStorage.getItem(KEY)));
  } catch (error) {
    console.warn("Storage is blocked; a change of user in another tab goes unnoticed.", error);
  }
}
