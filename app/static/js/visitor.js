// The scripts of a visitor's pages: without a login nothing is polled, so jQuery is not needed.
import "./polling/push.js"; // a browser whose member has logged out is subscribed to nothing
import "./polling/app_badge.js";
import "./page/flashes.js";
import "./page/timezone.js";
import "./page/forms.js"; // the last to hear that a form is sent
