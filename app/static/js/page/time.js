// Keeps "5 min. ago" true: <time data-relative datetime="2026-01-31T12:00:00+00:00">5 min. ago</time>
//
// The server renders the first text, in the reader's language. Thresholds, rounding and the short style are those of
// format_timedelta in Babel, which the server uses, so that the text only changes when its meaning does.
import { language } from "../lib/i18n.js";

const MINUTE = 60; // seconds
const UNITS = [
  ["year", 365 * 24 * 60 * MINUTE],
  ["month", 30 * 24 * 60 * MINUTE],
  ["week", 7 * 24 * 60 * MINUTE],
  ["day", 24 * 60 * MINUTE],
  ["hour", 60 * MINUTE],
  ["minute", MINUTE],
];
const THRESHOLD = 0.85; // "1 hour" begins after 51 minutes

/** Says how long ago, or returns "" for less than a minute, which the server says in its own words. */
function relative(seconds) {
  for (const [unit, length] of UNITS) {
    const number = Math.abs(seconds) / length;
    if (number >= THRESHOLD) {
      const format = new Intl.RelativeTimeFormat(language, { style: "short" });
      return format.format(Math.sign(seconds) * Math.max(1, Math.round(number)), unit);
    }
  }
  return "";
}

function refresh() {
  document.querySelectorAll("time[data-relative][datetime]").forEach((time) => {
    const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
    const text = Number.isNaN(seconds) ? "" : relative(seconds);
    if (text && text !== time.textContent) {
      time.textContent = text;
    }
  });
}

// Without the reader's language in this browser, the server's text stays: an old time is better than a foreign one.
if (window.Intl && Intl.RelativeTimeFormat && Intl.RelativeTimeFormat.supportedLocalesOf([language]).length > 0) {
  setInterval(refresh, MINUTE * 1000);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  window.addEventListener("pageshow", (event) => event.persisted && refresh());
}
