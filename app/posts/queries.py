"""Queries that only the posts feature uses: pages of posts, followers to notify, and the items in a data export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Row, ScalarSelect, Select, exists, func, select, union
from sqlalchemy.orm import joinedload

from app.core.database import built_once
from app.extensions import db
from app.models import (
    Activity,
    Follow,
    Job,
    Notification,
    Post,
    PostBookmark,
    PostDraft,
    PostImage,
    PostLike,
    PostPin,
    PostPoll,
    PostPollVote,
    PostRepost,
    PostRevision,
    ScheduledPost,
    User,
)
from app.models.post import OPEN
from app.posts.languages import by_use
from app.queries import home as home_timeline
from app.queries import quotes, reactions, timelines, visibility
from app.queries.reposts import Entry, entry

MAX_NEW_POSTS = 50  # the highest number of new posts that an open page shows; above it, "more than 50"
Reaction = PostLike | PostBookmark | PostPin | PostRepost


class Exported(NamedTuple):
    """A post as the data export needs it. The fields are columns of Post."""

    id: int
    body: str
    language: str
    visibility: str
    warning: str
    created_at: datetime
    reply_to_id: int | None
    edited_at: datetime | None
    has_images: bool
    quote_of_id: int | None


def home(viewer: User, *, before: int | None, size: int) -> tuple[Sequence[Entry], list[str]]:
    """Return up to `size` + 1 entries of the viewer's home timeline at places below `before`, newest first.

    If there are `size` + 1 entries, there is another page. Also return the languages of the viewer's latest posts, most
    used first. Both come from one query.
    """
    rows = db.session.execute(_home(), timelines.page_parameters(viewer, before=before, size=size)).unique().all()
    found = [entry(row) for row in rows]
    quotes.load(viewer, [one.post for one in found])
    return found, by_use(rows[0][-1]) if rows else []


@dataclass(frozen=True)
class WithLanguages:
    """A post, and the languages of the viewer's latest posts, most used first. Both come from one query."""

    post: Post
    languages: list[str]
    draft_key: str = ""  # of the viewer's draft of a reply to the post; "" if there is none


def one(viewer: User, post_id: int) -> WithLanguages | None:
    """Return the post with this id; None if the post doesn't exist or if the viewer can't see it."""
    row = db.session.execute(_one(), {"viewer_id": viewer.id, "post_id": post_id}).unique().one_or_none()
    return WithLanguages(row[0], by_use(row[1]), row[2] or "") if row else None


def lock_visible(viewer: User, post_id: int) -> int | None:
    """Lock a post, so that it can't be deleted until the commit.

    Return the id of its author, or None if the viewer can't see the post.
    """
    return db.session.scalar(_locked(), {"viewer_id": viewer.id, "post_id": post_id})


def lock_own(author: User, post_id: int) -> str | None:
    """Lock a post of this author, so that it can't be deleted until the commit.

    Return its visibility level, or None if the author has no such post.
    """
    own = select(Post.visibility).where(Post.id == post_id, Post.author_id == author.id)
    return db.session.scalar(own.with_for_update(read=True, key_share=True))


def lock_any(viewer: User, post_id: int) -> tuple[int, bool]:
    """Lock a post, so that it can't be deleted until the commit, even if the viewer can't see it.

    Return the id of its author, and whether the viewer can see the post; (0, False) if the post doesn't exist.
    """
    found = db.session.execute(_locked_any(), {"viewer_id": viewer.id, "post_id": post_id}).one_or_none()
    return (found[0], bool(found[1])) if found else (0, False)


def lock_open(viewer: User, post_id: int) -> int | None:
    """Lock a post, so that it can't be deleted until the commit.

    Return the id of its author, or None if the viewer can't see the post, or if not all members can see it.
    """
    return db.session.scalar(_locked_open(), {"viewer_id": viewer.id, "post_id": post_id})


def like_count(viewer: User, post_id: int) -> int:
    """Return the number of likes of a post, without likes by users who are hidden from the viewer."""
    return db.session.scalar(_like_count(), {"viewer_id": viewer.id, "post_id": post_id}) or 0


