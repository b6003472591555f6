"""Files people give us: checked, re-encoded images, and a store where each has a random name."""

from app.media.images import (
    PHOTO_SIDE,
    THUMBNAIL_SIDE,
    ImageRefused,
    read_image,
    squared,
    webp_bytes,
    within,
)
from app.media.storage import NewFile, Storage

__all__ = [
    "PHOTO_SIDE",
    "THUMBNAIL_SIDE",
    "ImageRefused",
    "NewFile",
    "Storage",
    "read_image",
    "squared",
    "webp_bytes",
    "within",
]
