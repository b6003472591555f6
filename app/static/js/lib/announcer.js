// Says one short thing to people who use a screen reader, through the polite live region #live of the layout.

function announce(text) {
  const region = document.getElementById("live");
  if (region && region.textContent !== text) {
    region.textContent = text;
  }
}

export { announce };
