"""The session cookie: signed like Flask's own cookie, but without a timestamp.

If a server's clock is set back, Flask rejects its cookies, because their timestamps are in the future
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
    """Flask's cookie session without the timestamp."""

    def get_signing_serializer(self, app: Flask) -> Any:
        """Return the serializer of `app`, or None without a SECRET_KEY, which Flask reports as an error."""
        return serializer(app) if app.config["SECRET_KEY"] else None

    def get_cookie_path(self, _app: Flask) -> str:
        """Return the URL prefix, so that other sites on the same host do not receive the cookie."""
        return request.script_root or "/" if has_request_context() else "/"

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session that the cookie contains; an empty session if the cookie is missing or invalid."""
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
        """Set the cookie and the header "Vary: Cookie" if needed.

        If the session is unchanged, neither is set on publicly cacheable responses, such as pictures, because shared
        caches could not reuse them for other users.
        """
        if session.modified or not response.cache_control.public:
            super().save_session(app, session, response)
