"""Read and write drafts of posts. Only this module writes them.

Each time the composer is rendered, its form gets a new key, and a draft is stored under the key of its form. Two open
pages therefore have two drafts, and neither page overwrites the draft of the other. If a page restores a draft, its
form gets the key of that draft.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, delete, or_, select, update

from app.core.database import built_once, has_rows, insert_into
from app.core.time import now
from app.extensions import db
from app.lib.text.languages import known_languages
from app.lib.text.rich import InvalidText, clean
from app.models import PostDraft, User
from app.models.post import OFFERED, WARNING_LENGTH

MAX_LENGTH = 20_000  # characters; longer than a post may be, so that text that is too long isn't lost
MAX_DRAFTS = 20  # per member; older drafts are deleted
REDRAFTED = "redraft-"  # how the form key of a draft of a deleted post begins; only such drafts can be of a reply
EMPTY_LIFETIME = timedelta(days=1)  # after which a published or emptied draft is deleted; see `clear`


@dataclass(frozen=True)
class Draft:
    """A draft of a post. `form_key` is the key of the form it was written in; "" if nothing was saved yet."""

    text: str = ""
    language: str = ""
    visibility: str = ""  # "" = the author's default
    warning: str = ""
    form_key: str = ""
    reply_to_id: int | None = None  # the post that it answers; only if a reply was deleted and redrafted
    quote_of_id: int | None = None  # the post that a redrafted quote quotes; not stored


def save(author: User, draft: Draft) -> bool:
    """Save the draft of a form. If the form was already published as a post, save nothing and return False.

    If the text has characters that a database can't store, save nothing and return True. Of an author's drafts, only
    the MAX_DRAFTS newest are kept.
    """
    # PostgreSQL cannot store U+0000.
    text, warning = draft.text.replace("\0", "")[:MAX_LENGTH], draft.warning.replace("\0", "")[:WARNING_LENGTH]
    try:
        text, warning = text if clean(text).strip() else "", clean(warning)[:WARNING_LENGTH]
    except InvalidText:  # lone surrogates, which no database can store
        return True
    values = {
        "body": text,
        "language": draft.language if draft.language in known_languages() else "",
        "visibility": draft.visibility if draft.visibility in OFFERED else "",
        "warning": warning,
        "reply_to_id": draft.reply_to_id,
        "saved_at": now(),
    }
    row = insert_into(PostDraft).values(user_id=author.id, form_key=draft.form_key, **values)
    keep = row.on_conflict_do_update(
        index_elements=[PostDraft.user_id, PostDraft.form_key], set_=values, where=PostDraft.is_sent.is_(False)
    )
    if db.session.scalar(keep.returning(PostDraft.form_key)) is None:
        return False
    of_reply = draft.reply_to_id is not None
    newest = _written_by(author.id, of_reply).with_only_columns(PostDraft.form_key).limit(MAX_DRAFTS)
    others = (PostDraft.user_id == author.id, PostDraft.body != "", _is_of_reply(of_reply))
    old = (*others, PostDraft.form_key.not_in(newest))
    db.session.execute(delete(PostDraft).where(*old))
    return True


def clear(author: User, form_key: str | None, body: str) -> None:
    """Empty the draft of a form after its post was published, and the author's other drafts with the same text `body`.

    The emptied rows stay, marked as sent. So if a request to save one of these drafts arrives late, it is rejected.
    """
    sent = {"body": "", "warning": "", "is_sent": True, "saved_at": now()}
    same = [row.form_key for row in db.session.scalars(_written_by(author.id)) if clean(row.body).strip() == body]
    if same:
        these = (PostDraft.user_id == author.id, PostDraft.form_key.in_(same))
        db.session.execute(update(PostDraft).where(*these).values(**sent))
    if form_key:
        row = insert_into(PostDraft).values(user_id=author.id, form_key=form_key, language="", **sent)
        key = [PostDraft.user_id, PostDraft.form_key]
        db.session.execute(row.on_conflict_do_update(index_elements=key, set_=sent))


def current(author: User, form_key: str = "") -> Draft:
    """Return the author's draft with this form key. If there is none, return the latest draft, or an empty one."""
    rows = db.session.scalars(_latest(), {"author_id": author.id}).all()
    row = next((row for row in rows if row.form_key == form_key), rows[0] if rows else None)
    return Draft(row.body, row.language, row.visibility, row.warning, row.form_key) if row else Draft()


def by_key(author: User, form_key: str) -> Draft:
    """Return the author's draft with this form key; an empty draft if there is none."""
    row = db.session.get(PostDraft, (author.id, form_key))
    return Draft(row.body, row.language, row.visibility, row.warning, row.form_key) if row else Draft()


def delete_of_reply(author: User, form_key: str | None) -> None:
    """Delete the draft of a reply after the reply was published. `form_key` is the key of the submitted form."""
    if form_key and form_key.startswith(REDRAFTED):  # the others have no draft
        this = (PostDraft.user_id == author.id, PostDraft.form_key == form_key, _is_of_reply(True))
        db.session.execute(delete(PostDraft).where(*this))


def is_redrafted(form_key: str | None) -> bool:
    """Return whether a form key is that of a draft of a deleted post."""
    return bool(form_key) and str(form_key).startswith(REDRAFTED)


def has_old() -> bool:
    """Return whether there are drafts that `delete_old` would delete."""
    return has_rows(PostDraft, *_old())


def delete_old() -> int:
    """Delete drafts that were published or emptied more than EMPTY_LIFETIME ago. Return how many were deleted."""
    return len(db.session.scalars(delete(PostDraft).where(*_old()).returning(PostDraft.user_id)).all())


def _old() -> tuple[ColumnElement[bool], ...]:
    return or_(PostDraft.is_sent, PostDraft.body == ""), PostDraft.saved_at < now() - EMPTY_LIFETIME


@built_once
def _latest() -> Select[PostDraft]:
    return _written_by(bindparam("author_id")).limit(MAX_DRAFTS)


def _is_of_reply(of_reply: bool) -> ColumnElement[bool]:
    return PostDraft.reply_to_id.is_not(None) if of_reply else PostDraft.reply_to_id.is_(None)


def _written_by(author_id: Any, of_reply: bool = False) -> Select[PostDraft]:
    mine = select(PostDraft).where(PostDraft.user_id == author_id, PostDraft.body != "", _is_of_reply(of_reply))
    return mine.order_by(PostDraft.saved_at.desc(), PostDraft.form_key)
