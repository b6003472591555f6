"""FormError: "the answer is no", with the fields that are the reason."""

from __future__ import annotations

from collections.abc import Mapping

from app.core.errors import ActionError, Sentence


class FormError(ActionError):
    """What was typed may not be used. `errors` has a whole sentence for each field at fault."""

    def __init__(self, errors: Mapping[str, Sentence]) -> None:
        super().__init__(next(iter(errors.values())))
        self.errors = errors
