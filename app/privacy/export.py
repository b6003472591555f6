"""The privacy part of a data export: privacy settings, blocks, and mutes of people and threads."""

from __future__ import annotations

from collections.abc import Iterator

from flask import current_app
from sqlalchemy import select

from app.core.exports import Part, Piece, register, to_json
from app.extensions import db
from app.models import Block, Mute, ThreadMute, User


def pieces(owner_id: int) -> Iterator[Piece]:
    """Yield the user's privacy settings, blocks and mutes as a single piece of JSON.

    A user creates blocks and mutes one by one, so there are few enough to keep all of them in memory.
    """
    owner = db.session.get_one(User, owner_id)
    blocks = select(User.username, Block.created_at).join(Block, Block.blocked_id == User.id)
    mutes = select(User.username, Mute.created_at, Mute.until).join(Mute, Mute.muted_id == User.id)
    threads = select(ThreadMute.root_id, ThreadMute.created_at).where(ThreadMute.user_id == owner_id)
    chosen = {
        "message_privacy": owner.message_privacy,
        "post_visibility": owner.post_visibility or current_app.config["POST_VISIBILITY"],
        "reading_languages": owner.reading_languages.split(",") if owner.reading_languages else [],
        "receipts": owner.receipts,
        "show_last_seen": owner.show_last_seen,
        "blocks": [
            {"username": username, "since": since.isoformat()}
            for username, since in db.session.execute(blocks.where(Block.blocker_id == owner_id).order_by(User.id))
        ],
        "mutes": [
            {"username": username, "since": since.isoformat(), "until": until.isoformat() if until else None}
            for username, since, until in db.session.execute(mutes.where(Mute.muter_id == owner_id).order_by(User.id))
        ],
        "muted_threads": [
            {"post_id": post_id, "since": since.isoformat()}
            for post_id, since in db.session.execute(threads.order_by(ThreadMute.root_id))
        ],
    }
    yield Piece(to_json(chosen))


register(Part("privacy", pieces))
