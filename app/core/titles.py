"""The title of a group, on pages, in lists, in email and in push."""

from __future__ import annotations

from collections.abc import Iterable

from app.core.i18n import _, listed


def group_title(name: str, people: Iterable[str]) -> str:
    """Return the name of a group, or the names of the other `people` in it, in the reader's language.

    A group without a name and without others is "Only you".
    """
    return name or listed(people) or _("Only you")
