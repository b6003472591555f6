"""Delete a post and put its text into a draft: "Delete and redraft" and "Undo" after posting."""

from __future__ import annotations

from datetime import timedelta

from app.core.exceptions import ActionError
from app.core.i18n import _l
from app.core.time import now
from app.models import Post, User
from app.posts import actions, audience, drafts
from app.posts.drafts import REDRAFTED, Draft
from app.queries import timelines

UNDO_WINDOW = timedelta(seconds=10)  # how long the message after posting offers to undo it (css: .undo)
NETWORK_GRACE = timedelta(seconds=20)  # additional time, for a slow page or a slow request


def redraft(author: User, post: Post) -> Draft | None:
    """Delete a post, and store its text, content warning, language and visibility level as a draft.

    The draft of a reply is a draft of a reply to the same post, if the author can still see that post. Otherwise, it is
    a draft of a post, and so is the draft of a quote. Return the draft, or None if the post no longer exists. Raises
    ActionError if `author` is not its author.
    """
    deleted = actions.delete(author, post)
    if deleted is None:
        return None
    parent = timelines.one(author, deleted.reply_to_id) if deleted.reply_to_id is not None else None
    quoted = timelines.one(author, deleted.quote_of_id) if deleted.quote_of_id is not None else None
    draft = Draft(
        text=deleted.body,
        language=deleted.language,
        visibility=deleted.visibility,
        warning=deleted.warning,
        form_key=f"{REDRAFTED}{deleted.id}",  # new, because the ids of posts are never reused
        reply_to_id=parent.id if parent else None,
        quote_of_id=quoted.id if quoted and audience.can_quote(author, quoted) else None,
    )
    drafts.save(author, draft)
    return draft


def undo(author: User, post: Post) -> Draft | None:
    """Redraft a post that was published a moment ago. Raises ActionError if it is too late."""
    if now() - post.created_at > UNDO_WINDOW + NETWORK_GRACE:
        raise ActionError(_l("It's too late to undo this. You can still edit or delete your post."))
    return redraft(author, post)
