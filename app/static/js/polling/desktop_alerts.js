// A desktop notification and a sound when a number has risen: for those who switch them on, in this browser.
//
//   <div data-alerts-settings hidden>
//     <input type="checkbox" data-alerts="desktop"> <input type="checkbox" data-alerts="sound">
//   </div>
//
// The browser keeps the choice, since the permission is the browser's too. Only the tab that polls tells (tabs.js), only
// when its reader looks at no page of ours, and never in quiet hours or a pause, which the body has in Unix seconds:
// <body data-quiet-until="…" data-next-quiet="…">. The badges show the truth all the time.
import { gettext, ready } from "../lib/i18n.js";
import * as poll from "./poll.js";

const KEY = "microblog-alerts";
const EYES = "microblog-eyes"; // the lock that a page holds while it has the focus
const TONES = [660, 880]; // hertz, one after the other
const LENGTH = 0.14; // seconds of one
const LOUDNESS = 0.08; // of 1

let chosen = { desktop: false, sound: false }; // until this browser was asked, and where its storage is blocked
const shown = new Map(); // badge name -> the notification on the desktop
let audio = null;

function settings() {
  try {
    chosen = { ...chosen, ...JSON.parse(localStorage.getItem(KEY)) };
  } catch (error) {
    // Blocked, or not ours: what was chosen on this page holds.
  }
  return chosen;
}

function set(change) {
  chosen = { ...settings(), ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(chosen));
  } catch (error) {
    console.warn("Storage is blocked: the choice lasts as long as this page.", error);
  }
}

/** Whether this browser is pushed the same news (push.js keeps that): its notification says more, and one is enough. */
function isPushed() {
  try {
    const { user, endpoint } = JSON.parse(localStorage.getItem("microblog-push")) || {};
    return Boolean(endpoint) && user === document.body.dataset.userId;
  } catch (error) {
    return false; // blocked, or not ours
  }
}

const allowed = () => "Notification" in window && Notification.permission === "granted";

/** After the next quiet hours have begun nobody here knows when they end: the next page does. */
function isQuiet() {
  const { quietUntil, nextQuiet } = document.body.dataset;
  const now = Date.now() / 1000;
  return now < Number(quietUntil) || (Number(nextQuiet) > 0 && now >= Number(nextQuiet));
}

// --- Where the reader looks

let lookAway = null; // gives our lock back

function lookedAtOrNot() {
  if (lookAway) {
    lookAway();
    lookAway = null;
  }
  if (document.hasFocus() && navigator.locks) {
    const away = new Promise((resolve) => (lookAway = resolve));
    navigator.locks.request(EYES, { mode: "shared" }, () => away).catch(() => {}); // blocked: we know of this page only
  }
}

/** Whether this page or another of ours has the focus: the tab that polls may be in a window behind. */
async function isLookedAt() {
  if (document.hasFocus() || !navigator.locks) {
    return document.hasFocus();
  }
  try {
    return (await navigator.locks.query()).held.some(({ name }) => name === EYES);
  } catch (error) {
    return false;
  }
}

["focus", "blur", "pagehide", "pageshow"].forEach((name) => window.addEventListener(name, lookedAtOrNot));

// --- Telling

async function showOnDesktop(name, words) {
  // The number says all there is to say to whoever else looks at this screen. Our own sound is the only one.
  const options = { tag: `microblog-${name}`, lang: document.documentElement.lang, silent: true };
  try {
    const notification = new Notification(words, options);
    notification.onclick = () => {
      window.focus(); // and no further: there may be a text half written on the page
      notification.close();
    };
    shown.set(name, notification);
  } catch (error) {
    // Phones show them through a service worker only.
    const registration = navigator.serviceWorker && (await navigator.serviceWorker.getRegistration());
    if (registration) {
      registration.showNotification(words, options);
    }
  }
}

function playTone(hertz, at) {
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  tone.frequency.value = hertz;
  volume.gain.setValueAtTime(LOUDNESS, at);
  volume.gain.exponentialRampToValueAtTime(0.001, at + LENGTH);
  tone.connect(volume).connect(audio.destination);
  tone.start(at);
  tone.stop(at + LENGTH);
}

async function play() {
  audio = audio || new AudioContext();
  if (audio.state !== "running") {
    // A browser lets a page be heard after somebody has touched it, and would play later what we ask for now.
    await Promise.race([audio.resume(), new Promise((resolve) => setTimeout(resolve, 200))]);
  }
  if (audio.state === "running") {
    TONES.forEach((hertz, place) => playTone(hertz, audio.currentTime + place * LENGTH));
  }
}

let sounded = 0; // when; two numbers may rise in one answer

document.addEventListener("microblog:badge", async ({ detail: { name, number, before, words } }) => {
  if (number === 0 && shown.has(name)) {
    shown.get(name).close(); // read meanwhile, here or elsewhere
    shown.delete(name);
  }
  if (number <= before || isQuiet() || !poll.state().leader || (await isLookedAt())) {
    return;
  }
  const { desktop, sound } = settings();
  if (desktop && allowed() && !isPushed()) {
    showOnDesktop(name, words);
  }
  if (sound && Date.now() - sounded > 1000) {
    sounded = Date.now();
    play();
  }
});

// --- Choosing, on the settings page

function say(box, text) {
  let note = box.querySelector("[data-alerts-note]");
  if (!note) {
    note = document.createElement("p");
    note.className = "text-muted";
    note.dataset.alertsNote = "";
    note.setAttribute("role", "status");
    box.append(note);
  }
  note.textContent = text;
}

async function choose(box, field) {
  const kind = field.dataset.alerts;
  say(box, "");
  if (field.checked && kind === "desktop" && (await Notification.requestPermission()) !== "granted") {
    field.checked = false;
    await ready;
    say(box, gettext("This browser is blocking notifications from this site. You can allow them in your browser's settings."));
  }
  set({ [kind]: field.checked });
  if (field.checked && kind === "sound") {
    play(); // so that one knows it
  }
}

document.querySelectorAll("[data-alerts-settings]").forEach((box) => {
  box.hidden = false;
  box.querySelectorAll("[data-alerts]").forEach((field) => {
    const isDesktop = field.dataset.alerts === "desktop";
    field.disabled = isDesktop && !("Notification" in window);
    field.checked = settings()[field.dataset.alerts] && (!isDesktop || allowed());
    field.addEventListener("change", () => choose(box, field));
  });
});

export { settings, set };
