"""The errors that an action raises to reject a request."""

from __future__ import annotations

from typing import Protocol


class Sentence(Protocol):
    """A str, or a lazy translation, which `str()` translates into the reader's language."""

    def __str__(self) -> str: ...


class ActionError(Exception):
    """Raised by an action to reject the user's request. `message` is a complete sentence for the user.

    Routes show the message as a flash message; JSON endpoints return it with status 422.
    """

    def __init__(self, message: Sentence) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return str(self.message)


class LoginEnded(Exception):
    """Raised in a write transaction if the login of the request has ended since the start of the request.

    `write_transaction()` in app/web/viewer.py catches this. The user then gets the same response as a visitor.
    """
