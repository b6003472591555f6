"""The session cookie: signed like Flask's own cookie, but without a timestamp.

If a server's clock is set back, Flask rejects the existing cookies, because their timestamps are in the future
(pallets/itsdangerous#400). All users would be logged out. This cookie needs no timestamp, because a row in
`login_session` stores when the login expires.
"""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Flask, has_request_context, request
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask.wrappers import Request, Response
from itsdangerous import BadSignature, URLSafeSerializer

LOGIN_KEY = "_user_id"  # Flask-Login's key for the value of User.get_id(): the login's id
PERSON_KEY = "person"  # the user's id, which lets idle polls skip the database


def serializer(app: Flask) -> URLSafeSerializer:
    """Return the serializer that signs and reads the session cookie of `app`."""
    return URLSafeSerializer(
        app.config["SECRET_KEY"],
        salt="microblog-session",
        serializer=TaggedJSONSerializer(),
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


class TimelessSessionInterface(SecureCookieSessionInterface):
    """Flask's session interface, with a session cookie that has no timestamp."""

    def get_signing_serializer(self, app: Flask) -> Any:
        """Return the serializer that signs the session cookie.

        Return None if SECRET_KEY is empty. Flask then raises an error when the session is changed.
        """
        return serializer(app) if app.config["SECRET_KEY"] else None

    def get_cookie_path(self, _app: Flask) -> str:
        """Return the path of the cookie: the URL prefix of the site, or "/".

        With this path, other sites on the same host don't receive the cookie.
        """
        return request.script_root or "/" if has_request_context() else "/"

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session that is stored in the request's cookie.

        Return an empty session if the cookie is missing or invalid.
        """
        signer = self.get_signing_serializer(app)
        if signer is None:
            return None
        value = request.cookies.get(self.get_cookie_name(app))
        if not value:
            return self.session_class()
        try:
            return self.session_class(signer.loads(value))
        except (BadSignature, ValueError, TypeError, RecursionError):
            return self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Add the session cookie and the header "Vary: Cookie" to the response, if they are needed.

        If the session is unchanged, they are left out of publicly cacheable responses, such as pictures. With the
        cookie or the header, shared caches could not reuse these responses for other users.
        """
        if session.modified or not response.cache_control.public:
            super().save_session(app, session, response)
