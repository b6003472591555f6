"""Full-text search in the viewer's messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, String, literal, select
from sqlalchemy.orm import joinedload

from app.extensions import db
from app.lib.text.search import Term
from app.messages.queries.inbox import Listed
from app.messages.search_words import term_of
from app.models import Conversation, ConversationMember, MemberState, Message, User
from app.queries import members, visibility
from app.queries.search import matching


@dataclass(frozen=True)
class SearchResult(Listed):
    """A message that matches a search, and its conversation."""

    message: Message  # with its sender
    folded: bool  # the viewer blocks the sender of a message in a group, so the text is collapsed


def results_page(
    viewer: User, terms: Sequence[Term], before: int | None, size: int
) -> tuple[list[SearchResult], int | None]:
    """Return a page of the visible messages that match all terms, newest first, and the `before` of the next page.

    `terms` are the result of `query_terms`, and must not be empty. Runs two queries.
    """
    query = select_results(viewer, terms, before).limit(size + 1)
    found = db.session.execute(query).all()
    people = members.others_in(viewer.id, list({conversation.id for _message, conversation, _blocked in found}))
    rows = [
        SearchResult(conversation, people.get(conversation.id, []), message, blocked and conversation.is_group)
        for message, conversation, blocked in found[:size]
    ]
    return rows, rows[-1].message.id if len(found) > size else None


def select_results(
    viewer: User, terms: Sequence[Term], before: int | None = None
) -> Select[Message, Conversation, bool]:
    """Select the matching messages older than message `before`, newest first, and whether the viewer blocks the sender.

    The full-text index finds the messages that contain the viewer's token and all terms that are whole words. The token
    is a term that is stored only with messages in the viewer's conversations (search_words.py). So the cost depends on
    the number of the viewer's messages, not on the number of all messages.

    Terms that are prefixes only filter the messages found. They are not looked up in the index, because a prefix can
    match a large part of all words.
    """
    words = [term_of(viewer.id), *(term for term in terms if not term.prefix)]
    query, key = matching(_visible(viewer), Message, words)
    query = query.where(*(_has_prefix(term) for term in terms if term.prefix)).order_by(key.desc())
    return query if before is None else query.where(key < before)


def _visible(viewer: User) -> Select[Message, Conversation, bool]:
    mine = ConversationMember
    return (
        select(Message, Conversation, visibility.is_blocking(viewer.id, Message.sender_id))
        .join(Conversation, Conversation.id == Message.conversation_id)
        .join(mine, mine.conversation_id == Message.conversation_id)
        .where(mine.user_id == viewer.id, mine.state != MemberState.LEFT)
        .where(Message.kind == "text", Message.deleted_at.is_(None), visibility.message_is_shown(mine))
        .options(joinedload(Message.sender))
    )


def _has_prefix(term: Term) -> ColumnElement[bool]:
    """Return the condition that a word of the message starts with the term."""
    return (literal(" ", String) + Message.search_text).contains(f" {term.text}", autoescape=True)