def repost_count(viewer: User, post_id: int) -> int:
    """Return the number of reposts of a post, without reposts by users who are hidden from the viewer."""
    return db.session.scalar(_repost_count(), {"viewer_id": viewer.id, "post_id": post_id}) or 0


def reacted_to(
    viewer: User, model: type[PostLike] | type[PostBookmark], *, before: int | None, size: int
) -> Sequence[tuple[Post, int]]:
    """Return up to `size` + 1 posts that the viewer likes or has bookmarked, each with the id of the like or bookmark.

    `model` is PostLike or PostBookmark. The latest like or bookmark comes first. Only likes or bookmarks with ids below
    `before` are included. Posts that the viewer can't see are left out.
    """
    values = timelines.page_parameters(viewer, before=before, size=size)
    rows: Sequence[Any] = db.session.execute(_REACTED_TO[model](), values).unique().all()
    quotes.load(viewer, [post for post, _key in rows])
    return rows


def reactions_to_export(owner_id: int, model: type[Reaction], size: int) -> Iterator[Sequence[Any]]:
    """Yield a user's reactions of one kind as (id, post id, time), oldest first, in lists of up to `size`."""
    after = 0
    while True:
        query = select(model.id, model.post_id, model.created_at).where(model.user_id == owner_id, model.id > after)
        batch = db.session.execute(query.order_by(model.id).limit(size)).all()
        if not batch:
            return
        yield batch
        after = batch[-1][0]


def polls_to_export(post_ids: Sequence[int]) -> dict[int, PostPoll]:
    """Return the polls of these posts by post id, with their options."""
    found = select(PostPoll).where(PostPoll.post_id.in_(post_ids)).options(joinedload(PostPoll.options))
    return {poll.post_id: poll for poll in db.session.scalars(found).unique()}


def votes_to_export(owner_id: int, size: int) -> Iterator[Sequence[Any]]:
    """Yield a user's votes in polls as (id, post id, choices, time), oldest first, in lists of up to `size`."""
    after, vote = 0, PostPollVote
    while True:
        columns = (vote.id, vote.post_id, vote.choices, vote.created_at)
        query = select(*columns).where(vote.user_id == owner_id, vote.id > after).order_by(vote.id).limit(size)
        batch = db.session.execute(query).all()
        if not batch:
            return
        yield batch
        after = batch[-1][0]


def new_post_count(viewer: User, after: int) -> tuple[int, bool]:
    """Count the posts on the viewer's home timeline at places above `after`, up to MAX_NEW_POSTS.

    Also return whether there may be more. Only as many reposts as posts are read. So if several people reposted the
    same posts, a number below MAX_NEW_POSTS may be too low.
    """
    values = {"viewer_id": viewer.id, "after": after, "most": MAX_NEW_POSTS + 1}
    posts, entries = db.session.execute(_count_newer(), values).one()
    return min(posts, MAX_NEW_POSTS), entries > MAX_NEW_POSTS


def newest_of(author_id: int) -> int:
    """Return the place of an author's newest post or repost on home timelines, or 0 if there is none.

    Replies, and posts only for mentioned people, are ignored.
    """
    written = select(func.max(Post.id)).where(Post.author_id == author_id, *home_timeline.on_home(Post))
    reposted = select(func.max(PostRepost.id)).where(PostRepost.user_id == author_id)
    newest = db.session.execute(select(written.scalar_subquery(), reposted.scalar_subquery())).one()
    return max(place or 0 for place in newest)


def newest_published(user_id: int) -> int:
    """Return the newest post id that `actions.publish_timeline` has published to a member, or 0 if there is none."""
    told = select(Notification.data).where(Notification.user_id == user_id, Notification.name == "timeline")
    return int((db.session.scalar(told) or {}).get("newest_post_id", 0))


