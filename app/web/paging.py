"""Keyset pagination: items are sorted by id, highest first. A page starts below the last id of the previous page.

The queries use neither OFFSET nor COUNT, so pages at the end of a long list are as fast as the first page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import current_app, request
from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import InstrumentedAttribute

from app.extensions import db
from app.models import Post, User
from app.queries import quotes
from app.queries.reposts import Entry, entry
from app.queries.timelines import LARGEST_ID, page_parameters

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """The items of one page.

    `older` is the cursor of the next page, which has older items. It is None on the last page.
    """

    items: Sequence[T]
    older: int | None


def position(name: str) -> int | None:
    """Return the id in the query argument `name`, or None if it is missing or not a plain positive number."""
    raw = request.args.get(name, "")
    if not (raw.isascii() and raw.isdigit()) or len(raw) > 19:
        return None
    return min(int(raw), LARGEST_ID) or None


def before_id() -> int | None:
    """Return the cursor of the requested page: all ids on this page are lower. Return None for the first page."""
    return position("before")


def page(
    select: Select[T],
    key: InstrumentedAttribute[int] | ColumnElement[int],
    *,
    size: int | None = None,
    of: Callable[[T], int] | None = None,
) -> Page[T]:
    """Run `select` for the requested page, sorted by the column `key`, highest first. Return the page.

    `size` is the number of items on a page, by default POSTS_PER_PAGE. `of(item)` must return the value of `key` for an
    item; by default, it returns the item's id.
    """
    size = size or page_size()
    before = before_id()
    if before is not None:
        select = select.where(key < before)
    return cut(select.order_by(key.desc()).limit(size + 1), size=size, of=of)


def page_of_posts(timeline: Select[Post], viewer: User, **values: Any) -> Page[Post]:
    """Run a query of app/queries/timelines.py for the requested page, and return the page with the quoted posts.

    `values` are the values of its bind parameters, except those of `page_parameters`.
    """
    size = page_size()
    found = cut(timeline, values | page_parameters(viewer, before=before_id(), size=size), size=size)
    quotes.load(viewer, found.items)
    return found


def page_of_entries(timeline: Select[Any], viewer: User, **values: int) -> Page[Entry]:
    """Run a query of app/queries/timelines.py that selects entries, as `page_of_posts` does. Return the page."""
    size = page_size()
    rows = db.session.execute(timeline, values | page_parameters(viewer, before=before_id(), size=size)).unique().all()
    found = cut_entries([entry(row) for row in rows], size)
    quotes.load(viewer, [one.post for one in found.items])
    return found


def cut_entries(found: Sequence[Entry], size: int) -> Page[Entry]:
    """Return the first `size` entries as a page, without those whose posts the viewer doesn't see.

    Another entry shows whether there is a next page.
    """
    older = found[size - 1].place if len(found) > size else None
    return Page([one for one in found[:size] if one.is_shown], older)


def page_size() -> int:
    """Return the number of items on a page, the setting POSTS_PER_PAGE."""
    return int(current_app.config["POSTS_PER_PAGE"])


def cut(
    select: Select[T], values: Mapping[str, Any] | None = None, *, size: int, of: Callable[[T], int] | None = None
) -> Page[T]:
    """Run `select`, and return the first `size` items as a page. `values` are the values of its bind parameters.

    `select` must be sorted, start at the cursor of the page, and have the limit `size` + 1. The additional item shows
    whether there is a next page. `of(item)` must return the cursor after an item; by default, it returns the item's id.
    """
    found: Sequence[Any] = db.session.scalars(select, values).unique().all()
    items = found[:size]
    key: Callable[[Any], int] = of or (lambda item: item.id)
    last = key(items[-1]) if len(found) > size else None
    return Page(items, last)
