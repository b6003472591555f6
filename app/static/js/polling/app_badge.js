// The unread number on the icon of the installed app, where there is one.

function show(total) {
  if (navigator.setAppBadge) {
    (total ? navigator.setAppBadge(total) : navigator.clearAppBadge()).catch(() => {}); // not installed, or not allowed
  }
}

if (!document.body.dataset.userId) {
  show(0); // logged out: the number was another person's
}

export { show };
