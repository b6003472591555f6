// Updates relative times: <time data-relative="narrow" datetime="2026-01-31T12:00:00+00:00">5m</time>; with
// data-relative="long" the text is "5 minutes ago".
//
// The server renders the first text, in the reader's language. Thresholds, rounding and styles are those of
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

/** Returns how long ago that was, or "" for less than a minute, which the server says in its own words. */
function relative(seconds, style) {
  for (const [unit, length] of UNITS) {
    const number = Math.abs(seconds) / length;
    if (number >= THRESHOLD) {
      const rounded = Math.max(1, Math.round(number));
      if (style === "long") {
        return new Intl.RelativeTimeFormat(language, { style }).format(Math.sign(seconds) * rounded, unit);
      }
      return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "narrow" }).format(rounded);
    }
  }
  return "";
}

function refresh() {
  document.querySelectorAll("time[data-relative][datetime]").forEach((time) => {
    const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
    const text = Number.isNaN(seconds) ? "" : relative(seconds, time.dataset.relative);
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
