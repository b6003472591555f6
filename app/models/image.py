"""The columns of an image in a message or a post, and the images of posts."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Base


class AttachedImage:
    """The columns of an image, besides the id of its message or post."""

    id: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int]  # 0 to 3
    file: Mapped[str] = mapped_column(String(64), index=True)  # name in the storage; indexed to find unused files
    thumbnail: Mapped[str] = mapped_column(String(64), default="", index=True)  # like `file`; "" until a job creates it
    alt: Mapped[str] = mapped_column(Text, default="")
    width: Mapped[int]  # pixels
    height: Mapped[int]


class PostImage(AttachedImage, Base):
    """An image in a post. Its files are served only to users who can see the post (app/posts/image_routes.py)."""

    __tablename__ = "post_image"
    __table_args__ = (
        UniqueConstraint("post_id", "position"),
        {"sqlite_autoincrement": True},  # ids are never reused
    )

    post_id: Mapped[int] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"))
