"""SQL conditions for what a user may see. All lists, counts, emails and searches use them, so they agree.

The conditions contain subqueries that refer to columns of an enclosing query, even if it is several levels further out.
By default, SQLAlchemy correlates a subquery only with the query directly around it. A table of a query further out
would be added to the FROM clause of the subquery, and any row of that table would then match. `correlate_except`
prevents this.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, and_, exists, func, or_, select, union_all

from app.core.database import shared_alias
from app.models import Block, Follow, HiddenMessage, Message, Mute, Post, PostRecipient, ThreadMute, User, Visibility
from app.models.post import OPEN

# Created once: creating an alias takes longer than building the rest of a query. Each condition has its own alias.
_block, _mute, _hidden = shared_alias(Block), shared_alias(Mute), shared_alias(HiddenMessage)
_follow, _recipient = shared_alias(Follow), shared_alias(PostRecipient)
_thread_mute, _tree_root = shared_alias(ThreadMute), shared_alias(Post)


def is_blocking(blocker_id: Any, blocked_id: Any) -> ColumnElement[bool]:
    """Return the condition that one user blocks the other. Both arguments may be columns."""
    is_it = exists().where(_block.blocker_id == blocker_id, _block.blocked_id == blocked_id)
    return is_it.correlate_except(_block)


def blocked_between(one_id: Any, other_id: Any) -> ColumnElement[bool]:
    """Return the condition that either user blocks the other."""
    return or_(is_blocking(one_id, other_id), is_blocking(other_id, one_id))


def is_muting(muter_id: Any, muted_id: Any) -> ColumnElement[bool]:
    """Return the condition that one user mutes the other. Both arguments may be columns."""
    return exists().where(_mute.muter_id == muter_id, _mute.muted_id == muted_id).correlate_except(_mute)


def is_not_muted_or_blocked(reader_id: Any, author_id: Any) -> ColumnElement[bool]:
    """Return the condition that the reader doesn't mute the author, and neither blocks the other."""
    return and_(~is_muting(reader_id, author_id), ~blocked_between(reader_id, author_id))


def thread_roots(post: Any = Post) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """Return the ids of two posts at the top of the thread of a post, as column expressions.

    The first is the root of the tree that contains the post. The second is the root of the tree above it, or NULL if
    there is none (app/queries/threads.py). `post` is Post or an alias of Post.
    """
    above = select(_tree_root.tree_id).where(_tree_root.id == post.tree_id).correlate_except(_tree_root)
    return func.coalesce(post.tree_id, post.id), above.scalar_subquery()


def is_muting_thread(user_id: Any, post: Any = Post) -> ColumnElement[bool]:
    """Return the condition that a user mutes the thread of a post. `user_id` may be a column."""
    is_it = exists().where(_thread_mute.user_id == user_id, _thread_mute.root_id.in_(thread_roots(post)))
    return is_it.correlate_except(_thread_mute)


def hidden_ids(viewer_id: Any) -> CompoundSelect[int]:
    """Select the ids of the users whom a mute or block hides from the viewer.

    These are the users whom the viewer mutes or blocks, and the users who block the viewer.
    """
    return union_all(
        select(_block.blocked_id).where(_block.blocker_id == viewer_id),
        select(_block.blocker_id).where(_block.blocked_id == viewer_id),
        select(_mute.muted_id).where(_mute.muter_id == viewer_id),
    )


def is_visible(viewer_id: Any, person: Any = User) -> ColumnElement[bool]:
    """Return the condition that a user is active, and that neither the viewer nor the user blocks the other.

    `person` is User or an alias of User.
    """
    return and_(person.active, ~blocked_between(viewer_id, person.id))


def level_includes(viewer_id: Any, post: Any = Post) -> ColumnElement[bool]:
    """Return the condition that the visibility level of a post includes the viewer.

    `post` is Post or an alias of Post.
    """
    follows = exists().where(_follow.follower_id == viewer_id, _follow.followed_id == post.author_id)
    receives = exists().where(_recipient.user_id == viewer_id, _recipient.post_id == post.id)
    return or_(
        post.visibility.in_(OPEN),
        post.author_id == viewer_id,
        and_(post.visibility == Visibility.FOLLOWERS, follows.correlate_except(_follow)),
        receives.correlate_except(_recipient),
    )


def post_is_visible(viewer_id: Any, post: Any = Post, author: Any = User) -> ColumnElement[bool]:
    """Return the condition that the viewer can see a post. Every query of posts for a viewer contains it.

    The author must be active, and the visibility level of the post must include the viewer. Neither the viewer nor the
    author may block the other. `post` and `author` may be aliases.
    """
    return and_(is_visible(viewer_id, author), level_includes(viewer_id, post))


def message_is_shown(member: Any) -> ColumnElement[bool]:
    """Return the condition that a member can see a `Message` of their conversation. `member` may be an alias.

    The member can't see messages from before they joined or after they left, messages whose sending was undone, and
    messages that they deleted for themselves. The member can see that a message was deleted for everyone, so the
    condition includes such messages.
    """
    is_hidden = exists().where(_hidden.user_id == member.user_id, _hidden.message_id == Message.id)
    return and_(
        Message.conversation_id == member.conversation_id,
        Message.kind != "undone",
        Message.seq > member.joined_seq,
        or_(member.left_seq.is_(None), Message.seq <= member.left_seq),
        ~is_hidden.correlate_except(_hidden),
    )
