"""Files people give us: checked, re-encoded images, and a store where each has a random name."""

from app.media.images import ImageRefused, avatar_bytes, read_image
from app.media.storage import NewFile, Storage

__all__ = ["ImageRefused", "NewFile", "Storage", "avatar_bytes", "read_image"]
