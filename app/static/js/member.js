// The scripts of a member's pages. Each looks for its own elements and does nothing without them.
import * as i18n from "./lib/i18n.js";
import { pluralRule } from "./lib/plural_rule.js";
import * as poll from "./polling/poll.js";
import "./polling/connection.js";
import "./polling/session.js";
import "./polling/badges.js";
import * as alerts from "./polling/desktop_alerts.js";
import "./polling/push.js";
import "./polling/tasks.js";
import "./polling/activity.js";
import "./page/time.js";
import "./page/hovercard.js";
import "./page/menu.js";
import "./page/flashes.js";
import "./page/timezone.js";
import "./messages/delivery_receipts.js";
import "./messages/conversation.js";
import "./messages/infinite_scroll.js";
import "./messages/receipts.js";
import "./messages/message_menu.js";
import "./messages/message_form.js";
import "./messages/inbox.js";
import "./messages/recipients.js";
import "./writing/composer.js";
import "./writing/complete.js";
import "./posts/timeline.js";
import "./posts/translate.js";
import "./posts/reactions.js";
import "./posts/votes.js";
import "./page/forms.js"; // the last to hear that a form is sent: it leaves alone what another script sends

// For the console, and for tests.
window.Microblog = { alerts, i18n, pluralRule, poll };
