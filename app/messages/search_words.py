"""The search text of a private message: its words, and one token for each user in the conversation when it was sent.

A token is the private-use character U+E000 followed by a user's id. Users can't type a token into a message or a query,
because `search_text` and `query_terms` keep only letters, digits and emoji.

To search a user's messages, the query looks up their token and the words together in the full-text index. So the cost
depends only on the number of the user's own messages. The token only narrows the search: the membership rows decide
about access (app/queries/visibility.py).
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
