"""ActionError: an action's way to say "the answer is no"."""

from __future__ import annotations

from typing import Protocol


class Sentence(Protocol):
    """Text, or a lazily translated text that becomes one in the reader's language."""

    def __str__(self) -> str: ...


class ActionError(Exception):
    """The rules say no. `message` is a whole sentence for the person; a route flashes it, an API maps it to 422."""

    def __init__(self, message: Sentence) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return str(self.message)
