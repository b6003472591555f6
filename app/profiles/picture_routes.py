"""Store uploaded profile pictures, and serve uploaded or generated ones."""

from __future__ import annotations

from flask import abort, current_app, make_response, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from app.lib.avatars import drawn_avatar_svg
from app.lib.media import AVATAR, Storage
from app.models import User
from app.profiles import bp
from app.queries import people
from app.web.filters import avatar_url
from app.web.uploads import remove_picture, take_pictures

YEAR = 365 * 24 * 3600  # seconds
MINUTE = 60
SVG_POLICY = "default-src 'none'; sandbox"  # if an SVG is opened directly, it must not load anything or run scripts


def take(upload: FileStorage) -> str:
    """Check an uploaded picture, re-encode it and store it. Return the random name of the stored file.

    Raise ActionError if the picture is refused.
    """
    return take_pictures([upload], storage(), AVATAR)[0].name


def remove(name: str | None) -> None:
    """Delete the file of a picture that is no longer used. Do nothing if `name` is empty."""
    if name:
        remove_picture(storage(), name)


@bp.get("/avatar/<username>/<version>")
def avatar(username: str, version: str) -> Response:
    """Serve a member's picture. Browsers can cache it for a year if `version` is current, otherwise for a minute."""
    person = people.by_username(username) or abort(404)
    today = url_for("profiles.avatar", username=person.username, version=version) == avatar_url(person)
    response = _uploaded(person)
    if response is None:
        today = today and not person.avatar
        response = _drawn(person)
    response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable" if today else f"public, max-age={MINUTE}"
    return response


def _uploaded(person: User) -> Response | None:
    if not person.avatar:
        return None
    try:
        with storage().open(person.avatar) as file:
            response = make_response(file.read())
    except FileNotFoundError:
        current_app.logger.warning("the picture of %s is missing", person.username)
        return None
    response.mimetype = "image/webp"
    return response


def _drawn(person: User) -> Response:
    response = make_response(drawn_avatar_svg(person.username, person.name))
    response.mimetype = "image/svg+xml"
    response.headers["Content-Security-Policy"] = SVG_POLICY
    return response


def storage() -> Storage:
    """Return the storage of uploaded pictures, in DATA_DIR."""
    return Storage(current_app.config["DATA_DIR"] / "media" / "avatars")
