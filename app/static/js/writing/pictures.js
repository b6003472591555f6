// Pictures to send along with a message or a post: a button, previews, and words for those who cannot see them.
//
//   <form data-message-form> or <form data-composer>
//     <details data-attach data-most="4"> <summary> <fieldset>…</fieldset> <template data-chosen><li>…</li></template>
//
// Without this, the fieldset has a field for each picture. With it, the button opens the browser's own choice of files; a
// picture can be pasted or dropped, too.
import { gettext, ngettext } from "../lib/i18n.js";
import { showError } from "./send_errors.js";

function start(attach) {
  const form = attach.closest("form");
  const MOST = Number(attach.dataset.most);
  const MOST_BYTES = 5 * 1024 * 1024; // of one (app/lib/media/rules.py)
  const ACCEPT = attach.querySelector("input[type=file]").accept;
  const SIDE = 128; // pixels of a preview

  const chosen = []; // {file, row}
  const picker = document.createElement("input");
  const list = document.createElement("ul");

  /** A small copy as a data: address; the Content-Security-Policy allows no blob: ones. */
  async function preview(file) {
    const bitmap = await createImageBitmap(file);
    const scale = SIDE / Math.min(bitmap.width, bitmap.height);
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIDE;
    const [width, height] = [bitmap.width * scale, bitmap.height * scale];
    canvas.getContext("2d").drawImage(bitmap, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
    bitmap.close();
    return canvas.toDataURL("image/png");
  }

  function show() {
    list.hidden = chosen.length === 0;
  }

  function remove(one) {
    chosen.splice(chosen.indexOf(one), 1);
    one.row.remove();
    show();
    attach.querySelector("summary").focus();
  }

  async function add(file) {
    const row = attach.querySelector("[data-chosen]").content.firstElementChild.cloneNode(true);
    const one = { file, row };
    chosen.push(one);
    list.append(row);
    row.querySelector("button").addEventListener("click", () => remove(one));
    show();
    row.querySelector("img").src = await preview(file).catch(() => ""); // the server says what is wrong with it
  }

  function reasonAgainst(files) {
    if (chosen.length + files.length > MOST) {
      return ngettext("You can add up to %(num)s image.", "You can add up to %(num)s images.", MOST);
    }
    if (files.some((file) => file.size > MOST_BYTES)) {
      return gettext("This image is too large. The limit is 5 MB.");
    }
    return files.every(isAccepted) ? "" : gettext("Choose a JPEG, PNG, GIF, WebP, AVIF or HEIC image.");
  }

  /** By the type or by the name's ending: some systems have no type for the newer formats. */
  function isAccepted(file) {
    const name = file.name.toLowerCase();
    return ACCEPT.split(",").some((kind) => kind === file.type || (kind.startsWith(".") && name.endsWith(kind)));
  }

  function take(files) {
    if (files.length === 0) {
      return;
    }
    const reason = reasonAgainst(files);
    showError(form, reason);
    if (!reason) {
      files.forEach(add);
      list.querySelector("li:last-child input").focus();
    }
  }

  const imagesOf = (transfer) => [...((transfer && transfer.files) || [])].filter((file) => file.type.startsWith("image/"));

  function takeFrom(event, transfer) {
    const files = imagesOf(transfer);
    if (files.length > 0) {
      event.preventDefault();
      take(files);
    }
  }

  attach.querySelector("fieldset").disabled = true; // its fields are not sent
  attach.querySelector("summary").setAttribute("role", "button");
  Object.assign(picker, { type: "file", multiple: true, accept: ACCEPT, hidden: true });
  Object.assign(list, { className: "selected-images", hidden: true });
  picker.setAttribute("aria-label", attach.querySelector("summary").getAttribute("aria-label"));
  attach.after(picker);
  (attach.closest(".toolbar") || form.firstElementChild).before(list);

  attach.querySelector("summary").addEventListener("click", (event) => {
    event.preventDefault();
    picker.click();
  });
  picker.addEventListener("change", () => {
    take([...picker.files]);
    picker.value = ""; // the same file can be chosen again
  });
  form.addEventListener("paste", (event) => takeFrom(event, event.clipboardData));
  form.addEventListener("dragover", (event) => event.dataTransfer.types.includes("Files") && event.preventDefault());
  form.addEventListener("drop", (event) => takeFrom(event, event.dataTransfer));

  return {
    count: () => chosen.length,
    /** What is sent: the fields of the form, among them the pictures' words, and the pictures. */
    body: () => {
      const data = new FormData(form);
      chosen.forEach((one) => data.append("image", one.file));
      return data;
    },
    clear: () => {
      chosen.splice(0).forEach((one) => one.row.remove());
      show();
    },
  };
}

const started = new Map();
document.querySelectorAll("form [data-attach]").forEach((attach) => started.set(attach.closest("form"), start(attach)));

/** The pictures of a form, perhaps of one that takes none. */
const of = (form) => started.get(form) || { count: () => 0, body: () => new FormData(form), clear() {} };

export { of };