def readers_in_batches(author_id: int, size: int) -> Iterator[Sequence[int]]:
    """Yield the ids of the users to notify of an author's new post, in lists of up to `size`.

    The first list contains only the author's id. The other lists contain the followers' ids in ascending order.
    Followers who mute the author are left out. So are followers who block the author or whom the author blocks.
    """
    yield [author_id]
    after = 0
    while True:
        heard = visibility.is_not_muted_or_blocked(Follow.follower_id, author_id)
        query = select(Follow.follower_id).where(Follow.followed_id == author_id, Follow.follower_id > after, heard)
        batch = db.session.scalars(query.order_by(Follow.follower_id).limit(size)).all()
        if not batch:
            return
        yield batch
        after = batch[-1]


def fans_in_batches(post_id: int, subject: str, size: int) -> Iterator[Sequence[int]]:
    """Yield the ids of the people who like or reposted a post, in ascending order, in lists of up to `size`.

    People who already have the event "edit" with this subject are left out. So are people who can't see the post, or
    who mute its author.
    """
    after = 0
    fan = User.id
    told = exists().where(Activity.user_id == fan, Activity.kind == "edit", Activity.subject == subject)
    can_see = visibility.level_includes(fan) & visibility.is_not_muted_or_blocked(fan, Post.author_id)
    fans = select(fan).join(Post, Post.id == post_id).where(fan != Post.author_id, User.active, can_see, ~told)
    while True:
        reacted = db.session.scalars(_reacted_after(post_id, after, size)).all()
        if not reacted:
            return
        yield db.session.scalars(fans.where(fan.in_(reacted)).order_by(fan)).all()
        after = reacted[-1]


def _reacted_after(post_id: int, after: int, size: int) -> Select[int]:
    """Select the next `size` ids above `after` of the people who like or reposted a post.

    Each of the two tables is read for `size` rows only, so that reading all batches takes linear time.
    """

    def of(model: type[PostLike] | type[PostRepost]) -> Select[int]:
        rows = select(model.user_id).where(model.post_id == post_id, model.user_id > after)
        return select(rows.order_by(model.user_id).limit(size).subquery().c.user_id)

    both = union(of(PostLike), of(PostRepost)).subquery()
    return select(both.c.user_id).order_by(both.c.user_id).limit(size)


# Built once, because building them takes longer than running them.
@built_once
def _locked() -> Select[int]:
    this = (Post.id == timelines.POST_ID, visibility.post_is_visible(timelines.VIEWER_ID))
    return select(Post.author_id).join(Post.author).where(*this).with_for_update(read=True, key_share=True, of=Post)


@built_once
def _locked_open() -> Select[int]:
    return _locked().where(Post.visibility.in_(OPEN))


@built_once
def _locked_any() -> Select[int, bool]:
    columns = (Post.author_id, visibility.post_is_visible(timelines.VIEWER_ID))
    this = select(*columns).join(Post.author).where(Post.id == timelines.POST_ID)
    return this.with_for_update(read=True, key_share=True, of=Post)


@built_once
def _like_count() -> Select[int]:
    return select(reactions.like_count(timelines.VIEWER_ID)).select_from(Post).where(Post.id == timelines.POST_ID)


@built_once
def _repost_count() -> Select[int]:
    return select(reactions.repost_count(timelines.VIEWER_ID)).select_from(Post).where(Post.id == timelines.POST_ID)


@built_once
def _home() -> Select[Any]:
    return home_timeline.home().add_columns(timelines.recent_languages(timelines.VIEWER_ID))


@built_once
def _one() -> Select[Any]:
    columns = (timelines.recent_languages(timelines.VIEWER_ID), _draft_of_reply())
    return quotes.post_with_count().add_columns(*columns)


def _draft_of_reply() -> ScalarSelect[str]:
    """Return a scalar subquery: the form key of the viewer's newest draft of a reply to the `Post`."""
    mine = (PostDraft.user_id == timelines.VIEWER_ID, PostDraft.reply_to_id == Post.id)
    newest = select(PostDraft.form_key).where(*mine).order_by(PostDraft.saved_at.desc()).limit(1)
    return newest.correlate(Post).scalar_subquery()


