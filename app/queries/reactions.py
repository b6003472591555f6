"""SQL expressions for the reactions to a post, as the viewer sees them.

These are the numbers of replies, likes, reposts and quotes, and whether the viewer likes the post, has reposted it or
has bookmarked it. Each function returns a subquery that refers to the `Post` of the enclosing query. A number is NULL
if no one ever replied to the post, liked it, reposted it or quoted it.

A cached counter includes the reactions of users who are hidden from the viewer by a block or mute. These reactions are
counted and subtracted. So the cost depends on the number of the viewer's blocks and mutes, not on the number of
reactions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Case, ColumnElement, ScalarSelect, case, exists, func, select

from app.core.database import shared_alias
from app.models import Post, PostBookmark, PostCount, PostLike, PostPin, PostPollVote, PostRepost
from app.models.post import RESTRICTED
from app.queries import visibility

# Created once, because creating an alias is slow.
_reply, _quote, _like, _own_like, _bookmark, _pin, _vote, _repost, _own_repost = (
    shared_alias(Post),
    shared_alias(Post),
    shared_alias(PostLike),
    shared_alias(PostLike),
    shared_alias(PostBookmark),
    shared_alias(PostPin),
    shared_alias(PostPollVote),
    shared_alias(PostRepost),
    shared_alias(PostRepost),
)


def reply_count(viewer_id: Any) -> ScalarSelect[int]:
    """Return the number of replies to the post that the viewer can see.

    Replies that aren't visible to all members are checked one by one, so the cost also depends on their number.
    """
    return _visible_posts(viewer_id, PostCount.replies, _reply, _reply.reply_to_id)


def quote_count(viewer_id: Any) -> ScalarSelect[int]:
    """Return the number of quotes of the post that the viewer can see. The cost is as for `reply_count`."""
    return _visible_posts(viewer_id, PostCount.quotes, _quote, _quote.quote_of_id)


def _visible_posts(viewer_id: Any, stored: Any, post: Any, points_to: Any) -> ScalarSelect[int]:
    """Return the number `stored` without the posts that the viewer can't see. `post` is an alias of Post.

    The posts that are counted are those whose column `points_to` has the id of the `Post`.
    """
    counted = (points_to == PostCount.post_id, points_to.is_not(None), post.counted)
    by_hidden = post.author_id.in_(visibility.hidden_ids(viewer_id))
    excluded = (post.visibility.in_(RESTRICTED), ~by_hidden, ~visibility.level_includes(viewer_id, post))
    return _without(stored, (*counted, by_hidden), (*counted, *excluded))


def like_count(viewer_id: Any) -> ScalarSelect[int]:
    """Return the number of likes of the post, without likes by users who are hidden from the viewer."""
    return _without(PostCount.likes, _by_hidden(_like, viewer_id))


def repost_count(viewer_id: Any) -> ScalarSelect[int]:
    """Return the number of reposts of the post, without reposts by users who are hidden from the viewer."""
    return _without(PostCount.reposts, _by_hidden(_repost, viewer_id))


def is_reposted(viewer_id: Any) -> ColumnElement[bool]:
    """Return the condition that the viewer has reposted the post."""
    return (
        exists().where(_own_repost.post_id == Post.id, _own_repost.user_id == viewer_id).correlate_except(_own_repost)
    )


def is_liked(viewer_id: Any) -> ColumnElement[bool]:
    """Return the condition that the viewer likes the post."""
    return exists().where(_own_like.post_id == Post.id, _own_like.user_id == viewer_id).correlate_except(_own_like)


def is_bookmarked(viewer_id: Any) -> ColumnElement[bool]:
    """Return the condition that the viewer has bookmarked the post."""
    return exists().where(_bookmark.post_id == Post.id, _bookmark.user_id == viewer_id).correlate_except(_bookmark)


def is_pinned() -> ColumnElement[bool]:
    """Return the condition that the post is pinned to the top of its author's profile."""
    return exists().where(_pin.post_id == Post.id).correlate_except(_pin)


def own_choices(viewer_id: Any) -> Case[int | None]:
    """Return `PostPollVote.choices` of the viewer; NULL if the post has no poll, or the viewer hasn't voted."""
    mine = select(_vote.choices).where(_vote.post_id == Post.id, _vote.user_id == viewer_id).correlate_except(_vote)
    return case((Post.poll_id.is_not(None), mine.scalar_subquery()))


def _by_hidden(reaction: Any, viewer_id: Any) -> Sequence[Any]:
    by_hidden = reaction.user_id.in_(visibility.hidden_ids(viewer_id))
    return reaction.post_id == PostCount.post_id, reaction.counted, by_hidden


def _without(stored: Any, *hidden: Sequence[Any]) -> ScalarSelect[int]:
    for conditions in hidden:
        stored -= select(func.count()).where(*conditions).correlate(PostCount).scalar_subquery()
    return select(stored).where(PostCount.post_id == Post.id).correlate(Post).scalar_subquery()
