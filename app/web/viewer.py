"""The viewer: the logged-in user who sent the request. This module also stores when users were last seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from flask import Flask, Response, abort, current_app, flash, g, jsonify, redirect, request, url_for
from flask_login import current_user
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError, NoResultFound, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import Unauthorized
from werkzeug.wrappers import Response as BaseResponse

from app.core import database, roles
from app.core.database import set_read_mode, write_in_separate_transaction
from app.core.exceptions import LoginEnded
from app.core.i18n import _
from app.core.time import now
from app.extensions import login
from app.models import LoginSession, User
from app.queries import people
from app.web.responses import here, wants_json

LAST_SEEN_INTERVAL = timedelta(minutes=5)  # minimum time between two updates of `last_seen`
BACKGROUND_PATHS = frozenset({None, "polling.poll", "posts.news"})  # requests of these endpoints don't update last_seen
View = TypeVar("View", bound=Callable[..., Any])
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def viewer() -> User:
    """Return the logged-in user. Raise LookupError if nobody is logged in: the route then lacks @login_required."""
    user = viewer_or_none()
    if user is None:
        raise LookupError("nobody is logged in")
    return user


def viewer_or_none() -> User | None:
    """Return the logged-in user, or None for a visitor."""
    user = current_user._get_current_object()
    return user if isinstance(user, User) else None


def visit() -> people.Visit | None:
    """Return the data that was loaded together with the viewer, such as the badge counts; None if logged out."""
    return g.get("visit") if viewer_or_none() else None


def init_app(app: Flask) -> None:
    """Set up Flask-Login. After each request, except background requests such as polls, update `last_seen`."""
    login.init_app(app)
    login.login_view = "accounts.login"
    login.session_protection = None  # its fingerprint would log users out when their IP address changes

    @app.after_request
    def keep_last_seen(response: Response) -> Response:
        if request.endpoint not in BACKGROUND_PATHS:
            _keep_last_seen()
        return response


def choose_mode() -> None:
    """Set the transaction mode of the request, read mode or write mode.

    Read mode is for GET requests, for views with `writes_late`, and for unknown URLs. This function must run before all
    other code that uses the database.
    """
    view = current_app.view_functions.get(request.endpoint or "")
    set_read_mode(view is None or request.method in SAFE_METHODS or hasattr(view, "writes_late"))


def writes_late(view: View) -> View:
    """Run a view for POST requests in read mode. Use this as a decorator.

    The view must write in a `write_transaction()` block. SQLite's write lock is then held only during this block. The
    slow work is done without the lock: loading the session, checking access, validating the form, decoding images, and
    showing a refused form again.

    The block checks again that the viewer is logged in. Other data can also have changed before the block, so the code
    in the block must check it again.
    """
    view.writes_late = True  # type: ignore[attr-defined]  # decorators above copy this attribute
    return view


@contextmanager
def write_transaction(*, check: bool = True) -> Iterator[None]:
    """Run the `with` block of a view in a write transaction, after checking the viewer's login and role again.

    Both may have changed since the start of the request. If the login has ended, for example because the account was
    suspended, the response is the same as for a visitor. If the viewer no longer has the role that `role_required`
    demands, the response is 404. It is also 404 if a row that the block needs was deleted during the request.

    With `check=False`, nothing is checked. The action must then check the login in its own statement, and raise
    LoginEnded if the login has ended.

    The check doesn't lock the login. So on PostgreSQL, the login can end between the check and the commit. This is the
    same as if the request had come a little earlier. With a lock, two admins who suspend each other would cause a
    deadlock.
    """
    try:
        with database.write_transaction():
            if check:
                _check_viewer()
            yield
    except LoginEnded:
        _forget_viewer()
        abort(ask_to_log_in())
    except (IntegrityError, NoResultFound) as error:
        if not database.is_missing_row(error):
            raise
        current_app.logger.warning("a row was deleted during the request", exc_info=True)
        abort(404)


def require_role(needed: str) -> None:
    """Respond with 404 if the viewer lacks the role `needed`.

    Each later write transaction of this request checks the role again.
    """
    g.needed_role = needed
    _check_role(viewer().role)


def _check_viewer() -> None:
    found = visit()
    role = people.role_of_login(found.login_id) if found else None
    if role is None:
        raise LoginEnded
    _check_role(role)


def _check_role(role: str) -> None:
    if "needed_role" in g and not roles.is_at_least(role, g.needed_role):
        abort(404)


def _forget_viewer() -> None:
    """Forget the viewer: the rest of the request is handled as a visitor's request."""
    g.pop("visit", None)
    g._login_user = login.anonymous_user()


@login.user_loader
def load(login_id: str) -> User | None:
    """Return the user of a login, or None if the login has ended.

    Flask-Login calls this with the login's id from the session cookie. The query also loads the data that every page
    shows, such as the badge counts.
    """
    found = people.visit(login_id)
    if found is None:
        return None
    g.visit = found
    user = found.login.user
    user.current_login = found.login
    return user


@login.unauthorized_handler
def ask_to_log_in() -> BaseResponse:
    """Redirect a visitor to the login page. If the client wants JSON, raise Unauthorized (401) instead.

    If the visitor sent a GET request, the login page redirects back to the requested page.
    """
    if wants_json():
        raise Unauthorized()
    flash(_("Please log in to see this page."), "info")
    target = here() if request.method in SAFE_METHODS else None
    return redirect(url_for("accounts.login", next=target))


def unauthorized_json() -> Response:
    """Return a JSON response with status 401, for requests by scripts, which can't use a redirect to the login page."""
    response = jsonify(error=_("Please log in again."))
    response.status_code = 401
    return response


def _keep_last_seen() -> None:
    """Update the user's `last_seen` and the login's `last_used_at`, at most once per LAST_SEEN_INTERVAL.

    This is the only write to the database in GET requests. It uses a separate transaction. If the database is busy,
    nothing is updated.
    """
    found = g.get("visit")
    moment = now()
    if found is None or (found.last_seen is not None and found.last_seen > moment - LAST_SEEN_INTERVAL):
        return
    try:
        with write_in_separate_transaction() as connection:
            person = select(User.id).where(User.id == found.user_id)
            person = person.with_for_update(skip_locked=True, key_share=True)
            of_login = select(LoginSession.id).where(LoginSession.id == found.login_id)
            of_login = of_login.with_for_update(skip_locked=True, key_share=True)
            connection.execute(update(User).where(User.id.in_(person)).values(last_seen=moment))
            connection.execute(update(LoginSession).where(LoginSession.id.in_(of_login)).values(last_used_at=moment))
    except (OperationalError, PoolTimeout):
        pass  # the database is busy; a later request will update it
