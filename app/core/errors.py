"""The error that an action raises when a rule refuses the request."""

from __future__ import annotations

from typing import Protocol


class Sentence(Protocol):
    """A str, or a lazily translated text that becomes one in the reader's language."""

    def __str__(self) -> str: ...


class ActionError(Exception):
    """A refusal by a rule. `message` is a full sentence for the user: routes flash it, an API maps it to 422."""

    def __init__(self, message: Sentence) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return str(self.message)
