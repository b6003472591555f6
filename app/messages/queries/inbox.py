"""Queries for the inbox and for the list of message requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased, joinedload

from app.extensions import db
from app.models import Conversation, ConversationMember, Follow, MemberState, Message, MessageImage, User
from app.queries import members, relations, unread, visibility
from app.queries.relations import Relation

SCAN_LIMIT = 2000  # maximum number of users followed by the viewer that are checked for `SenderFacts.shared`


@dataclass(frozen=True)
class SenderFacts:
    """Facts about the sender of a message request that help the viewer to decide."""

    shared: int  # number of users who are followed by the viewer and follow the sender
    relation: Relation


@dataclass(frozen=True)
class Listed:
    """A conversation in a list, and its members except the viewer."""

    conversation: Conversation
    others: Sequence[User]

    @property
    def other(self) -> User | None:
        """The other user of a two-person conversation; None for a group or a deleted account."""
        return None if self.is_group or not self.others else self.others[0]

    @property
    def is_group(self) -> bool:
        """Whether the conversation is a group."""
        return self.conversation.is_group


@dataclass(frozen=True)
class InboxRow(Listed):
    """One conversation in the inbox."""

    mine: ConversationMember  # the viewer's membership
    newest: Message  # with its sender
    unread: int  # number of unread messages
    pictures: int  # number of images in the newest message
    folded: bool  # the viewer blocks the sender; in a group, the message is collapsed
    stranger: SenderFacts | None = None  # facts about the sender of a two-person request


@dataclass(frozen=True)
class Inbox:
    """A page of conversations, the argument `before` for the next page, and the number of pending requests."""

    rows: Sequence[InboxRow]
    older: int | None
    requests: int  # number of pending requests


def page(viewer: User, before: int | None, size: int, *, state: str = MemberState.ACCEPTED) -> Inbox:
    """Return a page of the conversations in which the viewer's membership has this `state`, latest message first.

    `before` is the id of the last message on the previous page. Runs two queries.
    """
    query = _conversations(viewer, state).order_by(ConversationMember.newest_message_id.desc()).limit(size + 1)
    if before is not None:
        query = query.where(ConversationMember.newest_message_id < before)
    found = db.session.execute(query).all()
    if not found:
        return Inbox([], None, unread.request_count(viewer.id))
    people = members.others_in(viewer.id, [row[0].id for row in found])
    rows = [
        InboxRow(conversation, people.get(conversation.id, []), mine, newest, fresh, pictures, folded)
        for conversation, mine, newest, fresh, pictures, folded, _requests in found
    ]
    return Inbox(rows[:size], rows[size - 1].newest.id if len(rows) > size else None, found[0][-1])


def requests_page(viewer: User, before: int | None, size: int, *, state: str = MemberState.REQUEST) -> Inbox:
    """Return a page of pending or declined message requests, with facts about their senders.

    `state` says which of the two. Runs at most three queries.
    """
    found = page(viewer, before, size, state=state)
    known = _sender_facts(viewer, [row.other.id for row in found.rows if row.other])
    rows = [replace(row, stranger=known.get(row.other.id) if row.other else None) for row in found.rows]
    return replace(found, rows=rows)


def _conversations(viewer: User, state: str) -> Select[Any]:
    """Select the viewer's conversations in which the membership has this `state`.

    The columns are the fields of InboxRow except `others` and `stranger`, and the viewer's number of pending requests.
    """
    mine = ConversationMember
    pictures = select(func.count()).where(MessageImage.message_id == Message.id).scalar_subquery()
    folded = visibility.is_blocking(viewer.id, Message.sender_id)
    requests = unread.request_count_of(viewer.id)
    query = (
        select(Conversation, mine, Message, unread.message_count_in(mine), pictures, folded, requests)
        .select_from(mine)
        .join(Conversation, Conversation.id == mine.conversation_id)
        .join(Message, Message.id == mine.newest_message_id)
        .where(mine.user_id == viewer.id, mine.state == state, mine.newest_message_id > 0)
        .options(joinedload(Message.sender))
    )
    return query if state == MemberState.ACCEPTED else query.where(unread.is_visible_request(mine))


def _sender_facts(viewer: User, user_ids: Sequence[int]) -> dict[int, SenderFacts]:
    """Return facts about users who sent message requests, by user id. Runs one query."""
    if not user_ids:
        return {}
    mine, theirs, friend = aliased(Follow), aliased(Follow), aliased(User)
    followed = select(mine.followed_id).where(mine.follower_id == viewer.id).limit(SCAN_LIMIT).subquery()
    shared = (
        select(func.count())
        .select_from(followed)
        .join(theirs, theirs.follower_id == followed.c.followed_id)
        .join(friend, friend.id == theirs.follower_id)
        .where(theirs.followed_id == User.id, visibility.is_visible(viewer.id, friend))
        .correlate(User)
        .scalar_subquery()
    )
    query = select(User.id, shared, *relations.columns(viewer.id, User.id)).where(User.id.in_(user_ids))
    return {row[0]: SenderFacts(row[1], Relation(*row[2:])) for row in db.session.execute(query)}