def _reacted_to(model: Any) -> Select[Any]:
    found: Select[Any] = timelines.visible().join(model, model.post_id == Post.id).add_columns(model.id)
    found = found.where(model.user_id == timelines.VIEWER_ID, model.id < timelines.BEFORE)
    return found.order_by(model.id.desc()).limit(timelines.WITH_NEXT)


_REACTED_TO = {model: built_once(partial(_reacted_to, model)) for model in (PostLike, PostBookmark)}


@built_once
def _count_newer() -> Select[int, int]:
    return home_timeline.count_newer()


def to_export(author_id: int) -> tuple[int, int]:
    """Return the number of an author's posts, and the id of the newest post; the id is 0 if there is none."""
    count, newest = db.session.execute(
        select(func.count(Post.id), func.max(Post.id)).where(Post.author_id == author_id)
    ).one()
    return count, newest or 0


def in_batches(author_id: int, newest: int, size: int) -> Iterator[Sequence[Exported]]:
    """Yield an author's posts up to id `newest`, oldest first, in lists of up to `size`, to limit memory use."""
    after = 0
    while True:
        query = (
            select(*(getattr(Post, name) for name in Exported._fields))
            .where(Post.author_id == author_id, Post.id > after, Post.id <= newest)
            .order_by(Post.id)
            .limit(size)
        )
        batch = [Exported(*row) for row in db.session.execute(query)]
        if not batch:
            return
        yield batch
        after = batch[-1].id


def revisions_of(post_ids: Sequence[int]) -> Sequence[PostRevision]:
    """Return the earlier versions of these posts, oldest first."""
    query = select(PostRevision).where(PostRevision.post_id.in_(post_ids))
    return db.session.scalars(query.order_by(PostRevision.post_id, PostRevision.number)).all() if post_ids else []


def images_to_export(post_ids: Sequence[int]) -> Sequence[PostImage]:
    """Return the images of these posts, in the order of the posts and of their images."""
    query = select(PostImage).where(PostImage.post_id.in_(post_ids))
    return db.session.scalars(query.order_by(PostImage.post_id, PostImage.position)).all() if post_ids else []


def drafts(author_id: int) -> Sequence[tuple[str, str, str, str]]:
    """Return (body, language, visibility, warning) of each post draft of an author, newest first."""
    columns = (PostDraft.body, PostDraft.language, PostDraft.visibility, PostDraft.warning)
    query = select(*columns).where(PostDraft.user_id == author_id, PostDraft.body != "")
    rows: Sequence[Any] = db.session.execute(query.order_by(PostDraft.saved_at.desc())).all()
    return rows


def scheduled(author_id: int) -> Sequence[ScheduledPost]:
    """Return the scheduled posts of an author, the next one first."""
    mine = select(ScheduledPost).where(ScheduledPost.author_id == author_id)
    return db.session.scalars(mine.order_by(ScheduledPost.publish_at, ScheduledPost.id)).all()


def scheduled_post(author_id: int, scheduled_id: int) -> ScheduledPost | None:
    """Return a scheduled post, or None if the author has none with this id."""
    this = (ScheduledPost.id == scheduled_id, ScheduledPost.author_id == author_id)
    return db.session.scalar(select(ScheduledPost).where(*this))


def overdue(since: datetime, most: int, *, job: str) -> Sequence[Row[int, datetime, bool]]:
    """Return up to `most` scheduled posts that should have been published before `since`.

    The columns are the id, the time, and whether its job has failed for good since that time. `job` is the name of the
    jobs that publish them.
    """
    late = (ScheduledPost.publish_at < since, ScheduledPost.refusal == "")
    its_job = (Job.name == job, Job.args["scheduled_id"].as_integer() == ScheduledPost.id)
    has_failed = exists().where(*its_job, Job.state == "failed", Job.queued_at >= ScheduledPost.publish_at)
    return db.session.execute(
        select(ScheduledPost.id, ScheduledPost.publish_at, has_failed)
        .where(*late)
        .order_by(ScheduledPost.publish_at)
        .limit(most)
    ).all()
