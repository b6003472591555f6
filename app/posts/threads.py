"""The page of a post in its thread: the posts above it, and a page of the replies below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, bindparam

from app.core.database import built_once
from app.extensions import db
from app.models import Post, User
from app.queries import threads, timelines

MAX_ANCESTORS = 20  # posts shown above a post
MAX_LEVEL = 4  # replies on deeper levels are not indented further


@dataclass(frozen=True)
class Item:
    """A post in a thread, or a placeholder for one that was deleted or is hidden from the viewer."""

    post: Post | None
    level: int = 0
    names_parent: bool = False  # the post that it replies to isn't the one above it, so the page names its author


@dataclass(frozen=True)
class Thread:
    """The posts around one post in its thread: the posts above it, and a page of the replies below it."""

    above: Sequence[Item] = ()
    earlier: int | None = None  # the id of a post above, whose page shows earlier posts
    replies: Sequence[Item] = ()
    after: str | None = None  # the cursor of the next page; None on the last page

    def posts(self) -> list[Post]:
        """Return all posts of the page, except the one that it is about."""
        return [item.post for item in (*self.above, *self.replies) if item.post is not None]


def around(viewer: User, post: Post, *, after: str, size: int) -> Thread:
    """Return the posts above a post, and up to `size` replies below it that follow the cursor `after`.

    `after` is the path of the last reply on the previous page, or "". Runs at most two queries.
    """
    above, earlier = _above(viewer, post)
    # Without a counter, the post never had a reply.
    found = _below(viewer, post, after, size) if post.reply_count is not None else []
    replies = _with_placeholders(post, found[:size], after)
    return Thread(above, earlier, replies, found[size - 1].tree_path if len(found) > size else None)


def _above(viewer: User, post: Post) -> tuple[list[Item], int | None]:
    ids = threads.ancestor_ids(post)
    if not ids:
        return [], None
    shown = ids[-MAX_ANCESTORS:]
    rows = db.session.scalars(_shown(), {"viewer_id": viewer.id, "post_ids": shown}).unique()
    found = {one.id: one for one in rows}
    items: list[Item] = []
    for post_id in shown:
        if post_id in found or not items or items[-1].post is not None:  # one placeholder for several posts
            items.append(Item(found.get(post_id)))
    first = next((item.post for item in items if item.post is not None), None)
    has_more = first is not None and (len(ids) > len(shown) or (first.id == ids[0] and first.reply_to_id is not None))
    return items, first.id if first is not None and has_more else None


def _below(viewer: User, post: Post, after: str, size: int) -> Sequence[Post]:
    values = threads.below_parameters(threads.place_of_replies(post), after=after, size=size)
    return db.session.scalars(_replies(), {"viewer_id": viewer.id, **values}).unique().all()


@built_once
def _shown() -> Select[Post]:
    return timelines.listed().where(Post.id.in_(bindparam("post_ids", expanding=True)))


@built_once
def _replies() -> Select[Post]:
    return threads.below(timelines.listed())


def _with_placeholders(post: Post, found: Sequence[Post], after: str) -> list[Item]:
    """Return items for the replies `found`.

    If the viewer can't see the post that a reply answers, a placeholder for that post is inserted before the first of
    its replies. `after` is the path of the last reply on the previous page, or "".
    """
    prefix = threads.place_of_replies(post).prefix
    shown = {post.id, *threads.ids_in(after)}
    items: list[Item] = []
    above = post.id  # the post that the previous item shows
    for reply in found:
        level = len(threads.ids_in(reply.tree_path.removeprefix(prefix))) - 1
        if reply.reply_to_id not in shown and reply.reply_to_id is not None:
            items.append(Item(None, min(max(level - 1, 0), MAX_LEVEL)))
            shown.add(reply.reply_to_id)
            above = reply.reply_to_id
        names_parent = reply.reply_to_id not in {above, post.id}
        items.append(Item(reply, min(level, MAX_LEVEL), names_parent))
        shown.add(reply.id)
        above = reply.id
    return items
