"""The search text of a private message: its words, and one token for each member of the conversation.

A token is a private-use character followed by the user's id. It stands for a member at the time of sending. Texts and
queries can't contain tokens, because search removes private-use characters from both.

To search a user's messages, the full-text index looks up the user's token together with the words. The cost therefore
depends on the number of the user's messages, not of all messages. The token doesn't grant access: the query also checks
whether the user can see the message (app/queries/visibility.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from app.lib.text.search import Term, search_text

PERSON = "\ue000"  # U+E000, private use: app/lib/text/search.py keeps only letters, digits and emoji


def words_of(body: str, user_ids: Iterable[int]) -> str:
    """Return the search text of a message between these users."""
    people = " ".join(f"{PERSON}{user_id}" for user_id in sorted(user_ids))
    return f"{people} {search_text(body)}".strip()  # stripped: PostgreSQL rejects an empty word


def people_in(words: str) -> list[int]:
    """Return the user ids in the tokens of a message's search text."""
    return [int(word.removeprefix(PERSON)) for word in words.split() if word.startswith(PERSON)]


def term_of(user_id: int) -> Term:
    """Return the search term for a user's token, which matches only messages of their conversations."""
    return Term(f"{PERSON}{user_id}", prefix=False)
