// Tells the server the browser's time zone where a form asks for it: newcomers then see their own clock from the start.

for (const field of document.querySelectorAll("[data-timezone]")) {
  field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
}
