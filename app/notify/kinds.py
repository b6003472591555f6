"""The kinds of event there are. A new one is one entry here, and its sentences in app/notify/wording.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.errors import Sentence
from app.i18n import _l

Mail = Literal["none", "now", "daily", "weekly"]
MAILS: tuple[Mail, ...] = ("none", "now", "daily", "weekly")


@dataclass(frozen=True)
class Kind:
    """One kind of event, and how it is delivered to a person who has not said otherwise. All kinds count in a badge."""

    name: str
    label: Sentence  # its row in the delivery grid
    why: Sentence  # the rule that makes it: "Why am I seeing this?"
    mail: Mail
    push: bool = True
    has_actor: bool = False  # somebody did it, so the filters by sender apply
    groups: bool = False  # several are shown as one line, unless the person wants each
    essential: bool = False  # its mail waits for nothing: no quiet hours, no pause, no daily cap


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("message", _l("Private messages"), _l("Somebody wrote to you."), mail="now"),
        Kind(
            "mention",
            _l("Mentions"),
            _l("Your name stands in this post."),
            mail="daily",
            has_actor=True,
        ),
        Kind(
            "follow",
            _l("New followers"),
            _l("Somebody began to follow you."),
            mail="none",
            push=False,
            has_actor=True,
            groups=True,
        ),
        Kind("job_done", _l("Finished tasks"), _l("You ordered this task."), mail="now"),
        Kind("job_failed", _l("Failed tasks"), _l("You ordered this task."), mail="now"),
        Kind(
            "login",
            _l("New logins"),
            _l("Your account was used on a browser that was not seen there before."),
            mail="now",
            essential=True,
        ),
    )
}
