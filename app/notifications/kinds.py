"""The kinds of events. A new kind needs an entry here, and its text in app/notifications/render.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.core import roles
from app.core.exceptions import Sentence
from app.core.i18n import _l

Mail = Literal["none", "now", "daily", "weekly"]
MAILS: tuple[Mail, ...] = ("none", "now", "daily", "weekly")


@dataclass(frozen=True)
class Kind:
    """A kind of event, and its default delivery."""

    name: str
    label: Sentence  # of its row in the delivery grid
    why: Sentence  # shown as "Why am I seeing this?"
    mail: Mail
    push: bool = True
    has_actor: bool = False  # another user causes it, so sender filters apply
    groups: bool = False  # by default, several events are shown as one line
    quiet: bool = False  # only listed on the Activity page: never unread, no email or push, not in the delivery grid
    undoable: bool = False  # its cause can be undone and repeated, and the event is unread until it is read
    essential: bool = False  # its email ignores quiet hours, the pause and the daily cap
    fixed: bool = False  # users can't change its delivery, so it is not in the delivery grid
    role: str = "member"  # only users with this role or a higher one are notified


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("message", _l("Private messages"), _l("You get these when someone sends you a message."), mail="now"),
        Kind(
            "message_request",
            _l("Message requests"),
            _l(
                "You get these when someone you don't follow messages you for the first time. They don't count "
                "in any badge."
            ),
            mail="none",
            push=False,
            has_actor=True,
            quiet=True,
        ),
        Kind(
            "mention",
            # NOTE: A kind of notification: someone wrote the member's @name in a post.
            _l("Mentions"),
            _l("You get these when someone mentions you."),
            mail="daily",
            has_actor=True,
        ),
        Kind(
            "reply",
            # NOTE: A kind of notification: someone replied to one of the member's posts.
            _l("Replies"),
            _l("You get these when someone replies to one of your posts."),
            mail="daily",
            has_actor=True,
        ),
        Kind(
            "quote",
            # NOTE: A kind of notification: someone quoted one of the member's posts.
            _l("Quotes"),
            _l("You get these when someone quotes one of your posts."),
            mail="daily",
            has_actor=True,
        ),
        Kind(
            "like",
            # NOTE: A kind of notification: someone liked one of the member's posts.
            _l("Likes"),
            _l("You get these when someone likes one of your posts."),
            mail="none",
            push=False,
            has_actor=True,
            groups=True,
            undoable=True,
        ),
        Kind(
            "repost",
            # NOTE: A kind of notification: someone reposted one of the member's posts.
            _l("Reposts"),
            _l("You get these when someone reposts one of your posts."),
            mail="none",
            push=False,
            has_actor=True,
            groups=True,
            undoable=True,
        ),
        Kind(
            "edit",
            # NOTE: A kind of notification: someone edited a post that the member liked or reposted.
            _l("Edited posts"),
            _l("You get these when someone edits a post you liked or reposted. They don't count in any badge."),
            mail="none",
            push=False,
            has_actor=True,
            groups=True,
            quiet=True,  # so that deleting a post needs no new badge for everyone who likes it
        ),
        Kind(
            "poll_closed",
            # NOTE: A kind of notification: polls that the member made or voted in have ended.
            _l("Finished polls"),
            _l("You get these when a poll you made or voted in has ended."),
            mail="none",
        ),
        Kind(
            "follow",
            _l("New followers"),
            _l("You get these when someone follows you."),
            mail="none",
            push=False,
            has_actor=True,
            groups=True,
        ),
        Kind("job_done", _l("Completed tasks"), _l("You get these when one of your tasks is done."), mail="now"),
        Kind("job_failed", _l("Failed tasks"), _l("You get these when one of your tasks fails."), mail="now"),
        Kind(
            "schedule_failed",
            _l("Scheduled posts"),
            _l("You get these when a scheduled post can't be published."),
            mail="now",
            fixed=True,
        ),
        Kind(
            "login",
            _l("New logins"),
            _l("You get these when someone logs in to your account from a new browser or network."),
            mail="now",
            essential=True,
        ),
        Kind(
            "warning",
            _l("Warnings from moderators"),
            _l("You get these when the moderators of this site warn you."),
            mail="now",
            essential=True,
            fixed=True,
        ),
        Kind(
            "post_removed",
            _l("Posts removed by moderators"),
            _l("You get these when the moderators of this site remove one of your posts."),
            mail="now",
            essential=True,
            fixed=True,
        ),
        Kind(
            "report_closed",
            # NOTE: A kind of notification: about reports that the member made.
            _l("Your reports"),
            _l("You get these when the moderators have reviewed something you reported."),
            mail="none",
            push=False,
            fixed=True,
        ),
        Kind(
            "report",
            _l("New reports"),
            _l("You get these because you're a moderator of this site."),
            mail="now",
            role="moderator",
        ),
    )
}


def configurable_kinds(role: str) -> dict[str, Kind]:
    """Return the kinds that a user with this role can configure in the delivery grid."""
    kinds = KINDS.items()
    return {name: kind for name, kind in kinds if not (kind.quiet or kind.fixed) and roles.is_at_least(role, kind.role)}


CONFIGURABLE = configurable_kinds("member")
