"""Jobs in a member's words: what each kind of task is called, and how its end is told. A task is one entry here."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.errors import Sentence
from app.core.i18n import _l


@dataclass(frozen=True)
class TaskWords:
    """The words for one kind of job."""

    title: Sentence
    done: Sentence
    failed: Sentence


_WORDS = {
    "posts.export": TaskWords(
        title=_l("Export of your posts and messages"),
        done=_l("Your export of posts and messages is ready"),
        failed=_l("Your export of posts and messages failed"),
    ),
}
_OTHER = TaskWords(
    title=_l("Background task"),
    done=_l("A background task of yours is done"),
    failed=_l("A background task of yours failed"),
)


def task_words(name: str) -> TaskWords:
    """The words for the job of that name; general ones for a kind without words of its own."""
    return _WORDS.get(name, _OTHER)
