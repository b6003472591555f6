// Background tasks on the page move as they are worked on.
//
//   <li data-task-id="9f…" data-task-status="running"> <span data-task-state>…</span> <progress data-task-progress value="40" max="100">
//
// The poller brings {"task_id", "progress", "state"}. When the state changes, other buttons belong on the row (download,
// try again): the server knows which, so the row is taken from a fresh copy of this page.
import * as announcer from "../lib/announcer.js";
import * as http from "../lib/http.js";
import { gettext, language, pgettext, ready } from "../lib/i18n.js";
import * as poll from "./poll.js";

const percent = new Intl.NumberFormat(language, { style: "percent" });

const IN_WORDS = {
  queued: () => pgettext("task", "Waiting"),
  running: (progress) => gettext("Running: %(percent)s", { percent: percent.format(progress / 100) }),
  done: () => pgettext("task", "Done"),
  failed: () => pgettext("task", "Failed"),
};

function rowOf(root, id) {
  return root.querySelector(`[data-task-id="${CSS.escape(id)}"]`);
}

function move(row, { progress, state }) {
  const bar = row.querySelector("[data-task-progress]");
  const words = row.querySelector("[data-task-state]");
  if (bar) {
    bar.value = progress;
  }
  if (words && IN_WORDS[state]) {
    words.textContent = IN_WORDS[state](progress);
  }
}

async function renew(row, id) {
  try {
    const fresh = rowOf(await http.page(location.href), id);
    if (fresh && row.isConnected) {
      row.replaceWith(document.adoptNode(fresh));
    }
  } catch (error) {
    // The row says what has happened; only its buttons are old until the page is loaded again.
  }
}

async function hear(task) {
  const row = rowOf(document, task.task_id);
  if (!row) {
    return;
  }
  const changed = row.dataset.taskStatus !== task.state;
  row.dataset.taskStatus = task.state;
  await ready;
  move(row, task);
  if (changed && task.state !== "running") {
    announcer.announce(IN_WORDS[task.state] ? IN_WORDS[task.state](task.progress) : task.state);
    renew(row, task.task_id);
  }
}

poll.on("task_progress", hear);
