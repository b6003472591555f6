"""Door (HTTP) of people's pictures: taking an upload, and serving what was uploaded or is drawn."""

from __future__ import annotations

from threading import BoundedSemaphore
from typing import BinaryIO, cast

from flask import abort, current_app, make_response, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from app.avatars import drawn_avatar_svg
from app.database import end_reading
from app.errors import Refused, Sentence
from app.i18n import _l
from app.media import ImageRefused, avatar_bytes, read_image
from app.models import User
from app.profiles import bp
from app.profiles.storage import storage
from app.queries import people
from app.web.filters import avatar_url

YEAR = 365 * 24 * 3600  # seconds
MINUTE = 60
SVG_POLICY = "default-src 'none'; sandbox"  # an SVG opened by itself is a document: it may do nothing

REFUSALS: dict[str, Sentence] = {
    "empty": _l("The file is empty."),
    "bytes": _l("The picture is too large: 5 MB are allowed."),
    "format": _l("Please choose a JPEG, PNG, GIF or WebP picture."),
    "pixels": _l("The picture is too large: 25 megapixels are allowed."),
    "broken": _l("The picture is damaged and could not be read."),
}

# A picture within the limits may need 200 MB while it is decoded: one at a time in each process.
_decoding = BoundedSemaphore(1)


def take(upload: FileStorage) -> str:
    """Check an uploaded picture, store it encoded anew, and answer its random name. Raises Refused."""
    end_reading()  # decoding takes its time, and no lock
    try:
        with _decoding:
            picture = avatar_bytes(read_image(cast(BinaryIO, upload.stream)))
        return storage().save(picture, "webp")
    except ImageRefused as error:
        raise Refused(REFUSALS[error.code]) from error
    except OSError as error:  # the disk is full, or gone
        current_app.logger.exception("a picture could not be stored")
        raise Refused(_l("The picture could not be stored. Please try again later.")) from error


def remove(name: str | None) -> None:
    """Delete a stored picture that no row names. What cannot be deleted now is stray, and the job's to find."""
    if not name:
        return
    try:
        storage().delete(name)
    except OSError:
        current_app.logger.exception("the picture %s could not be deleted", name)


@bp.get("/avatar/<username>/<version>")
def avatar(username: str, version: str) -> Response:
    """A person's picture. The address that pages give today may be kept for ever, any other only briefly."""
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
