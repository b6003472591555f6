"""FormError: an ActionError that names the form fields at fault."""

from __future__ import annotations

from collections.abc import Mapping

from app.core.errors import ActionError, Sentence


class FormError(ActionError):
    """The input cannot be used. `errors` has a whole sentence for each invalid field."""

    def __init__(self, errors: Mapping[str, Sentence]) -> None:
        super().__init__(next(iter(errors.values())))
        self.errors = errors
