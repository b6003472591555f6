"""Restrict routes to certain roles.

Members without the role get 404, not 403, so that they don't learn that the page exists.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask_login import login_required

from app.web import reauth
from app.web.viewer import require_role, viewer

View = Callable[..., Any]


def role_required(needed: str) -> Callable[[View], View]:
    """Return a decorator that allows only members with the role `needed` or a higher one. Visitors are asked to log in.

    If a member entered their password more than an hour ago, they are asked for it again. So a stolen session alone is
    not enough to moderate.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            require_role(needed)
            if not reauth.has_recent_proof(viewer(), reauth.MODERATION_MAX_AGE):
                return reauth.ask_for_password()
            return view(*args, **kwargs)

        guard: View = login_required(guarded)
        return guard

    return decorate
