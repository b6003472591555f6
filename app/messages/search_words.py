"""The words by which private messages are found, and by whom.

Beside the words of its text, a message's search text names the people who were in the conversation when it was sent,
each as a private-use character and their id: no text and no query can hold such a word. Searching one's own messages
is then one question to the index, and costs what one's own messages cost, however many others there are. It only
narrows: who may see a message is asked of the rows (app/queries/visibility.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from app.lib.text.search import Term, search_text

PERSON = "\ue000"  # U+E000, for private use: app/lib/text/search.py keeps letters, digits and emoji only


def words_of(body: str, user_ids: Iterable[int]) -> str:
    """The search text of a message to and from these people."""
    people = " ".join(f"{PERSON}{user_id}" for user_id in sorted(user_ids))
    return f"{people} {search_text(body)}".strip()  # a text without words adds none: PostgreSQL takes no empty ones


def people_in(words: str) -> list[int]:
    """The people whom a message's search text names."""
    return [int(word.removeprefix(PERSON)) for word in words.split() if word.startswith(PERSON)]


def term_of(user_id: int) -> Term:
    """The term that only messages of this person's conversations have."""
    return Term(f"{PERSON}{user_id}", prefix=False)
