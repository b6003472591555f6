"""A test client that behaves like a browser: forms with their tokens, and requests that share nothing with the test."""

from __future__ import annotations

import contextvars
import hashlib
import secrets
from typing import Any
from urllib.parse import urljoin, urlsplit

from flask import Flask, has_app_context
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from app.extensions import db
from app.models import User
from app.web import cookies
from tests.support.forms import fill

DOOR: contextvars.ContextVar[bool] = contextvars.ContextVar("inside_a_door", default=False)


def in_new_context(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Run `function` as a request or a job runs: in a context of its own, after the test's transaction has ended.

    What the test holds is committed first (so the door sees it) and read afresh afterwards (so the test sees what the
    door did).
    """
    if has_app_context():
        db.session.commit()

    def inside() -> Any:
        DOOR.set(True)
        return function(*args, **kwargs)

    try:
        return contextvars.Context().run(inside)
    finally:
        if has_app_context():
            db.session.expire_all()


class Browser(FlaskClient):
    """`app.test_client()` with CSRF for real. `user` is the person logged in by `as_(...)`."""

    user: User | None = None
    application: Flask

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """One request, in a context of its own, to the site's own host."""
        kwargs.setdefault("base_url", self.application.config["SITE_URL"])
        kwargs.setdefault("buffered", True)  # a file that is sent is closed again
        if isinstance(args[0] if args else None, str):
            kwargs = _host_of(args[0]) | kwargs
        response: TestResponse = in_new_context(super().open, *args, **kwargs)
        return response

    def csrf_token(self) -> str:
        """A token of this browser's session: what a form of ours would carry."""
        config = self.application.config
        signer = cookies.serializer(self.application)
        host = urlsplit(config["SITE_URL"]).hostname or "localhost"
        name = config["SESSION_COOKIE_NAME"]
        cookie = self.get_cookie(name, domain=host)
        content = dict(signer.loads(cookie.value)) if cookie else {}
        if "csrf_token" not in content:
            content["csrf_token"] = hashlib.sha1(secrets.token_bytes(64)).hexdigest()
            self.set_cookie(name, signer.dumps(content), domain=host, httponly=True, samesite="Lax")
        secret = config.get("WTF_CSRF_SECRET_KEY", config["SECRET_KEY"])
        return str(URLSafeTimedSerializer(secret, salt="wtf-csrf-token").dumps(content["csrf_token"]))

    def post_form(self, path: str, data: dict[str, Any] | None = None, **kwargs: Any) -> TestResponse:
        """POST `data` with a good CSRF token, without loading a page first."""
        return self.post(path, data={"csrf_token": self.csrf_token(), **(data or {})}, **kwargs)

    def submit(
        self, page: str, data: dict[str, Any] | None = None, *, action: str | None = None, **kwargs: Any
    ) -> TestResponse:
        """Load `page`, fill its form with `data` and send it, hidden fields included.

        `action` is the address of the wanted form (its path); without it, the form that has all the fields named in
        `data`. Raises AssertionError when the page has no such form.
        """
        shown = self.get(page)
        assert shown.status_code < 400 or shown.status_code == 422, f"{page} answered {shown.status}"
        where, values = fill(shown.text, data or {}, page, action)
        return self.post(where, data=values, **kwargs)

    def follow(self, response: TestResponse) -> TestResponse:
        """GET where a redirect points to."""
        assert response.status_code in {301, 302, 303, 307, 308}, response.status
        target = urlsplit(urljoin(self.application.config["SITE_URL"], response.headers["Location"]))
        return self.get(target.path + (f"?{target.query}" if target.query else ""))


def _host_of(address: str) -> dict[str, str]:
    parts = urlsplit(address)
    return {"base_url": f"{parts.scheme}://{parts.netloc}"} if parts.netloc else {}
