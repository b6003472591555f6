"""Pages that only some roles have. For everybody else there is nothing there: 404, not 403."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import abort
from flask_login import login_required

from app.core import roles
from app.web import reauth
from app.web.viewer import viewer

View = Callable[..., Any]


def role_required(needed: str) -> Callable[[View], View]:
    """Let only people of this role or a higher one in; visitors are asked to log in.

    Whoever has not proved the password for an hour is asked for it, so a stolen session alone does not moderate.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not roles.is_at_least(viewer().role, needed):
                abort(404)
            if not reauth.has_recent_proof(viewer(), reauth.MODERATING):
                return reauth.ask()
            return view(*args, **kwargs)

        guard: View = login_required(guarded)
        return guard

    return decorate
