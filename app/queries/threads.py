"""Threads: the place of a reply in its thread, and the queries of the posts above and below a post.

The place of a reply is a materialised path. `tree_path` contains the ids of its ancestors below the post `tree_id`, and
its own id, each written with WIDTH characters of base 36. The order of the paths is therefore the order in which a
thread is read: each post before its replies, and replies from oldest to newest. The descendants of a post are one range
of the index (tree_id, tree_path), so reading a page of descendants costs the same in a small and in a large thread.

    post 5                 tree_id None, tree_path ""
    ├── post 7             tree_id 5,    tree_path "000007"
    │   └── post 9         tree_id 5,    tree_path "000007000009"
    └── post 8             tree_id 5,    tree_path "000008"

A path has at most MAX_LEVELS ids. A post with a full path starts a new tree: its replies have its id as `tree_id`, so a
thread can have any depth. A deleted post leaves its id in the paths of its descendants.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from sqlalchemy import Integer, ScalarSelect, Select, bindparam, func, select

from app.core.database import shared_alias
from app.extensions import db
from app.models import Post, User
from app.models.post import PATH_LENGTH
from app.queries import visibility

WIDTH = 6  # 36 ** 6 is larger than the largest id
MAX_LEVELS = PATH_LENGTH // WIDTH
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_AFTER_DIGITS = "~"  # is sorted after all digits
_PATH = re.compile(f"(?:[{_DIGITS}]{{{WIDTH}}}){{1,{MAX_LEVELS}}}")
# Created once, because creating an alias is slow.
_reply, _parent, _parent_author = shared_alias(Post), shared_alias(Post), shared_alias(User)


class Place(NamedTuple):
    """The place of the replies to a post: the id of the tree that contains them, and the prefix of their paths."""

    tree_id: int
    prefix: str


def place_of_replies(post: Post) -> Place:
    """Return the tree that contains the replies to a post, and the prefix of their paths."""
    if post.tree_id is None or len(post.tree_path) + WIDTH > PATH_LENGTH:
        return Place(post.id, "")
    return Place(post.tree_id, post.tree_path)


def segment(post_id: int) -> str:
    """Return the id of a post in the format of a path: WIDTH characters of base 36."""
    digits = ""
    while post_id:
        post_id, digit = divmod(post_id, 36)
        digits = _DIGITS[digit] + digits
    return digits.rjust(WIDTH, "0")


def ids_in(path: str) -> list[int]:
    """Return the post ids in a path, from the topmost ancestor down."""
    return [int(path[start : start + WIDTH], 36) for start in range(0, len(path), WIDTH)]


def is_path(text: str) -> bool:
    """Return whether `text` has the format of a `tree_path`."""
    return _PATH.fullmatch(text) is not None


def ancestor_ids(post: Post) -> list[int]:
    """Return the ids of the posts above a post in its tree, from the topmost down."""
    return [post.tree_id, *ids_in(post.tree_path)[:-1]] if post.tree_id is not None else []


def lock_parent(post_id: int) -> None:
    """Lock the post that a reply answers or a quote quotes, so that it can't be deleted until the commit.

    Call this before deleting the reply or quote `post_id`. It does nothing for other posts. Deleting the reply and
    deleting the post that it answers both update the counter of that post, and lock other rows. This lock prevents a
    deadlock of the two deletions.
    """
    points_to = func.coalesce(_reply.reply_to_id, _reply.quote_of_id)
    parent = select(points_to).where(_reply.id == post_id).scalar_subquery()
    db.session.execute(select(Post.id).where(Post.id == parent).with_for_update(read=True, key_share=True))


def below(posts: Select[Post]) -> Select[Post]:
    """Restrict the query `posts` to one page of the replies below a post, in the order of the thread.

    The values of the bind parameters come from `below_parameters`.
    """
    return (
        posts.where(
            Post.reply_to_id.is_not(None),
            Post.tree_id == bindparam("tree_id"),
            Post.tree_path > bindparam("start"),
            Post.tree_path < bindparam("end"),
        )
        .order_by(Post.tree_path)
        .limit(bindparam("with_next", type_=Integer))
    )


def below_parameters(place: Place, *, after: str, size: int) -> dict[str, Any]:
    """Return the values of the bind parameters of `below`, for a page of up to `size` + 1 replies.

    `place` is the place of the replies to the post (`place_of_replies`). `after` is the path of the last reply on the
    previous page, or "".
    """
    start, end = max(place.prefix, after), place.prefix + _AFTER_DIGITS
    return {"tree_id": place.tree_id, "start": start, "end": end, "with_next": size + 1}


def replied_to(viewer_id: Any) -> ScalarSelect[str]:
    """Return the username of the author of the post that a `Post` replies to, as a subquery.

    The value is NULL if the `Post` isn't a reply, or if the viewer can't see the post that it replies to.
    """
    return (
        select(_parent_author.username)
        .join(_parent, _parent.author_id == _parent_author.id)
        .where(_parent.id == Post.reply_to_id, visibility.post_is_visible(viewer_id, _parent, _parent_author))
        .correlate(Post)
        .scalar_subquery()
    )
