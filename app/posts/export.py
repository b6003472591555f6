"""Write the file of a member's data export.

Each feature registers its parts of the export. This module registers the posts, drafts of posts, likes, bookmarks,
pins, reposts, and votes in polls. The file is written in pieces, so that a large export doesn't need much memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

from app import mailer
from app.core.database import end_read_transaction
from app.core.exports import Part, Piece, as_list, parts, register, to_json
from app.core.time import now
from app.models import PostBookmark, PostLike, PostPin, PostPoll, PostRepost, User
from app.models.post_poll import MAX_OPTIONS
from app.posts import queries
from app.posts.queries import Exported, Reaction

BATCH = 1_000  # posts or reactions in memory at a time
REPORT_EVERY = 0.5  # seconds


class Progress:
    """Reports the progress of a job in percent, only when it has increased and at most every REPORT_EVERY seconds."""

    def __init__(self, total: int, report: Callable[[int], None]) -> None:
        self._total = total
        self._report = report
        self._told = 0
        self._told_at = time.monotonic()

    def reached(self, done: int) -> None:
        """Report the progress after `done` items: at most 99 %, because 100 % means that the job has ended."""
        percent = min(99, done * 100 // max(1, self._total))
        moment = time.monotonic()
        if percent > self._told and moment - self._told_at >= REPORT_EVERY:
            self._report(percent)
            self._told, self._told_at = percent, moment


def write(owner: User, stream: BinaryIO, report: Callable[[int], None]) -> dict[str, int]:
    """Write the data of `owner` to `stream` as one JSON object. Return the number of items by kind.

    `report` is called with the progress in percent. The read transaction ends after each batch, because a long
    transaction would prevent the database from removing old row versions.
    """
    owner_id, head = owner.id, {"username": owner.username, "exported_at": now().isoformat()}
    progress, done = Progress(sum(part.count(owner_id) for part in parts()), report), 0
    held = {part.things: 0 for part in parts() if part.things}
    stream.write(to_json(head)[:-1])
    for part in parts():
        stream.write(b",\n" + to_json(part.key) + b": ")
        for piece in part.pieces(owner_id):
            end_read_transaction()
            stream.write(piece.text)
            done += piece.things
            progress.reached(done)
            if part.things:
                held[part.things] += piece.things
    stream.write(b"\n}\n")
    return held


def _posts(owner_id: int) -> Iterator[Piece]:
    newest = queries.to_export(owner_id)[1]
    return as_list(_with_rows(batch) for batch in queries.in_batches(owner_id, newest, BATCH))


def _poll(poll: PostPoll) -> dict[str, Any]:
    return {
        "is_multiple": poll.is_multiple,
        "ends_at": poll.ends_at.isoformat(),
        "voters": poll.voters,
        "options": [{"text": option.text, "votes": option.votes} for option in poll.options],
    }


def _votes(owner_id: int) -> Iterator[Piece]:
    batches = queries.votes_to_export(owner_id, BATCH)
    return as_list(
        [{"post": row[1], "options": _numbers(row[2]), "created_at": row[3].isoformat()} for row in batch]
        for batch in batches
    )


def _numbers(choices: int) -> list[int]:
    """Return the numbers of the chosen options, from 1. `choices` are those of `PostPollVote`."""
    return [position + 1 for position in range(MAX_OPTIONS) if choices >> position & 1]


def _with_rows(batch: Sequence[Exported]) -> list[dict[str, Any]]:
    """Return the posts of a batch, with their images, polls, and earlier versions, oldest first."""
    posts = {row.id: _post(row) for row in batch}
    for image in queries.images_to_export([row.id for row in batch if row.has_images]):
        described = {"alt": image.alt, "url": mailer.site_url("posts.picture", image_id=image.id)}
        posts[image.post_id].setdefault("images", []).append(described)
    for version in queries.revisions_of([identity for identity, post in posts.items() if "edited_at" in post]):
        revision = {
            "body": version.body,
            "language": version.language,
            "warning": version.warning,
            "created_at": version.created_at.isoformat(),
        }
        posts[version.post_id].setdefault("revisions", []).append(revision)
    for post_id, poll in queries.polls_to_export(list(posts)).items():
        posts[post_id]["poll"] = _poll(poll)
    return list(posts.values())


def _post(row: Exported) -> dict[str, Any]:
    post: dict[str, Any] = {
        "id": row.id,
        "body": row.body,
        "language": row.language,
        "visibility": row.visibility,
        "warning": row.warning,
        "created_at": row.created_at.isoformat(),
    }
    if row.reply_to_id is not None:
        post["reply_to"] = row.reply_to_id
    if row.quote_of_id is not None:
        post["quote_of"] = row.quote_of_id
    if row.edited_at is not None:
        post["edited_at"] = row.edited_at.isoformat()
    return post


def _drafts(owner_id: int) -> Iterator[Piece]:
    rows = queries.drafts(owner_id)
    keys = ("body", "language", "visibility", "warning")
    yield Piece(to_json([dict(zip(keys, row, strict=True)) for row in rows]))


def _scheduled(owner_id: int) -> Iterator[Piece]:
    keys = ("body", "language", "visibility", "warning")
    rows = queries.scheduled(owner_id)
    values = [{key: getattr(row, key) for key in keys} | {"publish_at": row.publish_at.isoformat()} for row in rows]
    yield Piece(to_json(values))


def _reactions(model: type[Reaction]) -> Callable[[int], Iterator[Piece]]:
    def pieces(owner_id: int) -> Iterator[Piece]:
        batches = queries.reactions_to_export(owner_id, model, BATCH)
        return as_list([{"post": row[1], "created_at": row[2].isoformat()} for row in batch] for batch in batches)

    return pieces


register(Part("bookmarks", _reactions(PostBookmark)))
register(Part("likes", _reactions(PostLike)))
register(Part("pins", _reactions(PostPin)))
register(Part("poll_votes", _votes))
register(Part("post_drafts", _drafts))
register(Part("posts", _posts, lambda owner_id: queries.to_export(owner_id)[0], things="posts"))
register(Part("reposts", _reactions(PostRepost)))
register(Part("scheduled_posts", _scheduled))
