"""FormError: an ActionError with a message for each invalid form field."""

from __future__ import annotations

from collections.abc import Mapping

from app.core.exceptions import ActionError, Sentence


class FormError(ActionError):
    """Raised for invalid form input. `errors` maps the names of invalid fields to sentences for the user."""

    def __init__(self, errors: Mapping[str, Sentence]) -> None:
        super().__init__(next(iter(errors.values())))
        self.errors = errors
