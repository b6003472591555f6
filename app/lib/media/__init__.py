"""Check and re-encode uploaded images, and store files under random names."""

from .decoder_launcher import DecoderFailed, Picture, make_picture
from .rules import ACCEPT, AVATAR, PHOTO, THUMBNAIL, InvalidImage, Shape
from .storage import NewFile, Storage

__all__ = [
    "ACCEPT",
    "AVATAR",
    "PHOTO",
    "THUMBNAIL",
    "DecoderFailed",
    "InvalidImage",
    "NewFile",
    "Picture",
    "Shape",
    "Storage",
    "make_picture",
]
