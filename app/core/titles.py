"""How a group is called, wherever it is: on a page, in a list, a mail, a push."""

from __future__ import annotations

from collections.abc import Iterable

from app.core.i18n import _, listed


def group_title(name: str, people: Iterable[str]) -> str:
    """The name of a group, or for want of one the names of the other `people` in it, in the reader's language."""
    return name or listed(people) or _("Only you")
