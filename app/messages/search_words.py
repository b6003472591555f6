"""The search text of private messages: their words and their members.

Besides the words of its text, a message's search text contains one token for each member at the time of sending: a
private-use character and the user's id. No text and no query can contain such a token. A search in one's own messages
is therefore a single index lookup, and its cost depends only on the number of one's own messages. The token only
narrows the search: access is decided by the rows (app/queries/visibility.py).
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
    """Return the ids of the users in a message's search text."""
    return [int(word.removeprefix(PERSON)) for word in words.split() if word.startswith(PERSON)]


def term_of(user_id: int) -> Term:
    """Return the term that matches only messages of this user's conversations."""
    return Term(f"{PERSON}{user_id}", prefix=False)
