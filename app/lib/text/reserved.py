"""Reserved usernames: the names of pages of the site, names of mailboxes, and names that seem official."""

from __future__ import annotations

from app.lib.text.lookalikes import skeleton

# Mailbox names of RFC 2142, first path segments of our own URLs, and words that address everyone.
_WORDS = """
abuse account accounts activity admin administrator administrators admins all announcements
anonymous api app assets auth avatar avatars billing blog bookmarks bot channel confirm contact
conversation copyright create css delete deleted delivered demo dev dmca docs download edit
edit_profile email error everybody everyone explore export export_posts false favicon feed feeds
follow followers following ftp group groups guest health healthz help here home host hostmaster id
image images img inbox index info install invite invites jobs js language legal list lists local
localhost login logout mail mailer-daemon manage manifest me media member members message messages
metrics microblog mod moderation moderator moderators mods myself nan new news newsletter no-reply
nobody noreply notifications null oauth official online owner page pages password photos popup post
postmaster posts press privacy profile public ready recipients register report reports requests
reset reset_password reset_password_request robots root rss rules safety sales search security self
send_message session sessions settings setup shop site sitemap source spam staff static stats status
store subscribe sudo support sysadmin system tag tags task tasks team terms them thread timeline tos
translate true undefined unfollow unsubscribe update upload uploads usenet user username users uucp
verify webhook webhooks webmaster welcome well-known wiki worker write ws www you your
"""

# Names that seem official. Names that look like one of these are reserved too, even with extra hyphens or underscores.
# Common words are not in this list, because they look like names of people: "all" looks like "Ali".
_VOICES = """
admin administrator administrators admins abuse everyone everybody helpdesk hostmaster mailer-daemon
microblog moderation moderator moderators noreply official official-support owner postmaster root
safety security site-admin staff support support-team sysadmin system system-admin webmaster
"""

RESERVED = frozenset(_WORDS.split())
"""Keys of reserved usernames."""
LOOKALIKE_RESERVED = frozenset(skeleton(word) for word in _VOICES.split())
"""Skeletons of reserved usernames: look-alikes are reserved too."""
