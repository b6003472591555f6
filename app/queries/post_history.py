"""The history of a post: its current and its earlier versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.extensions import db
from app.lib.text.differences import Change, difference
from app.models import Post, PostRevision


@dataclass(frozen=True)
class Version:
    """A version of a post, and how it differs from the version before it."""

    number: int  # counted from 0
    language: str
    created_at: datetime
    warning: str
    changes: Sequence[Change]
    hidden_by: str  # the content warning that hides the text; "" if none of the post's recent versions has one


def versions(post: Post, *, before: int | None, size: int) -> tuple[Sequence[Version], int | None]:
    """Return up to `size` versions of a post with numbers below `before`, newest first, and the next `before`.

    If `before` is None, the list begins with the current version. The caller must have checked that the viewer can see
    the post. The next `before` is None if there are no earlier versions.
    """
    first = min(post.revision if before is None else before - 1, post.revision)
    earlier = select(PostRevision).where(PostRevision.post_id == post.id, PostRevision.number <= first)
    # An edit may have been stored since the post was loaded.
    earlier = earlier.where(PostRevision.number < post.revision)
    rows = db.session.scalars(earlier.order_by(PostRevision.number.desc()).limit(size + 1)).all()
    found = [_current(post), *rows] if first == post.revision else list(rows)
    shown = [_version(post, row, found[at + 1] if at + 1 < len(found) else None) for at, row in enumerate(found[:size])]
    return shown, shown[-1].number if len(found) > size else None


def _current(post: Post) -> PostRevision:
    """Return the current version of a post as a row that is not stored."""
    return PostRevision(
        post_id=post.id,
        number=post.revision,
        body=post.body,
        language=post.language,
        warning=post.warning,
        created_at=post.edited_at or post.created_at,
    )


def _version(post: Post, row: PostRevision, previous: PostRevision | None) -> Version:
    """Return a version for display.

    Its text is hidden if this version, the version before it, or the current version has a content warning.
    """
    changes = difference(previous.body, row.body) if previous else [Change("kept", row.body)]
    hidden_by = row.warning or (previous.warning if previous else "") or post.warning
    return Version(row.number, row.language, row.created_at, row.warning, changes, hidden_by)
