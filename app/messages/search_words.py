"""The search text of a private message: its words, and a token for each member at the time of sending.

A token is the private-use character U+E000 followed by a user's id. Users can't type a token into a message or a query,
because `search_text` and `query_terms` keep only letters, digits and emoji.

A search in a user's messages looks up the user's token together with the words in the full-text index. So the cost
depends on the number of the user's messages, not on the number of all messages. Tokens are not used for access control:
the query also checks the membership (app/queries/visibility.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from app.lib.text.search import Term, search_text

PERSON = "\ue000"  # U+E000, private use: app/lib/text/search.py keeps only letters, digits and emoji


def words_of(body: str, user_ids: Iterable[int]) -> str:
    """Return the search text of a message. `user_ids` are the members of the conversation."""
    people = " ".join(f"{PERSON}{user_id}" for user_id in sorted(user_ids))
    return f"{people} {search_text(body)}".strip()  # stripped: PostgreSQL rejects an empty word


def people_in(words: str) -> list[int]:
    """Return the user ids in the tokens of a message's search text."""
    return [int(word.removeprefix(PERSON)) for word in words.split() if word.startswith(PERSON)]


def term_of(user_id: int) -> Term:
    """Return the search term for a user's token. It matches only messages of the user's conversations."""
    return Term(f"{PERSON}{user_id}", prefix=False)
